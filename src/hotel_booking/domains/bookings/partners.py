"""A property's bookings for programs that keep a copy of them: all that there are, and what was changed
since.

What was changed is found in the audit log, which knows of every change, its booking and its property.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.audit import following
from hotel_booking.domains.bookings.queries import loaded
from hotel_booking.domains.bookings.search import BookingFilter, Position, find_bookings
from hotel_booking.domains.bookings.types import Booking

_ENTRIES = 2_000  # that a page looks at: most are of prices and rooms
_UNPAID = ("held", "expired")


class ChangedBookings(msgspec.Struct, frozen=True):
    """Bookings that were made or changed, as they are now, each once, by their last change. `position` is
    where to go on; `more` whether there is more already."""

    bookings: list[Booking]
    position: int
    more: bool


async def listed(
    tx: Transaction, wanted: BookingFilter, *, after: Position | None, limit: int
) -> tuple[list[Booking], Position | None]:
    """A page of the bookings that are wanted, and where to go on. Holds that nobody has paid for are none of
    them, unless they are asked for by status: a page may have fewer than `limit`."""
    bookings = await find_bookings(tx, wanted, after=after, limit=limit)
    ids = [row.id for row in bookings.items if wanted.status is not None or row.status not in _UNPAID]
    return await _loaded(tx, ids), bookings.next


async def changed_since(tx: Transaction, *, property_id: int, after: int, limit: int) -> ChangedBookings:
    """What was changed above a position, at most `limit` bookings. One that was never confirmed is not there:
    a hold takes rooms for minutes, and ends without a trace. The statements of `tx` each stand alone."""
    until = await following.settled(tx)
    entries = await following.of_property(
        tx, property_id=property_id, after=after, until=until, limit=_ENTRIES
    )
    latest: dict[UUID, int] = {}
    position, more = max(after, until), len(entries) == _ENTRIES
    if more:
        position = entries[-1].id
    for entry in entries:
        if entry.booking_id is None:
            continue
        if entry.booking_id not in latest and len(latest) == limit:
            position, more = entry.id - 1, True
            break
        latest.pop(entry.booking_id, None)
        latest[entry.booking_id] = entry.id
    bookings = await _loaded(tx, list(latest))
    return ChangedBookings(
        [booking for booking in bookings if booking.confirmed_at is not None], position, more
    )


async def position_at(tx: Transaction, at: datetime | None) -> int:
    """The position from which on everything from `at` on is found, some that was before it, too; None: from
    now on."""
    return await following.settled(tx) if at is None else await following.before(tx, at)


async def _loaded(tx: Transaction, ids: Sequence[UUID]) -> list[Booking]:
    rows = await tx.fetch(
        "SELECT b.* FROM unnest($1::uuid[]) WITH ORDINALITY AS w(id, place)"
        " CROSS JOIN LATERAL (SELECT * FROM booking_seen WHERE id = w.id OFFSET 0) AS b ORDER BY w.place",
        list(ids),
    )
    return [loaded(row) for row in rows]
