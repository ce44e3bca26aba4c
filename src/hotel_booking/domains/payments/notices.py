"""What gateways tell by themselves. A notice can come twice, late, in any order or not at all: so it is
taken as a hint to ask, and the sweep asks anyway."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments import queries, service
from hotel_booking.domains.payments.gateway import Dispute, Notice
from hotel_booking.domains.payments.types import UnreadableNotice

log = logging.getLogger(__name__)

KEPT = timedelta(days=90)


async def accept(tx: Transaction, *, gateway: str, notice: Notice, now: datetime) -> bool:
    """Note what a gateway told and have the payment looked at once this transaction is committed. False
    where it was told before, or speaks of nothing of ours; both are fine."""
    payment_id, reference = await _payment_meant(tx, gateway, notice)
    fresh = await tx.execute(
        "INSERT INTO gateway_notice (gateway, id, kind, reference, payment_id, created_at, received_at,"
        "                            problem)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        gateway,
        notice.id[:255],
        notice.kind,
        notice.reference,
        payment_id,
        notice.created_at,
        now,
        notice.problem,
    )
    if fresh and notice.problem is not None:
        log.error("a notice cannot be read", extra={"notice": notice.id, "problem": notice.problem})
    if not fresh or payment_id is None:
        return False
    if notice.kind == "dispute" and notice.dispute is not None:
        await _note_dispute(tx, gateway, payment_id, notice.dispute, notice.created_at)
    elif notice.kind == "refund" and notice.refund_id is not None and notice.refunded is not None:
        await _note_refund(tx, payment_id, notice, now)
    elif notice.kind == "payment":
        # What the payment is not may be a second reservation in its name.
        other = notice.reference if notice.reference != reference else None
        await service.finish_later(tx, payment_id=payment_id, seen=other)
    return True


async def list_unreadable(tx: Transaction, *, since: datetime, limit: int = 50) -> list[UnreadableNotice]:
    """Notices that came since then and cannot be read, newest first."""
    return await tx.fetch_as(
        UnreadableNotice,
        "SELECT gateway, id, problem, received_at FROM gateway_notice"
        " WHERE problem IS NOT NULL AND received_at > $1 ORDER BY received_at DESC LIMIT $2",
        since,
        limit,
    )


async def purge(tx: Transaction, *, before: datetime) -> int:
    """Forget notices that came before `before`, at most 10,000 a call. Returns how many."""
    return await tx.execute(
        "DELETE FROM gateway_notice WHERE (gateway, id) IN"
        " (SELECT gateway, id FROM gateway_notice WHERE received_at < $1 LIMIT 10000)",
        before,
    )


async def _payment_meant(tx: Transaction, gateway: str, notice: Notice) -> tuple[UUID | None, str | None]:
    """The payment, and the gateway's own name for it as far as we know."""
    if notice.reference is not None:
        found = await queries.payment_by_reference(tx, gateway=gateway, reference=notice.reference)
        if found is not None:
            return found, notice.reference
    if notice.payment_id is not None:
        known = await queries.reference_of(tx, payment_id=notice.payment_id, gateway=gateway)
        if known is not None:
            return notice.payment_id, known or None
    return None, None


async def _note_dispute(
    tx: Transaction, gateway: str, payment_id: UUID, dispute: Dispute, at: datetime
) -> None:
    # The newest word counts, in whatever order the words come.
    await tx.execute(
        "INSERT INTO dispute (gateway, reference, payment_id, amount, currency, status, reason, respond_by,"
        "                     opened_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)"
        " ON CONFLICT (gateway, reference) DO UPDATE SET status = excluded.status, reason = excluded.reason,"
        "  amount = excluded.amount, respond_by = excluded.respond_by, updated_at = excluded.updated_at,"
        "  opened_at = least(dispute.opened_at, excluded.opened_at)"
        " WHERE dispute.updated_at <= excluded.updated_at",
        gateway,
        dispute.reference,
        payment_id,
        dispute.amount,
        dispute.currency,
        dispute.status,
        dispute.reason,
        dispute.respond_by,
        at,
    )
    log.warning("a guest's bank disputes a payment", extra={"payment_id": str(payment_id)})


async def _note_refund(tx: Transaction, payment_id: UUID, notice: Notice, now: datetime) -> None:
    mine = await tx.fetchval(
        "SELECT true FROM refund WHERE id = $1 AND payment_id = $2", notice.refund_id, payment_id
    )
    if not mine or notice.refund_id is None or notice.refunded is None:
        return
    if notice.refunded.status == "failed":
        await service.refund_failed(
            tx,
            refund_id=notice.refund_id,
            now=now,
            problem=notice.refunded.reason or "rejected by the bank",
        )
    else:
        await service.refund_done(
            tx, refund_id=notice.refund_id, now=now, reference=notice.refunded.reference
        )
