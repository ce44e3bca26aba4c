"""A property's bookings, for programs that keep a copy: a list to begin with, and what was changed since."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, get
from litestar.datastructures import State
from litestar.params import QueryParameter

from hotel_booking.api.booking_answers import BookingAnswer, booking_answer
from hotel_booking.api.handed_out import owned_list
from hotel_booking.core.dates import FIRST_NIGHT, LAST_NIGHT, Instant
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.integers import LARGEST_BIGINT
from hotel_booking.domains.bookings import partners
from hotel_booking.domains.bookings.search import BookingFilter, Position
from hotel_booking.domains.bookings.types import Status
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.http import pages
from hotel_booking.http.access import needs
from hotel_booking.http.pages import Page
from hotel_booking.http.shapes import instant

_INSTANT = {"format": "date-time"}
_MOST = 100  # each is priced line by line
_KEPT = timedelta(days=31)
# A program's clock may be a little fast: what it has just written down is no time to come.
_CLOCKS_APART = timedelta(minutes=1)
_LIST, _CHANGES = "bookings", "booking-changes"


class ChangesTooOld(Invalid):
    """Changes are told for 31 days."""

    code = "changes_too_old"


class BookingChanges(msgspec.Struct, frozen=True):
    """Bookings that were made or changed, as they are now, each once a page, the one that was changed last at
    the end. `next_cursor` asks for the next page, null where there is none yet; `resume` is the same on every
    page, the last one too: keep it, and send it as `cursor` when you ask again."""

    items: list[BookingAnswer]
    next_cursor: str | None
    resume: str


@get(
    "/properties/{slug:str}/bookings",
    opt=needs(Scope.BOOKINGS_READ),
    tags=["Booking"],
    summary="List a property’s bookings",
)
async def list_bookings(
    request: Request[Any, Any, State],
    database: Database,
    slug: str,
    tx: Transaction,
    caller: Caller,
    now: datetime,
    status: Annotated[
        Status | None,
        QueryParameter(description="Only these; without it all but held and expired ones."),
    ] = None,
    arrival_from: Annotated[date | None, QueryParameter(description="Arrival on this day or later.")] = None,
    arrival_to: Annotated[date | None, QueryParameter(description="Arrival on this day or earlier.")] = None,
    departure_from: Annotated[
        date | None, QueryParameter(description="Departure on this day or later.")
    ] = None,
    departure_to: Annotated[
        date | None, QueryParameter(description="Departure on this day or earlier.")
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=_MOST)] = pages.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[BookingAnswer]:
    """In the order in which they were made: what is booked meanwhile comes last, and no page moves. A page
    may have fewer than `limit`, even none: go on as long as there is a `next_cursor`."""
    property_ = await owned_list(request, database, slug, caller, "bookings", now)
    for name, day in (
        ("arrival_from", arrival_from),
        ("arrival_to", arrival_to),
        ("departure_from", departure_from),
        ("departure_to", departure_to),
    ):
        if day is not None and not FIRST_NIGHT <= day <= LAST_NIGHT:
            raise Invalid("the day must lie between 2000 and 2100", field=name)
    for name, first, last in (
        ("arrival_to", arrival_from, arrival_to),
        ("departure_to", departure_from, departure_to),
    ):
        if first is not None and last is not None and last < first:
            raise Invalid(f"{last} is before {first}", field=name, fix="send the later day here")
    after = _place(cursor, property_.id)
    wanted = BookingFilter(
        property_ids=frozenset({property_.id}),
        status=status,
        arrival_from=arrival_from,
        arrival_to=arrival_to,
        departure_from=departure_from,
        departure_to=departure_to,
        sort="created",
        descending=False,
    )
    bookings, following = await partners.listed(tx, wanted, after=after, limit=limit)
    return Page(
        [booking_answer(booking, now) for booking in bookings],
        None if following is None else pages.encode((_LIST, property_.id, following.key, following.id)),
    )


@get(
    "/properties/{slug:str}/booking-changes",
    opt=needs(Scope.BOOKINGS_READ),
    tags=["Booking"],
    summary="Follow a property’s bookings",
)
async def list_booking_changes(
    request: Request[Any, Any, State],
    database: Database,
    slug: str,
    tx: Transaction,
    caller: Caller,
    now: datetime,
    since: Annotated[
        str | None,
        QueryParameter(
            description="Begin with what was changed from this time on, at most 31 days ago.",
            schema_extra=_INSTANT,
        ),
    ] = None,
    limit: Annotated[int, QueryParameter(ge=1, le=_MOST)] = pages.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> BookingChanges:
    """Every booking that was confirmed, changed, paid, cancelled, checked in or out, or the like, whoever did
    it; without `since` and `cursor` from now on. No change is missed; one may be told twice, so take each
    booking as it is told. Changes of the last second may come with the next page."""
    property_ = await owned_list(request, database, slug, caller, "booking-changes", now)
    position = _position(cursor, property_.id, now)
    if position is None:
        position = await partners.position_at(tx, None if since is None else _recent(since, now))
    elif since is not None:
        raise Invalid("`since` and `cursor` say different things", field="since", fix="send one of them")
    found = await partners.changed_since(tx, property_id=property_.id, after=position, limit=limit)
    resume = pages.encode((_CHANGES, property_.id, found.position, now))
    return BookingChanges(
        [booking_answer(booking, now) for booking in found.bookings], resume if found.more else None, resume
    )


def _place(cursor: str | None, property_id: int) -> Position | None:
    given = pages.decode(cursor, tuple[str, int, datetime, UUID])
    if given is None:
        return None
    pages.check_list(given, _LIST, property_id)
    return Position(given[2], given[3])


def _position(cursor: str | None, property_id: int, now: datetime) -> int | None:
    given = pages.decode(
        cursor, tuple[str, int, Annotated[int, msgspec.Meta(ge=0, le=LARGEST_BIGINT)], Instant]
    )
    if given is None:
        return None
    pages.check_list(given, _CHANGES, property_id)
    _not_too_old(given[3], now, "cursor")
    return int(given[2])


def _recent(text: str, now: datetime) -> datetime:
    found = instant(text, "since")
    _not_too_old(found, now, "since")
    if found > now + _CLOCKS_APART:
        raise Invalid(
            f"{text} is to come: nothing has changed since", field="since", fix="send a time that has passed"
        )
    return found


def _not_too_old(at: datetime, now: datetime, field: str) -> None:
    if at < now - _KEPT:
        raise ChangesTooOld(
            f"changes are told for {_KEPT.days} days",
            field=field,
            fix="list all bookings, and follow their changes from the time at which you began",
        )


handlers = [list_bookings, list_booking_changes]
