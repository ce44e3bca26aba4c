"""Offers: every room type on every plan that one hotel sells for a stay."""

from __future__ import annotations

from datetime import date, datetime

import msgspec
from litestar import get

from hotel_booking.api.prices import (
    CancellationPolicyTerms,
    PriceLine,
    cancellation_terms,
    price_lines,
)
from hotel_booking.api.stay_query import party_of, stay_of
from hotel_booking.core.money import Money
from hotel_booking.domains.rates.restrictions import ReasonCode
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import Offer, Refusal
from hotel_booking.http.access import public
from hotel_booking.http.asked import direct
from hotel_booking.http.examples import example, stay_parameters


class PartyRoom(msgspec.Struct, frozen=True):
    """Who sleeps in one of the rooms."""

    adults: int
    children: tuple[int, ...]


class PricedOffer(msgspec.Struct, frozen=True):
    """One offer. The amounts are for all rooms, and the lines, room after room, add up to `total`."""

    room_type: str
    room_type_name: str
    rate_plan: str
    rate_plan_name: str
    meal: int
    nights: int
    rooms_left: int
    total: Money
    due_now: Money
    lines: list[PriceLine]
    cancellation: CancellationPolicyTerms


class RefusalReason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One reason why a pair is not sold; `night` if it concerns one night (of `closed_to_departure`, the
    day of departure), `limit` the number that would have to be met."""

    code: ReasonCode
    detail: str
    night: date | None = None
    limit: int | None = None


class NearestStay(msgspec.Struct, frozen=True):
    """The nearest stay that would be sold on the same plan, at most 14 days away."""

    room_type: str
    arrival: date
    departure: date
    detail: str


class RefusedPair(msgspec.Struct, frozen=True, omit_defaults=True):
    """A room type on a plan that is not sold for the stay."""

    room_type: str
    room_type_name: str
    rate_plan: str
    rate_plan_name: str
    reasons: list[RefusalReason]
    fix: NearestStay | None = None


class OffersAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Offers, cheapest first; `rooms` says how the party was spread, for the quote. `fits_in_rooms`: the
    party fits no room as it is split, but would fit in this many."""

    property: str
    arrival: date
    departure: date
    rooms: list[PartyRoom]
    offers: list[PricedOffer]
    refused: list[RefusedPair] | None = None
    fits_in_rooms: int | None = None


@get(
    "/properties/{slug:str}/offers",
    opt=public() | direct() | example(parameters={"adults": 2, "children": "5", **stay_parameters()}),
    tags=["Search"],
    summary="Offers of one hotel for a stay",
)
async def list_offers(
    searching: Searching,
    now: datetime,
    slug: str,
    arrival: date,
    departure: date,
    adults: int = 2,
    children: str | None = None,
    rooms: int = 1,
    explain: bool = False,
) -> OffersAnswer:
    """Every room type on every rate plan, priced line by line. With `explain=true` also what is not sold:
    why, and the nearest stay that would be."""
    stay = stay_of(arrival, departure, now)
    found = await searching.offers(slug, stay, party_of(adults, children, rooms), explain=explain, now=now)
    return OffersAnswer(
        property=found.slug,
        arrival=arrival,
        departure=departure,
        rooms=[PartyRoom(room.adults, room.children) for room in found.party],
        offers=[_offer(offer, stay.nights) for offer in found.offers],
        refused=None if found.refused is None else [_refused(refusal) for refusal in found.refused],
        fits_in_rooms=found.fits_in,
    )


def _offer(offer: Offer, nights: int) -> PricedOffer:
    return PricedOffer(
        room_type=offer.room_type,
        room_type_name=offer.room_type_name,
        rate_plan=offer.rate_plan,
        rate_plan_name=offer.rate_plan_name,
        meal=offer.meal,
        nights=nights,
        rooms_left=offer.rooms_left,
        total=Money(offer.total, offer.currency),
        due_now=Money(offer.due_now, offer.currency),
        lines=[line for room in offer.rooms for line in price_lines(room.lines, offer.currency)],
        cancellation=cancellation_terms(offer.cancellation, offer.currency, offer.total),
    )


def _refused(refusal: Refusal) -> RefusedPair:
    fix = refusal.fix
    return RefusedPair(
        room_type=refusal.room_type,
        room_type_name=refusal.room_type_name,
        rate_plan=refusal.rate_plan,
        rate_plan_name=refusal.rate_plan_name,
        reasons=[
            RefusalReason(reason.code, reason.detail, reason.night, reason.limit)
            for reason in refusal.reasons
        ],
        fix=None if fix is None else NearestStay(fix.room_type, fix.arrival, fix.departure, fix.change),
    )


handlers = [list_offers]
