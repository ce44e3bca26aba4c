"""Sending refunds to the gateway: between transactions, repeatable at every step."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from hotel_booking.core import sweeps
from hotel_booking.core.db import Database
from hotel_booking.domains.payments import service, steps
from hotel_booking.domains.payments.errors import GatewayRefused, GatewayUnavailable
from hotel_booking.domains.payments.gateway import Gateways, Refunded
from hotel_booking.domains.payments.steps import Step

log = logging.getLogger(__name__)

# What staff say of a transfer that they have sent back.
SENT_BY_HAND = Refunded("done", reference="sent by hand")


async def give_refunds(
    db: Database, gateways: Gateways, *, now: datetime, refund_id: UUID | None = None
) -> int:
    """Send due refunds (all, or one) to their gateways and note each in the ledger. Returns how many were
    given.

    A crash after the gateway's answer repeats the call with the same refund id, which gives nothing more. One
    gateway's silence stops nobody else's refund; with `refund_id` it is raised, so that the job is repeated.
    What was transferred or paid at the desk goes back by hand: it stays due until staff say so.
    """
    async with db.transaction() as tx:
        due = await service.due_refunds(tx, refund_id=refund_id)
    given = 0

    async def give(refund: service.DueRefund) -> None:
        nonlocal given
        try:
            given += await _give(db, gateways, refund, now)
        except GatewayUnavailable:
            if refund_id is not None:
                raise
            log.warning("a refund waits for its gateway", extra={"refund_id": str(refund.id)})

    if refund_id is not None:
        for refund in due:
            await give(refund)
    else:
        await sweeps.each("refunds", due, give)
    return given


async def _give(db: Database, gateways: Gateways, refund: service.DueRefund, now: datetime) -> bool:
    gateway = gateways.of(refund.gateway)
    try:
        answer = await steps.call(
            Step.REFUND,
            gateway.refund,
            refund_id=refund.id,
            reference=refund.gateway_reference,
            amount=refund.amount,
        )
    except GatewayRefused as error:
        answer = Refunded("failed", reason=error.detail)
    await note_refund(db, refund_id=refund.id, answer=answer, now=now)
    return answer.status != "failed"


async def note_refund(db: Database, *, refund_id: UUID, answer: Refunded, now: datetime) -> None:
    """Note what a gateway said of a refund, as its answer or in a notice."""
    async with steps.write(db, Step.NOTE_REFUNDED) as tx:
        if answer.status == "failed":
            await service.refund_failed(
                tx,
                refund_id=refund_id,
                now=now,
                problem=answer.reason or "the gateway could not refund it",
            )
            log.error("a refund failed", extra={"refund_id": str(refund_id)})
        else:
            # Accepted is as good as given for the books; should it fail later, the ledger reverses it.
            await service.refund_done(tx, refund_id=refund_id, now=now, reference=answer.reference)
