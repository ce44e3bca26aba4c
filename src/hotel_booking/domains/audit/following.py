"""Following the log: what was changed since a position, so that nothing is missed that was written at the
same time.

Numbers are given when an entry is written, and entries are seen when their transactions end: one may appear
below others that were seen before. Who would go on above the highest number would never see it.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.audit.queries import ids_between

# Who writes entries holds this lock until the transaction ends.
_WRITERS = """
SELECT array_agg(virtualtransaction) FROM pg_locks
 WHERE relation = 'audit_entry'::regclass AND mode = 'RowExclusiveLock' AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND ($1::text[] IS NULL OR virtualtransaction = ANY ($1))
"""
_LOOKS = 10
_BETWEEN_LOOKS = 0.02  # seconds; a booking's transaction takes some milliseconds
_CHANGED = """
SELECT id, booking_id FROM audit_entry
 WHERE property_id = $1 AND id > $2 AND id <= $3 ORDER BY id LIMIT $4
"""


class ChangedEntry(msgspec.Struct, frozen=True):
    """An entry about a property: of a booking of it, or of something else."""

    id: int
    booking_id: UUID | None


async def settled(tx: Transaction) -> int:
    """A number up to which every entry is seen that there will ever be: the highest, once those have ended
    who are writing entries now; some hundredths of a second are waited for them. Where one takes longer, it
    is the one that the chain knows of, a minute or two ago. The statements of `tx` each stand alone."""
    highest = int(await tx.fetchval("SELECT coalesce(max(id), 0) FROM audit_entry"))
    writers = await tx.fetchval(_WRITERS, None)
    for _ in range(_LOOKS):
        if not writers:
            return highest
        await asyncio.sleep(_BETWEEN_LOOKS)
        writers = await tx.fetchval(_WRITERS, writers)
    return int(await tx.fetchval("SELECT floor FROM audit_horizon"))


async def before(tx: Transaction, at: datetime) -> int:
    """A number below all entries from `at` on; of earlier ones some are above it."""
    return max((await ids_between(tx, at, at))[0], 0)


async def of_property(
    tx: Transaction, *, property_id: int, after: int, until: int, limit: int
) -> list[ChangedEntry]:
    """The next entries about a property above `after` and up to `until`, the oldest first."""
    return await tx.fetch_as(ChangedEntry, _CHANGED, property_id, after, until, limit)
