"""Giving money back because a person decided so: as goodwill, which is not owed any more, or so that the
guest pays it in another way."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.due import due_at, overpaid
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.payments import service as payments


async def give_back(
    tx: Transaction,
    *,
    booking_id: UUID,
    amount: int,
    reason: str,
    now: datetime,
    still_owed: bool = False,
    again: bool = False,
) -> int:
    """Refund `amount` (minor units) and lower what the guest owes by it, as far as it was owed: returns by
    how much. With `still_owed` the guest pays it in another way, and owes it as before. `again` as in
    `payments.give_back`. Raises `TooMuch`, `RefundRepeated`."""
    await lock_booking(tx, booking_id)
    booking = await booking_by_id(tx, booking_id)
    await payments.give_back(tx, booking_id=booking_id, amount=amount, reason=reason, now=now, again=again)
    if still_owed:
        return 0
    # What was paid beyond the price is the guest's anyway; only the rest is a gift.
    gift = min(max(amount - overpaid(booking), 0), due_at(booking, None))
    if gift:
        await tx.execute("UPDATE booking SET goodwill = goodwill + $2 WHERE id = $1", booking_id, gift)
        await tx.execute("SELECT charge_settle($1, $2)", booking_id, now)
    return gift
