"""What was to be told to programs and people outside when the database was restored: it may have been told,
and is not told again."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction

_WHY = "the database was restored: it may have been told before"


async def park(tx: Transaction, *, now: datetime) -> int:
    """Deliveries to status webhooks, PagerDuty and Slack, and events for subscribers; how many."""
    parked = await tx.execute(
        "UPDATE status_delivery SET status = 'failed', last_error = $1 WHERE status = 'waiting'", _WHY
    )
    parked += await tx.execute(
        "UPDATE incident_delivery SET status = 'dropped', last_error = $1 WHERE status = 'waiting'", _WHY
    )
    return parked + await tx.execute("UPDATE status_event SET told_at = $1 WHERE told_at IS NULL", now)
