"""What is reserved: taken when its day has come, kept in line with what is owed, let go. One reservation
stands for a debt; what turns up besides is a payment of its own, and goes back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID, uuid4

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments.gateway import Outcome
from hotel_booking.domains.payments.service.attempts import Payment, finish_later, look_up, record
from hotel_booking.domains.payments.service.refunds import refund


async def take_now(
    tx: Transaction, *, booking_id: UUID, now: datetime, payment_id: UUID | None = None
) -> None:
    """The day has come: take what is reserved for the booking, or one payment of it."""
    for row in await tx.fetch(
        "UPDATE payment SET capture_at = $2 WHERE booking_id = $1 AND status = 'reserved' AND capture_at > $2"
        " AND ($3::uuid IS NULL OR id = $3) RETURNING id",
        booking_id,
        now,
        payment_id,
    ):
        await finish_later(tx, payment_id=row["id"])


async def let_go(tx: Transaction, *, payment_id: UUID, now: datetime) -> bool:
    """Let one reservation go. False where it is none any more."""
    done = await tx.execute(
        "UPDATE payment SET status = 'voiding', to_capture = 0, updated_at = $2"
        " WHERE id = $1 AND status = 'reserved'",
        payment_id,
        now,
    )
    if done:
        await finish_later(tx, payment_id=payment_id)
    return bool(done)


async def keep_reserved(
    tx: Transaction, *, booking_id: UUID, keep: int, now: datetime, take: bool = False
) -> int:
    """Of the money that is reserved and not taken yet, keep at most `keep` (minor units), the oldest first,
    and let the rest go: with the capture where a part is kept, at once where nothing is. With `take` it is
    taken now. Returns how much is kept. What the gateway has taken in the meantime goes back as a refund."""
    kept = 0
    for row in await tx.fetch(
        "SELECT id, amount FROM payment WHERE booking_id = $1 AND status = 'reserved'"
        " ORDER BY created_at, id FOR UPDATE",
        booking_id,
    ):
        part = min(row["amount"], keep - kept)
        kept += part
        await tx.execute(
            "UPDATE payment SET status = CASE WHEN $2 > 0 THEN status ELSE 'voiding' END, to_capture = $2,"
            " capture_at = CASE WHEN $4 THEN least(capture_at, $3) ELSE capture_at END, updated_at = $3"
            " WHERE id = $1",
            row["id"],
            part,
            now,
            take,
        )
        if take or not part:
            await finish_later(tx, payment_id=row["id"])
    return kept


async def stands_already(tx: Transaction, payment: Payment) -> bool:
    """Whether another payment stands for the same debt: the booking's deposit, or a balance or fee that was
    tried again later. It is reserved, or was taken and has not gone back."""
    return bool(
        await tx.fetchval(
            "SELECT true FROM payment p"
            " WHERE p.booking_id = $1 AND p.purpose = $2 AND p.id <> $3"
            "   AND (p.status = 'reserved' OR p.status = 'captured' AND ($2 = 'booking' OR p.created_at > $4)"
            "        AND coalesce(p.captured, p.amount) > coalesce((SELECT sum(r.amount) FROM refund r"
            "             WHERE r.payment_id = p.id AND r.status <> 'failed'), 0))"
            " LIMIT 1",
            payment.booking_id,
            payment.purpose,
            payment.id,
            payment.created_at,
        )
    )


async def adopt(tx: Transaction, *, payment: Payment, found: Outcome, now: datetime) -> Payment | None:
    """A second thing in the gateway's books that carries the payment's id: a payment of its own, on its way
    back from the beginning. None where it is known already. The caller holds the booking's lock."""
    amount = payment.amount if found.amount is None else found.amount
    if found.reference is None or await tx.fetchval(
        "SELECT true FROM payment WHERE gateway = $1 AND gateway_reference = $2",
        payment.gateway,
        found.reference,
    ):
        return None
    surplus = uuid4()
    await tx.execute(
        "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, gateway_reference, purpose,"
        "                     to_capture, problem, created_at, updated_at)"
        " SELECT $2, booking_id, $3, coalesce($4, currency), gateway, 'voiding', $5, purpose, 0,"
        "        'a second reservation for the same debt; it goes back', $6, $6 FROM payment WHERE id = $1",
        payment.id,
        surplus,
        amount,
        found.currency,
        found.reference,
        now,
    )
    if found.status == "captured":
        await record(tx, payment_id=surplus, status="captured", now=now)
        await refund(
            tx, booking_id=payment.booking_id, amount=amount, reason="paid twice", now=now, payment_id=surplus
        )
    return await look_up(tx, surplus)
