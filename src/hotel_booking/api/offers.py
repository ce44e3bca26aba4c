"""Offers: every room type on every plan that one hotel sells for a stay."""

from __future__ import annotations

from datetime import date, datetime
from typing import cast

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
from hotel_booking.domains.search.form import LineField, OfferField, OfferForm, StageField, form_of
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import Offer, Refusal
from hotel_booking.http.access import public
from hotel_booking.http.examples import example, stay_parameters
from hotel_booking.http.fast_path import direct


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
    stay, party = stay_of(arrival, departure, now), party_of(adults, children, rooms)
    spread = [PartyRoom(room.adults, room.children) for room in party]
    if not explain and (written := searching.written_offers(slug, stay, party, FORM, now)) is not None:
        offers = cast("list[PricedOffer]", msgspec.Raw(b"[%b]" % written))
        return OffersAnswer(slug, arrival, departure, spread, offers)
    found = await searching.offers(slug, stay, party, explain=explain, now=now)
    return OffersAnswer(
        property=found.slug,
        arrival=arrival,
        departure=departure,
        rooms=spread,
        offers=[offer_of(offer, stay.nights) for offer in found.offers],
        refused=None if found.refused is None else [_refused(refusal) for refusal in found.refused],
        fits_in_rooms=found.fits_in,
    )


_O, _L, _S = OfferField, LineField, StageField
FORM = OfferForm(
    form_of(
        '{"room_type":"', _O.TYPE_CODE, '","room_type_name":"', _O.TYPE_NAME,
        '","rate_plan":"', _O.PLAN_CODE, '","rate_plan_name":"', _O.PLAN_NAME,
        '","meal":', _O.MEAL, ',"nights":', _O.NIGHTS, ',"rooms_left":', _O.ROOMS_LEFT,
        ',"total":{"amount":', _O.TOTAL, ',"currency":"', _O.CURRENCY,
        '"},"due_now":{"amount":', _O.DUE_NOW, ',"currency":"', _O.CURRENCY,
        '"},"lines":[', _O.LINES,
        '],"cancellation":{"code":"', _O.POLICY_CODE, '","name":"', _O.POLICY_NAME,
        '","refundable":', _O.REFUNDABLE, ',"free_until":', _O.FREE_UNTIL,
        ',"fee_now":{"amount":', _O.FEE_NOW, ',"currency":"', _O.CURRENCY, '"},"stages":[', _O.STAGES,
        '],"no_show":{"amount":', _O.NO_SHOW, ',"currency":"', _O.CURRENCY, '"},"text":[', _O.TEXTS, "]}}",
    ),
    form_of(
        '{"kind":"', _L.KIND, '","night":', _L.NIGHT, ',"code":"', _L.CODE, '","label":"', _L.LABEL,
        '","quantity":', _L.QUANTITY, ',"amount":{"amount":', _L.AMOUNT, ',"currency":"', _L.CURRENCY,
        '"},"gross":{"amount":', _L.GROSS, ',"currency":"', _L.CURRENCY, '"},"included":', _L.INCLUDED, "}",
    ),
    form_of(
        '{"since":', _S.SINCE, ',"fee":{"amount":', _S.FEE, ',"currency":"', _S.CURRENCY,
        '"},"text":"', _S.TEXT, '"}',
    ),
)  # fmt: skip
"""A `PricedOffer` as compiled code writes it; a test compares the two."""


def offer_of(offer: Offer, nights: int) -> PricedOffer:
    """An offer as it is answered."""
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
