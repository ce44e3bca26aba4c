"""Money that was taken at the desk: noted as it lies there, and reversed where it was noted by mistake."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments.errors import NotReversible, PaymentInProgress, PaymentNotFound
from hotel_booking.domains.payments.service.attempts import (
    Payment,
    Purpose,
    finish_later,
    lock_payment,
    look_up,
    record,
)
from hotel_booking.domains.payments.types import DESK, DeskWay


async def note_taken(
    tx: Transaction,
    *,
    booking_id: UUID,
    amount: int,
    currency: str,
    way: DeskWay,
    purpose: Purpose,
    receipt: str | None,
    now: datetime,
) -> Payment:
    """Note money (minor units) that lies at the desk. The caller holds the booking's lock and knows that so
    much is owed. Raises `PaymentInProgress` while the guest pays online: it could be paid twice."""
    undecided = "SELECT true FROM payment WHERE booking_id = $1 AND status = ANY ($2) LIMIT 1"
    if await tx.fetchval(undecided, booking_id, ("started", "unknown", "authorised")):
        raise PaymentInProgress(
            "an online payment for this booking is under way; nothing was recorded",
            fix="wait a minute and check again",
        )
    payment_id = uuid4()
    await tx.execute(
        "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, purpose, receipt,"
        "                     created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, 'captured', $6, $7, $8, $8)",
        payment_id,
        booking_id,
        amount,
        currency,
        DESK[way],
        purpose,
        receipt,
        now,
    )
    await record(tx, payment_id=payment_id, status="captured", now=now)
    return await look_up(tx, payment_id)


async def close_waiting(tx: Transaction, *, booking_id: UUID, still_open: int, now: datetime) -> None:
    """Close payments that wait for their guest and ask for more than is still open: nobody shall complete
    them any more."""
    for row in await tx.fetch(
        "UPDATE payment SET status = 'voiding', updated_at = $3"
        " WHERE booking_id = $1 AND status = 'requires_action' AND amount > $2 RETURNING id",
        booking_id,
        still_open,
        now,
    ):
        await finish_later(tx, payment_id=row["id"])


async def reverse(tx: Transaction, *, booking_id: UUID, payment_id: UUID, reason: str, now: datetime) -> None:
    """Take a payment back that was noted by mistake: it is owed again. The caller holds the booking's lock.
    Raises `PaymentNotFound`, `NotReversible`."""
    mine = "SELECT true FROM payment WHERE id = $1 AND booking_id = $2 AND gateway = ANY ($3)"
    if not await tx.fetchval(mine, payment_id, booking_id, list(DESK.values())):
        raise PaymentNotFound(
            "the booking has no such payment taken at the desk",
            fix="refund a payment that was made online",
        )
    payment = await lock_payment(tx, payment_id)
    if payment.status != "captured":
        raise NotReversible("this payment has already been reversed", fix="nothing needs to be done")
    returned = "SELECT true FROM refund WHERE payment_id = $1 AND status <> 'failed' LIMIT 1"
    if await tx.fetchval(returned, payment_id):
        raise NotReversible(
            "a part of this payment has been given back, or is to be; it can't be reversed",
            fix="refund the rest of it instead",
        )
    await tx.execute(
        "UPDATE payment SET status = 'voided', reversal = $2, updated_at = $3 WHERE id = $1",
        payment_id,
        reason,
        now,
    )
    await tx.execute(
        "INSERT INTO ledger_entry (booking_id, kind, amount, currency, payment_id, created_at)"
        " VALUES ($1, 'payment_reversed', $2, $3, $4, $5)",
        booking_id,
        -payment.amount,
        payment.currency,
        payment_id,
        now,
    )


async def forget_notes(tx: Transaction, *, booking_ids: list[UUID]) -> None:
    """The words go that staff wrote to these bookings' payments: they may name somebody."""
    await tx.execute(
        "UPDATE payment SET receipt = NULL, reversal = CASE WHEN reversal IS NOT NULL THEN 'erased' END"
        " WHERE booking_id = ANY ($1) AND (receipt IS NOT NULL OR reversal IS NOT NULL)",
        booking_ids,
    )
