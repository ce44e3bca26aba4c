"""When an address is corrected, what has not gone out yet goes to the new one."""

from __future__ import annotations

from uuid import UUID

from hotel_booking.core.db import Transaction


async def readdress(tx: Transaction, *, booking_id: UUID, old: str, new: str) -> bool:
    """Turn a booking's waiting messages from the old address to the new one, or withdraw them where that is
    empty. Whether something went to the old one already, or may have."""
    if new:
        await tx.execute(
            "UPDATE mail_message SET recipient = $3"
            " WHERE booking_id = $1 AND recipient = $2 AND status IN ('waiting', 'failed')",
            booking_id,
            old,
            new,
        )
    else:
        await tx.execute(
            "DELETE FROM mail_message WHERE booking_id = $1 AND recipient = $2 AND status = 'waiting'",
            booking_id,
            old,
        )
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM mail_message WHERE booking_id = $1 AND recipient = $2"
            "                AND status IN ('sending', 'sent', 'uncertain'))",
            booking_id,
            old,
        )
    )
