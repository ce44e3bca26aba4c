"""Into the outbox, and what becomes of a message there."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_keys
from hotel_booking.domains.notifications import queries
from hotel_booking.domains.notifications.errors import MessageNotFound, NotToBeSentAgain
from hotel_booking.domains.notifications.types import Delivery, Message, MessageLimit

# 2, 4, 8 ... seconds and then every hour: about a day in all.
_LONGEST_PAUSE = timedelta(hours=1)
MOST_ATTEMPTS = 35
# What this release cannot write a newer one may have queued, whose worker comes with it: about an hour.
MOST_ATTEMPTS_UNWRITTEN = 12


async def queue(
    tx: Transaction,
    *,
    event_key: str,
    template: str,
    language: str,
    recipient: str,
    data: dict[str, Any],
    now: datetime,
    booking_id: UUID | None = None,
    property_id: int | None = None,
    staff_id: int | None = None,
    at: datetime | None = None,
    withdraw: str | None = None,
    limit: MessageLimit | None = None,
) -> bool:
    """Put a message into the outbox: it goes out if and only if the transaction is committed, from `at` on.
    False where the event was told of already, or where its recipient had as many of the kind as `limit` says:
    the sender is not told, and whoever owns the address is spared. `withdraw` names another event whose
    message is pointless now: if it has not gone out it never will. A message whose data has an instant
    `expires` is not sent later."""
    if limit is not None and not await _spared(tx, template, recipient, limit, now):
        return False
    return bool(
        await tx.fetchval(
            "SELECT mail_queue($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            uuid4(),
            event_key,
            template,
            language,
            recipient,
            data,
            booking_id,
            property_id,
            staff_id,
            now,
            at or now,
            withdraw,
        )
    )


async def _spared(tx: Transaction, template: str, recipient: str, limit: MessageLimit, now: datetime) -> bool:
    row = await tx.fetchrow(
        "SELECT count(*) FILTER (WHERE created_at > $3) AS hour, count(*) AS day FROM mail_message"
        " WHERE small(recipient) = ANY ($1::text[]) AND template = $2 AND created_at > $4",
        email_keys(recipient),
        template,
        now - timedelta(hours=1),
        now - timedelta(days=1),
    )
    return row is not None and row["hour"] < limit.an_hour and row["day"] < limit.a_day


async def begin(tx: Transaction, *, message_id: UUID, now: datetime) -> Message | None:
    """Mark a waiting message as being sent; None where there is nothing to send. Commit before sending: a
    worker that dies from here on leaves a message of which nobody knows whether it went out."""
    found = await tx.fetchval(
        "UPDATE mail_message SET status = 'sending', attempts = attempts + 1, touched_at = $2"
        " WHERE id = $1 AND status = 'waiting' RETURNING id",
        message_id,
        now,
    )
    return await queries.find(tx, message_id) if found is not None else None


async def put_off(tx: Transaction, *, message_id: UUID, at: datetime) -> None:
    """Have a message that waits tried later, without counting a try."""
    waiting = await tx.fetchval(
        "SELECT true FROM mail_message WHERE id = $1 AND status = 'waiting'", message_id
    )
    if waiting:
        await _enqueue(tx, message_id, at)


async def _tried(tx: Transaction, message: Message, reply: str) -> int:
    """How many tries ended with these words, this one included."""
    before: int = await tx.fetchval(
        "SELECT count(*) FROM mail_attempt WHERE message_id = $1 AND reply = $2", message.id, reply
    )
    return before + 1


async def finish(
    tx: Transaction, *, message: Message, subject: str | None, delivery: Delivery, now: datetime
) -> None:
    """Note what became of a try; where it may be tried again, enqueue that for later. A try so slow that it
    was given up changes nothing more, unless its message arrived after all."""
    outcome = delivery.outcome
    if outcome == "again" and (
        message.attempts >= MOST_ATTEMPTS
        or (delivery.unwritten and await _tried(tx, message, delivery.reply) >= MOST_ATTEMPTS_UNWRITTEN)
    ):
        outcome = "failed"
    # A message that waits for another worker is no trouble with the mail server, which the status page tells.
    untroubled = outcome == "sent" or (outcome == "again" and delivery.unwritten)
    await tx.execute(
        "INSERT INTO mail_attempt (message_id, at, outcome, reply) VALUES ($1, $2, $3, $4)",
        message.id,
        now,
        outcome,
        delivery.reply[:1000],
    )
    ours = await tx.fetchval(
        "UPDATE mail_message SET status = $2, subject = coalesce($3, subject), last_error = $4,"
        "       touched_at = $5"
        " WHERE id = $1 AND ((status = 'sending' AND touched_at = $6)"
        "                    OR (status IN ('uncertain', 'waiting') AND $2 = 'sent'))"
        " RETURNING true",
        message.id,
        "waiting" if outcome == "again" else outcome,
        subject,
        None if untroubled else delivery.reply[:1000],
        now,
        message.touched_at,
    )
    if not ours:
        return
    if outcome == "sent" and not delivery.keep:
        # Links to invitations and new passwords open accounts: nobody finds them here later.
        await tx.execute(
            "UPDATE mail_message SET data = data - 'link' WHERE id = $1 AND data ? 'link'", message.id
        )
    if outcome == "again":
        pause = min(timedelta(seconds=2 ** min(message.attempts, 20)), _LONGEST_PAUSE)
        await _enqueue(tx, message.id, now + pause)


async def send_again(
    tx: Transaction, *, message_id: UUID, within: frozenset[int] | None, now: datetime
) -> None:
    """Let a message that failed, or of which nobody knows, go out once more: a person decided so. Raises
    `MessageNotFound`, or `NotToBeSentAgain` where it is on its way or was sent."""
    message = await queries.find(tx, message_id, within=within, lock=True)
    if message is None:
        raise MessageNotFound("there is no such message")
    if message.status not in ("failed", "uncertain"):
        raise NotToBeSentAgain(
            f"the message is {message.status}", fix="only a failed or uncertain message can be sent again"
        )
    await tx.execute(
        "UPDATE mail_message SET status = 'waiting', attempts = 0, touched_at = $2 WHERE id = $1",
        message_id,
        now,
    )
    await _enqueue(tx, message_id, now)
    # Messages come and go by jobs, which the audit log need not tell of; this was somebody's decision.
    await tx.execute(
        "SELECT audit_write('update', 'mail', $1, $2, $3, $4, $5)",
        str(message_id),
        message.property_id,
        message.booking_id,
        {"status": message.status},
        {"status": "waiting", "template": message.template},
    )


async def sweep(tx: Transaction, *, now: datetime, lost_after: timedelta, limit: int = 500) -> int:
    """See to what a killed worker left: a message that was being sent is uncertain, one that waits without a
    job gets one. How many there were."""
    lost = await tx.fetch(
        "SELECT id FROM mail_message WHERE status = 'sending' AND touched_at < $1"
        " ORDER BY touched_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        now - lost_after,
        limit,
    )
    ids = [row["id"] for row in lost]
    await tx.execute(
        "UPDATE mail_message SET status = 'uncertain', touched_at = $2,"
        "       last_error = 'the worker ended while it was sending' WHERE id = ANY ($1)",
        ids,
        now,
    )
    await tx.execute(
        "INSERT INTO mail_attempt (message_id, at, outcome, reply)"
        " SELECT id, $2, 'uncertain', 'the worker ended while it was sending'"
        "   FROM unnest($1::uuid[]) AS t(id)",
        ids,
        now,
    )
    waiting = await tx.fetch(
        "SELECT id FROM mail_message WHERE status = 'waiting' AND touched_at < $1"
        " ORDER BY touched_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        now - 2 * _LONGEST_PAUSE,
        limit,
    )
    for row in waiting:
        await tx.execute("UPDATE mail_message SET touched_at = $2 WHERE id = $1", row["id"], now)
        await _enqueue(tx, row["id"], now)
    return len(ids) + len(waiting)


async def _enqueue(tx: Transaction, message_id: UUID, at: datetime) -> None:
    await tx.execute(
        "SELECT enqueue('mail', 'notifications:deliver', $1, $2)", {"message_id": str(message_id)}, at
    )
