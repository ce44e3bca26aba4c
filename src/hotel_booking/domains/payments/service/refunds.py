"""Refunds: set on their way in the transaction that owes them, sent by a job, and noted in the ledger."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments.errors import RefundRepeated, TooMuch
from hotel_booking.domains.payments.types import BY_HAND

_SAME_REFUND = timedelta(hours=24)


class DueRefund(msgspec.Struct, frozen=True):
    """A refund that is on its way."""

    id: UUID
    payment_id: UUID
    amount: int
    gateway: str
    gateway_reference: str


async def refund(
    tx: Transaction,
    *,
    booking_id: UUID,
    amount: int,
    reason: str,
    now: datetime,
    payment_id: UUID | None = None,
) -> None:
    """Set `amount` on its way back, over the booking's captured payments, newest first, or from one of them;
    never more than each still holds. The gateway is called by a job enqueued in the same transaction."""
    if amount <= 0:
        return
    rows = await tx.fetch(
        "SELECT p.id, coalesce(p.captured, p.amount)"
        "           - coalesce((SELECT sum(r.amount) FROM refund r"
        "                        WHERE r.payment_id = p.id AND r.status <> 'failed'), 0)::bigint AS held"
        "  FROM payment p WHERE p.booking_id = $1 AND p.status = 'captured'"
        "   AND ($2::uuid IS NULL OR p.id = $2)"
        " ORDER BY p.created_at DESC, p.id",
        booking_id,
        payment_id,
    )
    for row in rows:
        part = min(amount, row["held"])
        if part > 0:
            await _send_back(tx, payment_id=row["id"], amount=part, reason=reason, now=now)
            amount -= part
    if amount:
        raise RuntimeError(
            "more to refund than was paid"
        )  # the caller's arithmetic is wrong; nothing is kept


async def _send_back(tx: Transaction, *, payment_id: UUID, amount: int, reason: str, now: datetime) -> UUID:
    refund_id: UUID = await tx.fetchval(
        "WITH due AS (INSERT INTO refund (id, payment_id, amount, reason, status, created_at)"
        " VALUES (gen_random_uuid(), $1, $2, $3, 'due', $4) RETURNING id)"
        " SELECT id FROM due,"
        "  LATERAL enqueue('payments', 'payments:refund', jsonb_build_object('refund_id', id), NULL)",
        payment_id,
        amount,
        reason,
        now,
    )
    return refund_id


async def give_back(
    tx: Transaction,
    *,
    booking_id: UUID,
    amount: int,
    reason: str,
    now: datetime,
    again: bool = False,
) -> None:
    """Refund by a person's decision; the caller holds the booking's lock. Raises `TooMuch` above what is
    held, and `RefundRepeated` for the same amount within a day unless `again` says that it is meant."""
    held, repeated = await tx.fetchrow(
        "SELECT coalesce(sum(m.held), 0)::bigint AS held, coalesce(bool_or(m.repeated), false) AS repeated"
        "  FROM payment p, LATERAL ("
        "     SELECT coalesce(p.captured, p.amount) - coalesce(sum(r.amount) FILTER"
        "                (WHERE r.status <> 'failed'), 0) AS held,"
        "            bool_or(r.amount = $2 AND r.created_at > $3 AND r.status <> 'failed') AS repeated"
        "       FROM refund r WHERE r.payment_id = p.id) AS m"
        " WHERE p.booking_id = $1 AND p.status = 'captured'",
        booking_id,
        amount,
        now - _SAME_REFUND,
    ) or (0, False)
    if amount <= 0:
        raise TooMuch("a refund must be above 0", field="amount", fix="give an amount above 0")
    if amount > held:
        raise TooMuch(
            "this is more than is left of the booking's payments",
            field="amount",
            fix="refund at most what is left of the payments",
            extra={"at_most": held},
        )
    if repeated and not again:
        raise RefundRepeated(
            "the same amount was already refunded within the last day",
            fix="confirm that a second refund is intended",
        )
    await refund(tx, booking_id=booking_id, amount=amount, reason=reason, now=now)


async def send_again(tx: Transaction, *, refund_id: UUID, now: datetime) -> bool:
    """Send a failed refund once more, as a new one. False where it is not failed, or was sent again
    already."""
    row = await tx.fetchrow(
        "SELECT payment_id, amount, reason FROM refund WHERE id = $1 AND status = 'failed' AND again IS NULL"
        " FOR UPDATE",
        refund_id,
    )
    if row is None:
        return False
    new = await _send_back(
        tx, payment_id=row["payment_id"], amount=row["amount"], reason=row["reason"], now=now
    )
    await tx.execute("UPDATE refund SET again = $2 WHERE id = $1", refund_id, new)
    return True


async def due_refunds(tx: Transaction, *, refund_id: UUID | None = None, limit: int = 100) -> list[DueRefund]:
    """Refunds that a gateway is to be asked for; all of them (oldest first) or the one asked for. What people
    send back by hand is none of them: it is due until they say so."""
    return await tx.fetch_as(
        DueRefund,
        "SELECT r.id, r.payment_id, r.amount, p.gateway,"
        "       coalesce(p.gateway_reference, '') AS gateway_reference"
        "  FROM refund r JOIN payment p ON p.id = r.payment_id"
        " WHERE r.status = 'due' AND ($1::uuid IS NULL OR r.id = $1) AND p.gateway <> ALL ($3)"
        " ORDER BY r.created_at LIMIT $2",
        refund_id,
        limit,
        BY_HAND,
    )


async def refund_done(
    tx: Transaction, *, refund_id: UUID, now: datetime, reference: str | None = None
) -> None:
    """The gateway gave the money back: note it in the ledger, once however often it is said, and have the
    guest told."""
    await tx.execute(
        "WITH done AS (UPDATE refund SET status = 'done', done_at = $2, gateway_reference = $3"
        "               WHERE id = $1 AND status = 'due' RETURNING id, payment_id, amount),"
        " told AS (SELECT enqueue('bookings', 'bookings:tell_refund', jsonb_build_object('refund_id', id),"
        "                         NULL) FROM done)"
        " INSERT INTO ledger_entry (booking_id, kind, amount, currency, payment_id, refund_id, created_at)"
        " SELECT p.booking_id, 'refund', -d.amount, p.currency, p.id, d.id, $2"
        "   FROM done d JOIN payment p ON p.id = d.payment_id"
        # A query that nobody reads is not run.
        " WHERE (SELECT count(*) FROM told) > 0",
        refund_id,
        now,
        reference,
    )


async def refund_failed(tx: Transaction, *, refund_id: UUID, now: datetime, problem: str) -> None:
    """The money could not be given back, or came back to us: the guest still has it to get. What the ledger
    said is reversed; staff see it until it is sent again."""
    await tx.execute(
        "WITH was AS (SELECT id, status FROM refund WHERE id = $1 AND status <> 'failed' FOR UPDATE),"
        " failed AS (UPDATE refund r SET status = 'failed', problem = $3 FROM was WHERE r.id = was.id"
        "            RETURNING r.id, r.payment_id, r.amount, was.status AS before)"
        " INSERT INTO ledger_entry (booking_id, kind, amount, currency, payment_id, refund_id, created_at)"
        " SELECT p.booking_id, 'refund_reversed', f.amount, p.currency, p.id, f.id, $2"
        "   FROM failed f JOIN payment p ON p.id = f.payment_id WHERE f.before = 'done'",
        refund_id,
        now,
        problem[:500],
    )
