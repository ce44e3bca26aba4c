"""Reading payments."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction


class PaymentSeen(msgspec.Struct, frozen=True):
    """A payment as staff see it, or a refund (then `kind` is refund). Minor units."""

    kind: str
    amount: int
    currency: str
    status: str
    gateway: str
    created_at: datetime
    detail: str | None


async def of_booking(tx: Transaction, booking_id: UUID) -> list[PaymentSeen]:
    """The booking's payments and refunds, newest first."""
    rows = await tx.fetch(
        "SELECT 'payment' AS kind, amount, currency, status, gateway, created_at, decline_code AS detail"
        "  FROM payment WHERE booking_id = $1"
        " UNION ALL"
        " SELECT 'refund', r.amount, p.currency, r.status, p.gateway, r.created_at, r.reason"
        "   FROM payment p JOIN refund r ON r.payment_id = p.id WHERE p.booking_id = $1"
        " ORDER BY created_at DESC LIMIT 200",
        booking_id,
    )
    return [PaymentSeen(**dict(row)) for row in rows]
