"""When the next part of a booking's price is collected: planned here, and done by `collect`."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.due import next_collection
from hotel_booking.domains.bookings.types import Booking


async def plan_collection(tx: Transaction, booking: Booking, now: datetime) -> None:
    """Set when the next part of the price is to be collected; nothing is, where no part has a day."""
    at = next_collection(booking, now)
    if at is None and all(room.terms.deposit.balance_days is None for room in booking.reservations):
        # Most bookings: nothing was planned, unless a change or a fee is being collected right now.
        await tx.execute(
            "UPDATE booking SET collect_at = NULL WHERE id = $1 AND collect_at IS NOT NULL", booking.id
        )
        return
    await tx.execute("UPDATE booking SET collect_at = $2, collect_tries = 0 WHERE id = $1", booking.id, at)
