"""Messages of which nobody knows whether they went out, because the database was restored: they are not sent
again by themselves."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hotel_booking.core.db import Transaction

_WHY = "the database was restored: it may have been sent before"


async def park(tx: Transaction, *, now: datetime) -> int:
    """Everything that was due by now: it may have gone out after the moment that the database was restored
    to. What is to be sent later waits on. How many."""
    return await tx.execute(
        "UPDATE mail_message m SET status = 'uncertain', touched_at = $1, last_error = $2"
        " WHERE m.status IN ('waiting', 'sending') AND NOT EXISTS ("
        "       SELECT FROM procrastinate_jobs j WHERE j.task_name = 'notifications:deliver'"
        "          AND j.status = 'todo' AND j.args->>'message_id' = m.id::text AND j.scheduled_at > $1)",
        now,
        _WHY,
    )


async def park_of_booking(tx: Transaction, *, booking_id: UUID, now: datetime) -> int:
    """What waits to tell of a booking whose guest may have been told at the time. How many."""
    return await tx.execute(
        "UPDATE mail_message SET status = 'uncertain', touched_at = $2, last_error = $3"
        " WHERE booking_id = $1 AND status = 'waiting'",
        booking_id,
        now,
        _WHY,
    )
