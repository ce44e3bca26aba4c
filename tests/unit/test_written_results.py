"""The results of a search's answer are written by compiled code: to the same bytes as their structs."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from hotel_booking.api.search import FORM, result_of
from hotel_booking.core.dates import Stay
from hotel_booking.core.money import Money
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.brief import PlanWords, pieces_of
from hotel_booking.domains.search.index.compiled import SAME, Compiled, Page, Scratch
from hotel_booking.domains.search.index.library import LIBRARY, Picked
from hotel_booking.domains.search.types import (
    Around,
    Box,
    FoundOffer,
    FoundProperty,
    SearchRequest,
    SearchResult,
    Sort,
)

ODD = 'Zum "Löwen" \\ 東京\u2028'
BEHIND = 2**62
_METRES = (0, 1, 20, 300, 999, 4_122, 20_000, 1_000_000, 20_015_087)


def _hotel(name: str, amenities: tuple[int, ...]) -> FoundProperty:
    return FoundProperty(
        7, "hotel", name, 4, "Lisbon", "PT", 38.7, -9.123456, amenities, "Europe/Lisbon", time(0), "EUR",
        "line", (2, 11),
    )  # fmt: skip


def _file(folder: Path, hotels: list[FoundProperty]) -> layout.Arrays:
    """An index of hotels with two room types and two plans each, and nothing to sell."""
    layout.create(folder / "1.index", layout.Capacity(properties=9, types=9, rates=1, pairs=9, heap=9_999))
    arrays = layout.Arrays(folder / "1.index", writable=True)
    at = 0
    for slot, hotel in enumerate(hotels):
        kinds = [(f"{kind}{slot}", hotel.name) for kind in ("ONE", "TWO")]
        pieces = pieces_of(hotel, kinds, [PlanWords(*kind, "", "", "") for kind in kinds])
        arrays["heap"][at + 5 : at + 5 + len(pieces)] = np.frombuffer(pieces, "u1")
        arrays["content_at"][slot], arrays["content_size"][slot], arrays["brief_size"][slot] = at, 3, 2
        arrays["pieces_size"][slot], arrays["types"][slot] = len(pieces), 2
        arrays["currency"][slot] = layout.letters_code("EUR")
        at += 5 + len(pieces)
    return arrays


def _picked(slot: int, metres: int, total: int, value: int) -> Picked:
    return Picked(
        value=value, then=0, id=7, slot=slot, version=0, content_at=0, metres=metres, pair=0, type_place=1,
        plan=slot % 2, total=total, left=slot, meal=slot - 1, policy=0, clock=0,
    )  # fmt: skip


def _page(picked: list[Picked], target: str) -> Page:
    scratch = Scratch(1)
    for place, one in enumerate(picked):
        scratch.picked[place] = one
    return Page(scratch, scratch.picked[: len(picked)], 0, [], Exchange(target, {}), False, 0, 0)


@pytest.mark.parametrize("sort", ["price", "stars"])
@pytest.mark.parametrize("target", ["EUR", "JPY"])
@pytest.mark.parametrize("circle", [True, False])
def test_the_bytes_are_those_of_the_struct(tmp_path: Path, sort: Sort, target: str, circle: bool) -> None:
    assert LIBRARY is not None
    hotels = [_hotel(name, amenities) for name in ("Seaview", ODD) for amenities in ((), (5, 71))]
    code = Compiled(_file(tmp_path, hotels), LIBRARY)
    request = SearchRequest(
        where=Around(38.7, -9.1, 50) if circle else Box(38, -10, 39, -9),
        stay=Stay(date(2031, 5, 1), date(2031, 5, 4)),
        party=(Occupancy(2), Occupancy(2)),
        sort=sort,
        currency=target,
    )
    picked, worth, expected = [], [], []
    for number, metres in enumerate(_METRES):
        slot, total = number % len(hotels), (0, 20_000, 20_001)[number % 3]
        unknown = number % 4 == 3
        picked.append(_picked(slot, metres, total, BEHIND + 7 if unknown else total * 161))
        approximate = None if target == "EUR" or unknown else Money(total * 161, "JPY")
        worth.append(SAME if approximate is None else approximate.amount)
        compared = target == "EUR" or not unknown or sort != "price"
        plan = ("ONE", "TWO")[slot % 2]
        offer = FoundOffer(
            f"TWO{slot}", hotels[slot].name, f"{plan}{slot}", hotels[slot].name, "EUR", total, 3, 2, slot,
            number % 2 == 0, slot - 1, approximate, compared,
        )  # fmt: skip
        expected.append(
            msgspec.json.encode(result_of(SearchResult(hotels[slot], offer, metres if circle else None)))
        )
    gives = bytes(number % 2 == 0 for number in range(len(picked)))
    told = None if sort == "price" else np.array(worth, np.int64)
    assert code.written(request, FORM, _page(picked, target), gives, told) == b",".join(expected)
    assert code.written(request, FORM, _page([], target), b"", None) == b""


def test_a_page_longer_than_expected_is_written_whole(tmp_path: Path) -> None:
    assert LIBRARY is not None
    code = Compiled(_file(tmp_path, [_hotel("long " * 300, ())]), LIBRARY)
    stay = Stay(date(2031, 5, 1), date(2031, 5, 2))
    request = SearchRequest(where=Box(38, -10, 39, -9), stay=stay, party=(Occupancy(2),))
    page = _page([_picked(0, 0, 1, 1)] * 100, "EUR")
    written = code.written(request, FORM, page, b"\0" * 100, None)
    assert written is not None
    assert len(written) > 100 * 4_500
    assert len(msgspec.json.decode(b"[" + written + b"]")) == 100
