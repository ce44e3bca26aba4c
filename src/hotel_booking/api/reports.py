"""A property's days in figures, as the panel's reports and its files have them: for accounts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from hotel_booking.api.handed_out import owned_list
from hotel_booking.api.properties import owned
from hotel_booking.core.dates import Instant
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.integers import LARGEST_BIGINT
from hotel_booking.core.money import Money
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.reporting import period
from hotel_booking.domains.reporting.period import LinePosition, Period, Posting
from hotel_booking.domains.reporting.types import NightFigures
from hotel_booking.http import pages
from hotel_booking.http.access import needs
from hotel_booking.http.examples import example, later
from hotel_booking.http.pages import Page

_LINES = "account-lines"
_LINES_A_PAGE = 500
_Number = Annotated[int, msgspec.Meta(ge=0, le=LARGEST_BIGINT)]
_First = Annotated[date, QueryParameter(description="From this day of the hotel on.")]
_Last = Annotated[date, QueryParameter(description="Up to this day, included; at most 92 days.")]
_MONTH = example(
    parameters={"first": lambda today: later(today, -30), "last": lambda today: later(today, -1)}
)

Kind = Literal[
    "stay", "fee", "goodwill", "reversal", "payment", "payment_reversed", "refund", "refund_reversed"
]


class NightReport(msgspec.Struct, frozen=True):
    """A night's rooms and their revenue without taxes. `available` is null once the night is archived; so is
    what is divided by nothing."""

    night: date
    available: int | None
    sold: int
    arrivals: int
    revenue: Money
    adr: Money | None
    revpar: Money | None


class NightsReport(msgspec.Struct, frozen=True):
    """Each night that begins on one of the days."""

    property: str
    nights: list[NightReport]


class AccountLine(msgspec.Struct, frozen=True):
    """A line of a booking's account: `charged` is what the guest owes by it, negative where it is taken back;
    `received` what the hotel got, negative where it was given back. One of them is null. `gateway` is the way
    to pay."""

    at: Instant
    booking: str
    kind: Kind
    gateway: str | None
    receipt: str | None
    charged: Money | None
    received: Money | None


@get(
    "/properties/{slug:str}/nights",
    opt=needs(Scope.REPORTS_READ) | _MONTH,
    tags=["Reports"],
    summary="Rooms and revenue, night by night",
)
async def list_nights(slug: str, tx: Transaction, caller: Caller, first: _First, last: _Last) -> NightsReport:
    """Rooms of confirmed stays, of guests in the house and of those who have left; what each stay was sold
    for is spread evenly over its nights."""
    property_ = await owned(tx, slug, caller)
    nights = await period.nights(tx, Period(property_.id, first, last))
    return NightsReport(property_.slug, [_night(one, property_.currency) for one in nights])


@get(
    "/properties/{slug:str}/account-lines",
    opt=needs(Scope.REPORTS_READ) | _MONTH,
    tags=["Reports"],
    summary="What was charged, received and given back",
)
async def list_account_lines(
    request: Request[Any, Any, State],
    database: Database,
    slug: str,
    tx: Transaction,
    caller: Caller,
    now: datetime,
    first: _First,
    last: _Last,
    cursor: str | None = None,
) -> Page[AccountLine]:
    """Each line that was added to a guest's account on one of the hotel's days, which end at its
    `day_end_time`, in the order of time. Go on as long as there is a `next_cursor`."""
    property_ = await owned_list(request, database, slug, caller, "account-lines", now)
    asked = Period(property_.id, first, last)
    since, until = asked.instants(property_.timezone, property_.day_end_time)
    lines, following = await period.movements(
        tx,
        property_id=property_.id,
        since=since,
        until=until,
        after=_place(cursor, asked),
        limit=_LINES_A_PAGE,
    )
    place = None if following is None else (following.at, following.source, following.id)
    return Page(
        [_line(one) for one in lines],
        None if place is None else pages.encode((_LINES, property_.id, first, last, *place)),
    )


def _place(cursor: str | None, asked: Period) -> LinePosition | None:
    given = pages.decode(cursor, tuple[str, int, date, date, datetime, _Number, _Number])
    if given is None:
        return None
    pages.check_list(given, _LINES, asked.property_id, asked.first, asked.last)
    return LinePosition(*given[4:])


def _night(one: NightFigures, currency: str) -> NightReport:
    def money(amount: int | None) -> Money | None:
        return None if amount is None else Money(amount, currency)

    return NightReport(
        night=one.night,
        available=one.available or None,
        sold=one.sold,
        arrivals=one.arrivals,
        revenue=Money(one.revenue, currency),
        adr=money(one.adr),
        revpar=money(one.revpar),
    )


def _line(one: Posting) -> AccountLine:
    charge = one.gateway is None
    return AccountLine(
        at=one.at,
        booking=one.reference,
        kind=msgspec.convert(one.kind, Kind),
        gateway=one.gateway,
        receipt=one.receipt,
        charged=Money(one.amount, one.currency) if charge else None,
        received=None if charge else Money(-one.amount, one.currency),
    )


handlers = [list_nights, list_account_lines]
