"""Payments, refunds and the ledger. No gateway is called here: that happens between transactions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

import asyncpg
import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments.errors import PaymentInProgress


class Payment(msgspec.Struct, frozen=True):
    """One try to pay. `amount` in minor units; 0 is a guarantee without a charge."""

    id: UUID
    booking_id: UUID
    amount: int
    currency: str
    gateway: str
    status: Literal["started", "requires_action", "unknown", "authorised", "captured", "declined", "voided"]
    gateway_reference: str | None
    decline_code: str | None
    created_at: datetime


class DueRefund(msgspec.Struct, frozen=True):
    """A refund that is on its way."""

    id: UUID
    payment_id: UUID
    amount: int
    gateway_reference: str


_PAYMENT = (
    "SELECT id, booking_id, amount, currency, gateway, status, gateway_reference, decline_code, created_at"
    "  FROM payment "
)


async def start(
    tx: Transaction, *, booking_id: UUID, amount: int, currency: str, gateway: str, now: datetime
) -> Payment:
    """Record that a payment is about to be tried. Raises `PaymentInProgress` while another is undecided."""
    payment = Payment(uuid4(), booking_id, amount, currency, gateway, "started", None, None, now)
    try:
        async with tx.savepoint():
            await tx.execute(
                "INSERT INTO payment"
                " (id, booking_id, amount, currency, gateway, status, created_at, updated_at)"
                " VALUES ($1, $2, $3, $4, $5, 'started', $6, $6)",
                payment.id,
                booking_id,
                amount,
                currency,
                gateway,
                now,
            )
    except asyncpg.UniqueViolationError:
        raise PaymentInProgress(
            "an earlier payment for this booking is not decided yet", fix="wait a minute, then look again"
        ) from None
    return payment


async def resume(tx: Transaction, *, booking_id: UUID, now: datetime) -> Payment | None:
    """Take up the payment that waits for the guest's second step, if there is one."""
    row = await tx.fetchrow(
        _PAYMENT + "WHERE booking_id = $1 AND status = 'requires_action' ORDER BY created_at DESC LIMIT 1",
        booking_id,
    )
    if row is None:
        return None
    payment = Payment(**dict(row))
    await record(tx, payment_id=payment.id, status="started", now=now)
    return payment


async def lock_payment(tx: Transaction, payment_id: UUID) -> Payment:
    """The payment, locked until the transaction ends. It must exist."""
    row = await tx.fetchrow(_PAYMENT + "WHERE id = $1 FOR UPDATE", payment_id)
    if row is None:
        raise LookupError(f"no payment {payment_id}")
    return Payment(**dict(row))


async def undecided(tx: Transaction, *, before: datetime, limit: int = 100) -> list[Payment]:
    """Payments left started, unknown or authorised since before `before`: a crash or a silent gateway."""
    rows = await tx.fetch(
        _PAYMENT + "WHERE status IN ('started', 'unknown', 'authorised') AND updated_at < $1"
        " ORDER BY updated_at LIMIT $2",
        before,
        limit,
    )
    return [Payment(**dict(row)) for row in rows]


async def record(
    tx: Transaction,
    *,
    payment_id: UUID,
    status: str,
    now: datetime,
    reference: str | None = None,
    decline_code: str | None = None,
) -> None:
    """Record what became of a payment; a captured amount enters the ledger, once."""
    await tx.execute(
        "UPDATE payment SET status = $2, updated_at = $3, decline_code = $5,"
        " gateway_reference = coalesce($4, gateway_reference) WHERE id = $1",
        payment_id,
        status,
        now,
        reference,
        decline_code,
    )
    if status == "captured":
        await tx.execute(
            "INSERT INTO ledger_entry (booking_id, kind, amount, currency, payment_id, created_at)"
            " SELECT booking_id, 'payment', amount, currency, id, $2 FROM payment"
            "  WHERE id = $1 AND amount > 0"
            " ON CONFLICT DO NOTHING",
            payment_id,
            now,
        )


async def refund(tx: Transaction, *, booking_id: UUID, amount: int, reason: str, now: datetime) -> None:
    """Set `amount` on its way back, over the booking's captured payments, newest first, never more than
    each still holds. The gateway is called by a job enqueued in the same transaction."""
    if amount <= 0:
        return
    rows = await tx.fetch(
        "SELECT p.id, p.amount - coalesce((SELECT sum(r.amount) FROM refund r"
        "                           WHERE r.payment_id = p.id), 0)::bigint AS held"
        "  FROM payment p WHERE p.booking_id = $1 AND p.status = 'captured'"
        " ORDER BY p.created_at DESC, p.id",
        booking_id,
    )
    for row in rows:
        part = min(amount, row["held"])
        if part > 0:
            await tx.execute(
                "WITH due AS (INSERT INTO refund (id, payment_id, amount, reason, status, created_at)"
                " VALUES (gen_random_uuid(), $1, $2, $3, 'due', $4) RETURNING id)"
                " SELECT enqueue('payments', 'payments:refund', jsonb_build_object('refund_id', id), NULL)"
                "   FROM due",
                row["id"],
                part,
                reason,
                now,
            )
            amount -= part
    if amount:
        raise RuntimeError(
            "more to refund than was paid"
        )  # the caller's arithmetic is wrong; nothing is kept


async def due_refunds(tx: Transaction, *, refund_id: UUID | None = None, limit: int = 100) -> list[DueRefund]:
    """Refunds that are on their way; all of them (oldest first) or the one asked for."""
    rows = await tx.fetch(
        "SELECT r.id, r.payment_id, r.amount, p.gateway_reference"
        "  FROM refund r JOIN payment p ON p.id = r.payment_id"
        " WHERE r.status = 'due' AND ($1::uuid IS NULL OR r.id = $1) ORDER BY r.created_at LIMIT $2",
        refund_id,
        limit,
    )
    return [DueRefund(**dict(row)) for row in rows]


async def refund_done(tx: Transaction, *, refund_id: UUID, now: datetime) -> None:
    """The gateway gave the money back: note it in the ledger, once however often it is said."""
    await tx.execute(
        "WITH done AS (UPDATE refund SET status = 'done', done_at = $2 WHERE id = $1 AND status = 'due'"
        "              RETURNING id, payment_id, amount)"
        " INSERT INTO ledger_entry (booking_id, kind, amount, currency, payment_id, refund_id, created_at)"
        " SELECT p.booking_id, 'refund', -d.amount, p.currency, p.id, d.id, $2"
        "   FROM done d JOIN payment p ON p.id = d.payment_id",
        refund_id,
        now,
    )
