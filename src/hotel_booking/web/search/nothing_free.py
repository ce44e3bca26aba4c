"""Where nothing is free: what would work instead, and what stands against the stay at the hotels nearby."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from hotel_booking.core.dates import Stay
from hotel_booking.core.money import Money
from hotel_booking.domains.properties.queries import translated
from hotel_booking.domains.search.errors import ArrivalInThePast
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import SearchRequest
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.web.i18n.refusals import Refusals
from hotel_booking.web.search import other_rooms
from hotel_booking.web.search.other_rooms import RoomSplitPhrases
from hotel_booking.web.search.query import Asked

_ASKED_WHY = 3
# What is tried: the same nights earlier or later, the nearest first.
_SHIFTS = (1, -1, 2, -2, 3, -3, 7, -7)


class Other(msgspec.Struct, frozen=True):
    """Other dates that work, and what they cost at least."""

    stay: Stay
    total: Money
    href: str


class RefusedHotel(msgspec.Struct, frozen=True):
    """A hotel nearby, and what stands against the stay there."""

    name: str
    href: str
    reasons: list[str]


async def alternatives(
    searching: Searching,
    wanted: SearchRequest,
    asked: Asked,
    address: Callable[..., str],
    *,
    today: date,
    language: str,
    now: datetime,
) -> dict[str, Any]:
    """What the page shows of it. `address` is the question's, with changes."""
    apart = await other_rooms.at_all(searching, wanted, asked, language=language, now=now)
    phrases = RoomSplitPhrases(language, translations(language))
    return {
        "apart": (apart.href, phrases.said(apart)) if apart is not None else None,
        "others": await _others(searching, wanted, now, today, address),
        "whys": await _whys(searching, wanted, asked, language, now),
    }


async def _others(
    searching: Searching, wanted: SearchRequest, now: datetime, today: date, address: Callable[..., str]
) -> list[Other]:
    """The same nights a few days earlier or later, where something is free then: at most three."""
    others: list[Other] = []
    for days in _SHIFTS:
        stay = _shifted(wanted.stay, days, today)
        if stay is None:
            continue
        shifted = msgspec.structs.replace(wanted, stay=stay, after=None, limit=1, sort="price")
        found = await searching.find(shifted, now)
        if found.results:
            offer = found.results[0].offer
            href = address(arrival=stay.arrival, departure=stay.departure)
            others.append(Other(stay, Money(offer.total, offer.currency), href))
        if len(others) == 3:
            break
    return sorted(others, key=lambda other: other.stay.arrival)


def _shifted(stay: Stay, days: int, today: date) -> Stay | None:
    arrival = stay.arrival + timedelta(days=days)
    return Stay(arrival, stay.departure + timedelta(days=days)) if arrival >= today else None


async def _whys(
    searching: Searching, wanted: SearchRequest, asked: Asked, language: str, now: datetime
) -> list[RefusedHotel]:
    """What stands against the stay at the nearest hotels, whatever the filters."""
    refusals = Refusals(language, translations(language))
    splits = RoomSplitPhrases(language, translations(language))
    _ = translations(language).gettext
    found = await searching.candidates(msgspec.structs.replace(wanted, stars=(), refundable=False))
    nearest = sorted(found.values(), key=lambda hotel: (hotel.distance_m or 0, hotel.id))[:_ASKED_WHY]
    names = await translated(searching.tx, "property", [hotel.id for hotel in nearest], language)
    whys: list[RefusedHotel] = []
    for hotel in nearest:
        name = names.get(hotel.id, {}).get("name", hotel.name)
        try:
            answer = await searching.offers(hotel.slug, wanted.stay, wanted.party, explain=True, now=now)
        except ArrivalInThePast:
            past = _("This date has already passed at the hotel. Please choose today or later.")
            whys.append(RefusedHotel(name, f"/{language}/hotels/{hotel.slug}#rooms", [past]))
            continue
        where = asked.query()
        if answer.fits_in is not None:
            instead = await other_rooms.at_hotel(
                searching, (hotel.id, hotel.slug), wanted, asked, answer.fits_in, language=language, now=now
            )
            if instead is not None:
                reasons, where = [splits.said(instead)], instead.href
            else:
                reasons = [refusals.rooms_needed(answer.fits_in)]
        elif answer.offers:
            reasons = [_("Available, but not with your filters")]
        else:
            fewest = min(answer.refused or (), key=lambda refusal: len(refusal.reasons), default=None)
            reasons = refusals.reasons(fewest.reasons)[:2] if fewest is not None else [_("Not available")]
        whys.append(RefusedHotel(name, f"/{language}/hotels/{hotel.slug}{where}#rooms", reasons))
    return whys
