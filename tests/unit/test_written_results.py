"""A hotel of a search's answer is encoded ahead: to the same bytes as its struct."""

from __future__ import annotations

from datetime import time

import msgspec
import pytest

from hotel_booking.api import search
from hotel_booking.domains.search.types import FoundOffer, FoundProperty, SearchResult


def _hotel(name: str, amenities: tuple[int, ...]) -> FoundProperty:
    return FoundProperty(
        7, "hotel", name, 4, "Lisbon", "PT", 38.7, -9.123456, amenities, "Europe/Lisbon", time(0), "EUR",
        "line", (2, 11),
    )  # fmt: skip


_OFFER = FoundOffer("DBL", "Double", "FLEX", "Flexible", "EUR", 20_000, 2, 1, 3, True, 19)


@pytest.mark.parametrize("metres", [None, 0, 1, 999, 4122, 1_000_000, 20_015_087])
@pytest.mark.parametrize("amenities", [(), (5, 71)])
def test_the_bytes_are_those_of_the_struct(metres: int | None, amenities: tuple[int, ...]) -> None:
    for name in ("Seaview", 'Zum "Löwen" \\ 東京\u2028'):
        hotel = _hotel(name, amenities)
        told = search.FoundProperty(
            "hotel", name, 4, "Lisbon", "PT", 38.7, -9.123456, amenities,
            None if metres is None else metres / 1000,
        )  # fmt: skip
        for _ in range(2):  # the second time it is written already
            written = search._result(SearchResult(hotel, _OFFER, metres))  # noqa: SLF001  # what is encoded
            assert msgspec.json.encode(written.property) == msgspec.json.encode(told)


def test_another_hotel_at_the_same_address_in_memory_is_written_anew() -> None:
    """Objects are known by where they are, which is where another one may be later."""
    for number in range(10_000):
        name = f"hotel {number}"
        written = search._result(SearchResult(_hotel(name, ()), _OFFER))  # noqa: SLF001  # what is encoded
        assert name.encode() in msgspec.json.encode(written)
