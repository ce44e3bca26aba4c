"""What was taken and given back at a property's desk, by person and means, and what was counted in its till:
for a night audit and for accounts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.params import Parameter, QueryParameter

from hotel_booking.api.handed_out import owned_list
from hotel_booking.api.properties import owned
from hotel_booking.core.dates import Instant
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.money import Money
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.payments.types import DeskWay
from hotel_booking.domains.reporting.till import Act, DeskSum, day_began, desk_entries, sums
from hotel_booking.domains.reporting.till_closing import Closing, closings
from hotel_booking.http import pages
from hotel_booking.http.access import needs
from hotel_booking.http.pages import Page
from hotel_booking.http.shapes import instant

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
    request: Request[Any, Any, State],
    database: Database,
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
    property_ = await owned_list(request, database, slug, caller, "desk-takings", now)
    begun = day_began(now, property_.timezone, property_.day_end_time)
    first = begun if since is None else instant(since, "since")
    ended = None if until is None else instant(until, "until")
    last = ended or now + timedelta(minutes=1)
    entries = await desk_entries(tx, property_id=property_.id, since=first, until=last)
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
            for entry in entries
        ],
        by_person=[_answer(one) for one in sums(entries, by_person=True)],
        totals=[_answer(one) for one in sums(entries, by_person=False)],
    )


class TillClosing(msgspec.Struct, frozen=True):
    """A till as it was counted and closed: cash alone. `cash_reversed` and `cash_given_back` are negative or
    0. `expected` is what should have been there, `difference` what was there beyond that (negative: missing),
    `removed` what of it went to the safe or the bank, `left` what was left for the next shift.
    `left_before` is what the closing before had left, null for the first: where `opening` is another amount,
    money went or came in between that no closing counted."""

    id: int
    since: Instant
    closed_at: Instant
    closed_by: str
    opening: Money
    left_before: Money | None
    cash_taken: Money
    cash_reversed: Money
    cash_given_back: Money
    expected: Money
    counted: Money
    difference: Money
    removed: Money
    left: Money
    note: str


@get(
    "/properties/{slug:str}/till-closings",
    opt=needs(Scope.REPORTS_READ),
    tags=["Front desk"],
    summary="What was counted in the till",
)
async def list_till_closings(
    slug: str,
    tx: Transaction,
    caller: Caller,
    limit: Annotated[int, Parameter(ge=1, le=pages.MAX_LIMIT)] = pages.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[TillClosing]:
    """Every closing of the property's till, the newest first. The till is closed in the panel."""
    property_ = await owned(tx, slug, caller)
    before = pages.position(cursor, "till-closings")
    tills = await closings(tx, property_id=property_.id, before=before, limit=limit + 1)
    last = tills[limit - 1].id if len(tills) > limit else None
    return Page(
        [_closing(one) for one in tills[:limit]],
        pages.after(last, "till-closings") if last is not None else None,
    )


def _closing(one: Closing) -> TillClosing:
    def money(amount: int) -> Money:
        return Money(amount, one.currency)

    return TillClosing(
        id=one.id,
        since=one.since,
        closed_at=one.closed_at,
        closed_by=one.closed_by,
        opening=money(one.opening),
        left_before=None if one.left_before is None else money(one.left_before),
        cash_taken=money(one.cash_taken),
        cash_reversed=money(one.cash_reversed),
        cash_given_back=money(one.cash_given_back),
        expected=money(one.expected),
        counted=money(one.counted),
        difference=money(one.difference),
        removed=money(one.removed),
        left=money(one.left),
        note=one.note,
    )


def _answer(one: DeskSum) -> DeskSumAnswer:
    amounts = (one.taken, one.reversed, one.given_back, one.total)
    taken, reversed_, given_back, total = (Money(amount, one.currency) for amount in amounts)
    return DeskSumAnswer(one.by, one.way, one.number, taken, reversed_, given_back, total)


handlers = [list_desk_takings, list_till_closings]
