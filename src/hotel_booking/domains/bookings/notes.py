"""What staff write down about a booking."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid

LONGEST = 4_000


class Note(msgspec.Struct, frozen=True):
    """A note with its writer's name."""

    id: int
    text: str
    author: str
    created_at: datetime


async def add(tx: Transaction, *, booking_id: UUID, staff_id: int, text: str, now: datetime) -> None:
    """Write a note. Raises `Invalid` for an empty or too long one."""
    if not 1 <= len(text.strip()) <= LONGEST or "\x00" in text:
        raise Invalid(f"a note has 1 to {LONGEST} characters", field="text")
    await tx.execute(
        "INSERT INTO booking_note (booking_id, staff_id, text, created_at) VALUES ($1, $2, $3, $4)",
        booking_id,
        staff_id,
        text.strip(),
        now,
    )


async def of_booking(tx: Transaction, booking_id: UUID, *, limit: int = 200) -> list[Note]:
    """The notes on a booking, newest first."""
    rows = await tx.fetch(
        "SELECT n.id, n.text, m.name AS author, n.created_at FROM booking_note n"
        "  JOIN staff m ON m.id = n.staff_id WHERE n.booking_id = $1"
        " ORDER BY n.created_at DESC, n.id DESC LIMIT $2",
        booking_id,
        limit,
    )
    return [Note(**dict(row)) for row in rows]
