"""Payments together with their bookings: which are unfinished, and what of them somebody should look at."""

from __future__ import annotations

from datetime import datetime, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments.service import Payment
from hotel_booking.domains.payments.types import BY_HAND, DifferenceSeen, PaymentIssue


async def unfinished(tx: Transaction, *, now: datetime, before: datetime, limit: int = 100) -> list[Payment]:
    """Payments whose next step is overdue since before `before`: a crash, a silent gateway, a guest who
    left, or the day of a capture."""
    rows = await tx.fetch(
        f"""
        (SELECT {", ".join(Payment.__struct_fields__)}, updated_at FROM payment
          WHERE status IN ('started', 'unknown', 'authorised') AND updated_at < $2 ORDER BY updated_at LIMIT
          $3)
        UNION ALL
        (SELECT {", ".join(Payment.__struct_fields__)}, updated_at FROM payment
          WHERE status = 'reserved' AND capture_at <= $1 AND updated_at < $2 ORDER BY capture_at LIMIT $3)
        UNION ALL
        (SELECT {", ".join("p." + name for name in Payment.__struct_fields__)}, p.updated_at
           FROM payment p JOIN booking b ON b.id = p.booking_id
          WHERE p.status IN ('voiding', 'requires_action') AND p.updated_at < $2
            AND (p.status = 'voiding' OR b.status <> 'held' AND (p.purpose = 'booking' OR p.updated_at < $4))
          ORDER BY p.updated_at LIMIT $3)
        """,
        now,
        before,
        limit,
        before - timedelta(days=1),
    )
    rows.sort(key=lambda row: row["updated_at"])
    return [Payment(**{name: row[name] for name in Payment.__struct_fields__}) for row in rows[:limit]]


async def attention(
    tx: Transaction,
    *,
    properties: list[int] | None,
    since: datetime,
    stuck_before: datetime,
    limit: int = 100,
) -> list[PaymentIssue]:
    """What somebody should look at, newest first. `properties` None: of all. The sort and the limit of every
    part stand after the properties: one hotel's troubles are not hidden by a hundred of another's."""
    seen = "JOIN booking b ON b.id = p.booking_id AND ($1::int[] IS NULL OR b.property_id = ANY ($1))"
    of_refund = f"refund r JOIN payment p ON p.id = r.payment_id {seen}"
    return await tx.fetch_as(
        PaymentIssue,
        f"""
        (SELECT 'problem' AS what, b.reference, p.amount, p.currency, p.problem AS detail, p.updated_at AS at
           FROM payment p {seen} WHERE p.problem IS NOT NULL AND p.updated_at > $2
          ORDER BY p.updated_at DESC LIMIT $4)
        UNION ALL
        (SELECT 'refund_failed', b.reference, r.amount, p.currency, r.problem, r.created_at
           FROM {of_refund} WHERE r.status = 'failed' AND r.again IS NULL
          ORDER BY r.created_at DESC LIMIT $4)
        UNION ALL
        (SELECT CASE WHEN p.gateway IN ('bank_transfer', 'desk_transfer') THEN 'transfer_back'
                     WHEN p.gateway = ANY ($5) THEN 'desk_back' ELSE 'refund_stuck' END,
                b.reference, r.amount, p.currency, r.reason, r.created_at
           FROM {of_refund}
          WHERE r.status = 'due' AND (p.gateway = ANY ($5) OR r.created_at < $3)
          ORDER BY r.created_at DESC LIMIT $4)
        UNION ALL
        (SELECT 'dispute', b.reference, d.amount, d.currency,
                d.reason || ', ' || d.status || coalesce(', answer by ' || d.respond_by, ''), d.opened_at
           FROM dispute d JOIN payment p ON p.id = d.payment_id {seen} WHERE d.opened_at > $2
          ORDER BY d.opened_at DESC LIMIT $4)
        UNION ALL
        (SELECT 'stuck', b.reference, p.amount, p.currency, p.status, p.updated_at
           FROM payment p {seen}
          WHERE p.status IN ('started', 'unknown', 'authorised') AND p.updated_at < $3
          ORDER BY p.updated_at DESC LIMIT $4)
        UNION ALL
        (SELECT CASE p.status WHEN 'voiding' THEN 'stuck' ELSE 'transfer' END, b.reference, p.amount,
                p.currency, p.status, p.updated_at
           FROM payment p {seen}
          WHERE p.status IN ('voiding', 'requires_action')
            AND CASE p.status WHEN 'voiding' THEN p.updated_at < $3 ELSE p.gateway = 'bank_transfer' END
          ORDER BY p.updated_at DESC LIMIT $4)
        UNION ALL
        (SELECT 'stuck', b.reference, p.amount, p.currency, p.status, p.capture_at
           FROM payment p {seen} WHERE p.status = 'reserved' AND p.capture_at < $3
          ORDER BY p.capture_at DESC LIMIT $4)
        ORDER BY at DESC LIMIT $4
        """,
        properties,
        since,
        stuck_before,
        limit,
        BY_HAND,
    )


async def differences(tx: Transaction, run_id: int, *, limit: int = 500) -> list[DifferenceSeen]:
    """What one comparison found, in the order in which it was found."""
    return await tx.fetch_as(
        DifferenceSeen,
        "SELECT d.*, b.reference AS booking FROM reconciliation_difference d"
        "  LEFT JOIN payment p ON p.id = d.payment_id LEFT JOIN booking b ON b.id = p.booking_id"
        " WHERE d.reconciliation_id = $1 ORDER BY d.position LIMIT $2",
        run_id,
        limit,
    )
