"""Quotes: a price that is guaranteed for a while."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import post

from hotel_booking.api.prices import (
    CancellationPolicyTerms,
    PriceLine,
    cancellation_terms,
    price_lines,
)
from hotel_booking.core.config import Settings
from hotel_booking.core.dates import Instant, Stay
from hotel_booking.core.db import Transaction
from hotel_booking.core.money import Money
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.pricing import price_of
from hotel_booking.domains.bookings.types import Quote, QuotedRoom, RoomRequest, SaleTerms
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.rates.cancellation import describe
from hotel_booking.domains.rates.pricing import night_totals
from hotel_booking.domains.rates.types import MAX_ROOMS
from hotel_booking.http.access import public
from hotel_booking.http.examples import HOTEL, example, stay


class QuoteRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to price. `agreed_price` (minor units per room-night) needs an API key with the scope
    rates:override: a negotiated rate instead of the plan's prices and restrictions."""

    property: str
    arrival: date
    departure: date
    rooms: Annotated[list[RoomRequest], msgspec.Meta(min_length=1, max_length=MAX_ROOMS)]
    agreed_price: int | None = None


class QuoteRoomAnswer(msgspec.Struct, frozen=True):
    """One priced room."""

    room_type: str
    rate_plan: str
    adults: int
    children: tuple[int, ...]
    total: Money
    lines: list[PriceLine]
    cancellation: CancellationPolicyTerms


class QuoteAnswer(msgspec.Struct, frozen=True):
    """A quote: its price and policies are guaranteed until `expires_at`; the rooms are not held yet.

    `lines` are those of all rooms and add up to `total`; `cancellation` is the first room's.
    """

    id: UUID
    property: str
    arrival: date
    departure: date
    nights: int
    expires_at: Instant
    total: Money
    due_now: Money
    lines: list[PriceLine]
    cancellation: CancellationPolicyTerms
    rooms: list[QuoteRoomAnswer]


@post(
    "/quotes",
    opt=public()
    | example(
        lambda today: {
            "property": HOTEL,
            **stay(today),
            "rooms": [{"room_type": "CLASSIC", "rate_plan": "FLEX", "adults": 2, "children": []}],
        }
    ),
    tags=["Booking"],
    summary="Price a stay",
)
async def create_quote(
    data: QuoteRequest, tx: Transaction, now: datetime, caller: Caller, settings: Settings
) -> QuoteAnswer:
    """A price, line by line, guaranteed with its cancellation policy until `expires_at`. It takes no room:
    `POST /bookings` does. A refusal names every reason, and the nearest stay that would be sold."""
    if data.agreed_price is not None:
        caller.require(Scope.RATES_OVERRIDE)
    quote = await service.quote(
        tx,
        property_slug=data.property,
        stay=Stay(data.arrival, data.departure),
        rooms=data.rooms,
        now=now,
        lifetime=timedelta(minutes=settings.quote_minutes),
        agreed_price=data.agreed_price,
    )
    if data.agreed_price is not None:
        caller.check_property(quote.property_id)
    return _answer(quote)


def _answer(quote: Quote) -> QuoteAnswer:
    rooms = [_room(quote, room, terms) for room, terms in zip(quote.rooms, quote.terms, strict=True)]
    return QuoteAnswer(
        id=quote.id,
        property=quote.property_slug,
        arrival=quote.arrival,
        departure=quote.departure,
        nights=(quote.departure - quote.arrival).days,
        expires_at=quote.expires_at,
        total=Money(quote.total, quote.currency),
        due_now=Money(quote.due_now, quote.currency),
        lines=[line for room in rooms for line in room.lines],
        cancellation=rooms[0].cancellation,
        rooms=rooms,
    )


def _room(quote: Quote, room: QuotedRoom, terms: SaleTerms) -> QuoteRoomAnswer:
    price = price_of(room, terms)
    policy = describe(
        terms.policy,
        arrival=quote.arrival,
        timezone=quote.timezone,
        currency=quote.currency,
        total=price.total,
        night_totals=night_totals(price),
        at=quote.created_at,
    )
    return QuoteRoomAnswer(
        room_type=room.room_type,
        rate_plan=room.rate_plan,
        adults=room.adults,
        children=room.children,
        total=Money(room.total, quote.currency),
        lines=price_lines(price.lines, quote.currency),
        cancellation=cancellation_terms(policy, quote.currency, price.total),
    )


handlers = [create_quote]
