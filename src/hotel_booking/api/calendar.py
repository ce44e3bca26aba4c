"""The calendar of one hotel: prices, rooms left and restrictions, night by night."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from hotel_booking.api.stay_query import party_of
from hotel_booking.core.money import Money
from hotel_booking.domains.rates.restrictions import Restriction
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import CalendarNight
from hotel_booking.http.access import public
from hotel_booking.http.examples import ARRIVAL, example, later
from hotel_booking.http.fast_path import direct


class NightAnswer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One night. `price` is the lowest that one room costs for this night alone, as the guest would pay it,
    taxes included; minimum stays and closed arrivals are left aside. It is left out where nothing is sold.

    `rooms_left` counts all room types asked for. Each restriction is the loosest among the room types and
    plans that are open that night."""

    night: date
    rooms_left: int
    restrictions: Restriction
    price: Money | None = None
    room_type: str | None = None
    rate_plan: str | None = None


class CalendarAnswer(msgspec.Struct, frozen=True):
    """The nights, oldest first."""

    property: str
    currency: str
    nights: list[NightAnswer]


@get(
    "/properties/{slug:str}/calendar",
    opt=public()
    | direct()
    | example(
        parameters={
            "from": lambda today: later(today, ARRIVAL),
            "to": lambda today: later(today, ARRIVAL + 30),
        }
    ),
    tags=["Search"],
    summary="Lowest prices by night",
)
async def show_calendar(
    searching: Searching,
    now: datetime,
    slug: str,
    first: Annotated[date, QueryParameter(name="from", description="The first night.")],
    last: Annotated[date, QueryParameter(name="to", description="The last night, included.")],
    adults: int = 2,
    children: str | None = None,
    room_type: str | None = None,
    rate_plan: str | None = None,
) -> CalendarAnswer:
    """At most 400 nights, for one room with `adults` and `children` (ages, such as `5,9`)."""
    party = party_of(adults, children, 1)
    found = await searching.calendar(
        slug, first, last, party[0], room_type=room_type, rate_plan=rate_plan, now=now
    )
    return CalendarAnswer(
        found.slug, found.currency, [_night(night, found.currency) for night in found.nights]
    )


def _night(night: CalendarNight, currency: str) -> NightAnswer:
    return NightAnswer(
        night=night.night,
        rooms_left=night.rooms_left,
        restrictions=night.restriction,
        price=None if night.price is None else Money(night.price, currency),
        room_type=night.room_type,
        rate_plan=night.rate_plan,
    )


handlers = [show_calendar]
