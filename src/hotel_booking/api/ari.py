"""Availability, rates and inventory: what channel managers and revenue managers send."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from litestar import get, put
from litestar.params import QueryParameter

from hotel_booking.api.own_catalogue import nights_asked, own_catalogue
from hotel_booking.core.db import Transaction
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.rates import edits
from hotel_booking.domains.rates.ari import MAX_LINES, AriUpdate
from hotel_booking.domains.rates.edit_queries import NoArrival
from hotel_booking.domains.rates.queries import loaded_ari
from hotel_booking.http.access import needs
from hotel_booking.http.examples import ARRIVAL, example, later


class AriRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines in order; later ones win. All are written, or none."""

    updates: Annotated[list[AriUpdate], msgspec.Meta(max_length=MAX_LINES)]


class AriAnswer(msgspec.Struct, frozen=True):
    """How much was written. `past` nights of the lines, counted line by line, are before the property's today
    and were left as they are. `no_arrival` are nights of the lines, 50 at most, that are for sale and on
    which no stay can begin: the minimum and the maximum stay, which other calls, other levels or the rate
    plan set, contradict each other."""

    lines: int
    room_nights: int
    rate_nights: int
    past: int
    no_arrival: list[NoArrival]


class _Restrictions(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    closed: bool = False
    min_stay_arrival: int | None = None
    min_stay_through: int | None = None
    max_stay: int | None = None
    closed_to_arrival: bool = False
    closed_to_departure: bool = False


class RoomNight(_Restrictions, frozen=True, omit_defaults=True, kw_only=True):
    """A room type's night. Of `capacity` rooms `taken` are held or sold; `capacity` is what is offered of the
    `physical` rooms, less the `blocked` ones; `overbooking_limit` more may be sold."""

    room_type: str
    night: date
    capacity: int
    taken: int
    physical: int
    blocked: int = 0
    overbooking_limit: int = 0


class RateNight(_Restrictions, frozen=True, omit_defaults=True, kw_only=True):
    """A night of a room type on a rate plan with its own price or restrictions; amounts are in minor
    units."""

    room_type: str
    rate_plan: str
    night: date
    price: int | None = None
    extra_adult: int | None = None
    children: list[int] | None = None


class AriNights(msgspec.Struct, frozen=True):
    """Read availability, rates and restrictions, by night; what is not set is left out."""

    currency: str
    room_nights: list[RoomNight]
    rate_nights: list[RateNight]


@put(
    "/properties/{slug:str}/ari",
    opt=needs(Scope.RATES_WRITE)
    | example(
        lambda today: {
            "updates": [
                {
                    "room_type": "DELUXE",
                    "rate_plan": "FLEX",
                    "from": later(today, ARRIVAL),
                    "to": later(today, ARRIVAL + 29),
                    "price": 31000,
                    "children": [0, 2500],
                },
                {
                    "room_type": "DELUXE",
                    "rate_plan": "FLEX",
                    "from": later(today, ARRIVAL),
                    "to": later(today, ARRIVAL + 29),
                    "weekdays": ["fri", "sat"],
                    "price": 36000,
                    "min_stay_arrival": 2,
                },
            ]
        }
    ),
    tags=["Rates and availability"],
    summary="Set availability, rates and restrictions",
    request_max_body_size=5_000_000,
)
async def put_ari(slug: str, data: AriRequest, tx: Transaction, now: datetime, caller: Caller) -> AriAnswer:
    """By date range (both ends are nights, inclusive) and weekdays; one call can set a year: 250,000 nights,
    counted line by line. All or nothing: an invalid line is named by its index, as in `updates[3].price`."""
    catalogue = await own_catalogue(tx, slug, caller)
    result, no_arrival = await edits.update_by_program(
        tx, catalogue=catalogue, updates=data.updates, by=caller, now=now
    )
    return AriAnswer(result.lines, result.room_nights, result.rate_nights, result.past, no_arrival)


@get(
    "/properties/{slug:str}/ari",
    opt=needs(Scope.RATES_WRITE)
    | example(
        parameters={
            "from": lambda today: later(today, ARRIVAL),
            "to": lambda today: later(today, ARRIVAL + 6),
        }
    ),
    tags=["Rates and availability"],
    summary="Read availability, rates and restrictions",
)
async def get_ari(
    slug: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
) -> AriNights:
    """The nights from `from` (default: today) to `to` (default: 30 days on), both inclusive, at most 400."""
    catalogue = await own_catalogue(tx, slug, caller)
    begin, end = nights_asked(catalogue, first, last, now=now, days=30)
    rooms, rates = await loaded_ari(tx, catalogue, begin, end)
    return AriNights(
        catalogue.property.currency,
        msgspec.convert(rooms, list[RoomNight], from_attributes=True),
        msgspec.convert(rates, list[RateNight], from_attributes=True),
    )


handlers = [put_ari, get_ari]
