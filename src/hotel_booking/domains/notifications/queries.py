"""Reading the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_keys
from hotel_booking.domains.notifications.types import DeliveryAttempt, Message

_MESSAGE = (
    "SELECT m.id, m.event_key, m.template, m.language, m.recipient, m.subject, m.data, m.booking_id,"
    "       m.property_id, m.staff_id, m.status, m.attempts, m.created_at, m.touched_at, m.last_error"
    "  FROM mail_message m"
)
# Messages of no property (invitations, new passwords) are seen by those who see all properties.
_IN_SIGHT = "($1::int[] IS NULL OR m.property_id = ANY ($1))"


async def find(
    tx: Transaction, message_id: UUID, *, within: frozenset[int] | None = None, lock: bool = False
) -> Message | None:
    """One message; `within`: only of these properties."""
    return await tx.fetchrow_as(
        Message,
        f"{_MESSAGE} WHERE {_IN_SIGHT} AND m.id = $2{' FOR UPDATE' if lock else ''}",
        None if within is None else sorted(within),
        message_id,
    )


async def list_messages(
    tx: Transaction,
    *,
    within: frozenset[int] | None = None,
    status: str | None = None,
    recipient: str | None = None,
    booking_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int = 50,
) -> list[Message]:
    """Messages, newest first, from below the position `before`. `status` 'trouble' is failed or uncertain."""
    conditions = [_IN_SIGHT]
    args: list[object] = [None if within is None else sorted(within)]

    def where(condition: str, *values: object) -> None:
        numbers = [f"${len(args) + 1 + index}" for index in range(len(values))]
        conditions.append(condition.format(*numbers))
        args.extend(values)

    if status == "trouble":
        where("m.status IN ('failed', 'uncertain')")
    elif status is not None:
        where("m.status = {}", status)
    if recipient is not None:
        where("small(m.recipient) = ANY ({}::text[])", email_keys(recipient))
    if booking_id is not None:
        where("m.booking_id = {}", booking_id)
    if before is not None:
        where("(m.created_at, m.id) < ({}, {})", *before)
    args.append(limit)
    newest = f"ORDER BY m.created_at DESC, m.id DESC LIMIT ${len(args)}"
    if within is not None and recipient is None and booking_id is None and status in (None, "sent"):
        # Nearly all messages fit, but perhaps few of these properties: the newest of each by its own index.
        conditions[0] = "m.property_id = p.id"
        found = f"{_MESSAGE} WHERE {' AND '.join(conditions)} {newest}"
        sql = f"SELECT m.* FROM unnest($1::int[]) AS p(id) CROSS JOIN LATERAL ({found}) AS m {newest}"
    else:
        sql = f"{_MESSAGE} WHERE {' AND '.join(conditions)} {newest}"
    return await tx.fetch_as(Message, sql, *args)


async def of_booking(tx: Transaction, booking_id: UUID, *, limit: int = 100) -> list[Message]:
    """What was sent about a booking, newest first."""
    return await list_messages(tx, booking_id=booking_id, limit=limit)


async def attempts(tx: Transaction, message_id: UUID) -> list[DeliveryAttempt]:
    """The attempts to send a message, newest first."""
    return await tx.fetch_as(
        DeliveryAttempt,
        "SELECT at, outcome, reply FROM mail_attempt"
        " WHERE message_id = $1 ORDER BY at DESC, id DESC LIMIT 100",
        message_id,
    )


async def dead_letters(tx: Transaction, now: datetime) -> int:
    """Messages that were given up within the last 24 hours, or of which nobody knows whether they went out,
    and that nobody has sent again."""
    found: int = await tx.fetchval(
        "SELECT count(*) FROM mail_message WHERE status IN ('failed', 'uncertain')"
        " AND created_at > $1 AND touched_at > $2",
        now - timedelta(days=4),  # by the index; none is tried for as long
        now - timedelta(days=1),
    )
    return found


class Trouble(msgspec.Struct, frozen=True):
    """Messages that wait after a try that failed: to how many recipients, when the last try was, and when a
    message was sent last, of the newest hundred."""

    recipients: int
    failed_at: datetime | None
    sent_at: datetime | None


async def trouble(tx: Transaction) -> Trouble:
    """Whether messages get out at the moment."""
    found = await tx.fetchrow_as(
        Trouble,
        "SELECT count(DISTINCT recipient) AS recipients, max(touched_at) AS failed_at,"
        "       (SELECT max(touched_at) FILTER (WHERE status = 'sent')"
        "          FROM (SELECT status, touched_at FROM mail_message"
        "                 ORDER BY created_at DESC, id DESC LIMIT 100) AS n) AS sent_at"
        "  FROM mail_message WHERE status = 'waiting' AND last_error IS NOT NULL",
    )
    assert found is not None  # noqa: S101  # an aggregate has one row
    return found
