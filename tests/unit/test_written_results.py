"""The results of a search's answer are encoded ahead: to the same bytes as their structs."""

from __future__ import annotations

from datetime import time

import msgspec
import pytest

from hotel_booking.api import search
from hotel_booking.core.money import Money
from hotel_booking.domains.search.types import FoundOffer, FoundProperty, SearchResult

ODD = 'Zum "Löwen" \\ 東京\u2028'


def _hotel(name: str, amenities: tuple[int, ...]) -> FoundProperty:
    return FoundProperty(
        7, "hotel", name, 4, "Lisbon", "PT", 38.7, -9.123456, amenities, "Europe/Lisbon", time(0), "EUR",
        "line", (2, 11),
    )  # fmt: skip


def _offer(name: str, approximate: Money | None = None, *, compared: bool = True) -> FoundOffer:
    refundable, total = name == ODD, 20_000 if compared else 0
    return FoundOffer(
        "DBL", name, "FLEX", name, "EUR", total, 3, 2, 1, refundable, -1, approximate, compared
    )  # fmt: skip


def _struct(hotel: FoundProperty, offer: FoundOffer, metres: int | None) -> search.ResultAnswer:
    distance = None if metres is None else metres / 1000
    return search.ResultAnswer(
        search.FoundProperty(
            "hotel", hotel.name, 4, "Lisbon", "PT", 38.7, -9.123456, hotel.amenities, distance
        ),
        search.OfferAnswer(
            "DBL", offer.room_type_name, "FLEX", offer.rate_plan_name, Money(offer.total, "EUR"),
            Money(round(offer.total / 3), "EUR"), 3, 2, 1, offer.refundable, -1, offer.approximate,
            offer.compared,
        ),
    )  # fmt: skip


@pytest.mark.parametrize("metres", [None, 0, 1, 999, 4122, 1_000_000, 20_015_087])
@pytest.mark.parametrize("amenities", [(), (5, 71)])
def test_the_bytes_are_those_of_the_struct(metres: int | None, amenities: tuple[int, ...]) -> None:
    results, structs = [], []
    for name in ("Seaview", ODD):
        for offer in (_offer(name), _offer(name, Money(3, "JPY")), _offer(name, compared=False)):
            hotel = _hotel(name, amenities)
            for _ in range(2):  # the second time it is written already
                results.append(SearchResult(hotel, offer, metres))
                structs.append(_struct(hotel, offer, metres))
    written = search.written(results)
    assert msgspec.json.encode(written) == msgspec.json.encode(structs)
    assert msgspec.json.encode(search.written([])) == b"[]"


def test_another_hotel_at_the_same_address_in_memory_is_written_anew() -> None:
    """Objects are known by where they are, which is where another one may be later."""
    for number in range(10_000):
        name = f"hotel {number}"
        written = search.written([SearchResult(_hotel(name, ()), _offer("Double"))])
        assert name.encode() in msgspec.json.encode(written)
