"""Forgetting whom messages went to. That one was sent, and when, stays; to whom and what it said does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_keys

NOBODY = "erased@guest.invalid"
FAREWELL = "guest_erased"
_GIVEN_UP = timedelta(days=2)
KEPT = timedelta(days=400)  # a year and a month: a question about last year's stay can be answered


async def forget(tx: Transaction, *, booking_ids: Sequence[UUID], recipient: str) -> int:
    """Forget the messages about some bookings, and all to an address, in whatever form it is written. What
    has not gone out never will. How many there were."""
    rows = await tx.fetch(
        "SELECT id, status FROM mail_message WHERE booking_id = ANY ($1)"
        "    OR small(recipient) = ANY ($2::text[]) FOR UPDATE",
        list(booking_ids),
        email_keys(recipient),
    )
    unsent = [row["id"] for row in rows if row["status"] in ("waiting", "failed", "uncertain")]
    await tx.execute("DELETE FROM mail_message WHERE id = ANY ($1)", unsent)
    await _empty(tx, [row["id"] for row in rows])
    return len(rows)


async def forget_farewells(tx: Transaction, *, now: datetime) -> int:
    """Forget the addresses that were told that everything is erased, once they were told."""
    rows = await tx.fetch(
        "SELECT id FROM mail_message WHERE template = $1 AND recipient <> $2"
        "   AND (status = 'sent' OR touched_at < $3) LIMIT 1000 FOR UPDATE SKIP LOCKED",
        FAREWELL,
        NOBODY,
        now - _GIVEN_UP,
    )
    await _empty(tx, [row["id"] for row in rows])
    return len(rows)


async def forget_old(tx: Transaction, *, now: datetime, limit: int) -> int:
    """Forget to whom messages went that are older than `KEPT`, and what they said; how many."""
    rows = await tx.fetch(
        "SELECT id FROM mail_message WHERE created_at < $1 AND recipient <> $2"
        "   AND status IN ('sent', 'failed', 'uncertain') LIMIT $3 FOR UPDATE SKIP LOCKED",
        now - KEPT,
        NOBODY,
        limit,
    )
    await _empty(tx, [row["id"] for row in rows])
    return len(rows)


async def _empty(tx: Transaction, ids: list[UUID]) -> None:
    await tx.execute(
        "UPDATE mail_message SET recipient = $2, data = '{}', subject = NULL, last_error = NULL,"
        "       status = CASE status WHEN 'waiting' THEN 'failed' ELSE status END WHERE id = ANY ($1)",
        ids,
        NOBODY,
    )
    # Mail servers repeat the address in what they answer.
    await tx.execute("UPDATE mail_attempt SET reply = '' WHERE message_id = ANY ($1)", ids)
