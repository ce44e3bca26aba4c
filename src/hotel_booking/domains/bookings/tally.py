"""What becomes of bookings and of the payments for them, for monitoring: web processes and the worker count
alike.

Booking success = confirmed / (confirmed + failed + too_late) of the payments. What the guest's bank declines
says nothing about us and is counted apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from hotel_booking.core.db import Transaction
from hotel_booking.core.metrics import BOOKINGS, PAYMENT_ATTEMPTS, Surface

Ending = Literal["confirmed", "declined", "failed", "too_late"]

# Where bookings are made; what is not among them is a program's key, or comes from the site.
_SURFACES: dict[str, Surface] = {"desk": "panel", "walk_in": "panel", "phone": "panel", "api": "api"}


def surface_of(source: str) -> Surface:
    """Where a booking with this `source` was made."""
    return "api" if source.startswith("key:") else _SURFACES.get(source, "site")


def payment_ended(ending: Ending, source: str) -> None:
    """One payment for a booking of this `source` has ended so; say it after the commit."""
    PAYMENT_ATTEMPTS.labels(ending).inc()
    if ending in ("confirmed", "declined"):
        BOOKINGS.labels(surface_of(source), ending).inc()


async def take_expired(tx: Transaction, *, limit: int) -> list[str]:
    """The sources of up to `limit` holds that were given back unpaid and that nobody has counted yet; each is
    taken once. Say `holds_expired` after the commit."""
    rows = await tx.fetch(
        "DELETE FROM hold_expired WHERE id IN"
        " (SELECT id FROM hold_expired ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING source",
        limit,
    )
    return [source for (source,) in rows]


def holds_expired(sources: Sequence[str]) -> None:
    """Count holds that were given back unpaid."""
    for source in sources:
        BOOKINGS.labels(surface_of(source), "expired").inc()
