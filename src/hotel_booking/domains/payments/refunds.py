"""Sending refunds to the gateway: between transactions, repeatable at every step."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hotel_booking.core.db import Database
from hotel_booking.domains.payments import service
from hotel_booking.domains.payments.gateway import Gateway


async def give_refunds(
    db: Database, gateway: Gateway, *, now: datetime, refund_id: UUID | None = None
) -> int:
    """Send due refunds (all, or one) to the gateway and note each in the ledger. Returns how many.

    A crash after the gateway's answer repeats the call with the same refund id, which gives nothing more.
    """
    async with db.transaction() as tx:
        due = await service.due_refunds(tx, refund_id=refund_id)
    for refund in due:
        await gateway.refund(refund_id=refund.id, reference=refund.gateway_reference, amount=refund.amount)
        async with db.transaction() as tx:
            await service.refund_done(tx, refund_id=refund.id, now=now)
    return len(due)
