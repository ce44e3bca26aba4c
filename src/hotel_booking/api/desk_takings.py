"""What was taken and given back at a property's desk, by person and means: for a night audit or a till."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from hotel_booking.api.properties import owned
from hotel_booking.core.dates import Instant, business_date, business_day_end
from hotel_booking.core.db import Transaction
from hotel_booking.core.money import Money
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.payments.types import DeskWay
from hotel_booking.domains.reporting.till import Act, DeskSum, desk_entries, sums
from hotel_booking.http.access import needs
from hotel_booking.http.shapes import of_parameter

_INSTANT = {"format": "date-time"}


class DeskEntryAnswer(msgspec.Struct, frozen=True):
    """Money at the desk. `amount` is negative where it was given back, or its payment reversed. `by` is who
    said so: a member of staff or an API key, by name."""

    at: Instant
    by: str
    act: Act
    way: DeskWay
    amount: Money
    booking: str
    receipt: str | None


class DeskSumAnswer(msgspec.Struct, frozen=True):
    """What one person took by one means in one currency; `by` is empty where it is of all. `total` is what is
    left of it: `taken` and the negative `reversed` and `given_back`."""

    by: str
    way: DeskWay
    entries: int
    taken: Money
    reversed: Money
    given_back: Money
    total: Money


class DeskTakings(msgspec.Struct, frozen=True):
    """The entries of a period, oldest first, and their sums by person and means, and by means alone."""

    property: str
    since: Instant
    until: Instant
    entries: list[DeskEntryAnswer]
    by_person: list[DeskSumAnswer]
    totals: list[DeskSumAnswer]


@get(
    "/properties/{slug:str}/desk-takings",
    opt=needs(Scope.REPORTS_READ),
    tags=["Front desk"],
    summary="What was taken at the desk",
)
async def list_desk_takings(
    slug: str,
    tx: Transaction,
    caller: Caller,
    now: datetime,
    since: Annotated[
        str | None,
        QueryParameter(
            description="From this time on; without it since the hotel's day began.", schema_extra=_INSTANT
        ),
    ] = None,
    until: Annotated[
        str | None,
        QueryParameter(description="To before this time; without it until now.", schema_extra=_INSTANT),
    ] = None,
) -> DeskTakings:
    """Every payment that was recorded at the desk in cash, on the card terminal or by bank transfer, what was
    given back of such payments, and those that were reversed, each by whom. At most 31 days."""
    property_ = await owned(tx, slug, caller)
    today = business_date(now, property_.timezone, property_.day_end_time)
    begun = business_day_end(today - timedelta(days=1), property_.timezone, property_.day_end_time)
    first = _instant(since, "since") or begun
    ended = _instant(until, "until")
    last = ended or now + timedelta(minutes=1)
    found = await desk_entries(tx, property_id=property_.id, since=first, until=last)
    return DeskTakings(
        property=property_.slug,
        since=first,
        until=ended or now,
        entries=[
            DeskEntryAnswer(
                entry.at,
                entry.by,
                entry.act,
                entry.way,
                Money(entry.amount, entry.currency),
                entry.reference,
                entry.receipt,
            )
            for entry in found
        ],
        by_person=[_answer(one) for one in sums(found, by_person=True)],
        totals=[_answer(one) for one in sums(found, by_person=False)],
    )


def _instant(text: str | None, name: str) -> datetime | None:
    """An instant in an address, in UTC. Litestar would take one without a time zone, and a number of seconds,
    too."""
    if text is None:
        return None
    try:
        return msgspec.convert(text, Instant).astimezone(UTC)
    except (msgspec.ValidationError, OverflowError) as error:
        raise of_parameter(str(error), Instant, name) from None


def _answer(one: DeskSum) -> DeskSumAnswer:
    amounts = (one.taken, one.reversed, one.given_back, one.total)
    taken, reversed_, given_back, total = (Money(amount, one.currency) for amount in amounts)
    return DeskSumAnswer(one.by, one.way, one.number, taken, reversed_, given_back, total)


handlers = [list_desk_takings]
