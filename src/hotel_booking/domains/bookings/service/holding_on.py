"""Rooms that are held while the platform is closed stay held, for as long as they were before: their guests
could not have paid.

The end of each hold is put off by more than any hold lasts, and by that its row is known as one that waits:
nothing that counts free rooms, lets holds lapse or shows them has to know of closures.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hotel_booking.core.db import Transaction

PUT_OFF = timedelta(days=100)  # rooms wait for a bank transfer for 60 days at most


_HELD = "status = 'held' AND created_at <= $1 AND hold_expires_at >"
_WAITING = f"{_HELD} $1::timestamptz + $2::interval"
_LIVING = f"{_HELD} $1 AND hold_expires_at <= $1::timestamptz + $2::interval"


async def put_off(tx: Transaction, *, closed_at: datetime) -> int:
    """Have the holds that lived at `closed_at` wait, each once however often this is called; how many more
    wait now."""
    await _lock(tx, _LIVING, closed_at)
    return await tx.execute(
        f"UPDATE booking SET hold_expires_at = hold_expires_at + $2::interval WHERE {_LIVING}",
        closed_at,
        PUT_OFF,
    )


async def take_up(tx: Transaction, *, closed_at: datetime, now: datetime) -> int:
    """Have those that wait since `closed_at` go on, with the time that they had left; how many."""
    await _lock(tx, _WAITING, closed_at)
    return await tx.execute(
        "UPDATE booking SET hold_expires_at = hold_expires_at - $2::interval + ($3::timestamptz - $1)"
        f" WHERE {_WAITING}",
        closed_at,
        PUT_OFF,
        now,
    )


async def _lock(tx: Transaction, which: str, closed_at: datetime) -> None:
    # In one order, which the update alone does not promise.
    await tx.execute(f"SELECT FROM booking WHERE {which} ORDER BY id FOR UPDATE", closed_at, PUT_OFF)
