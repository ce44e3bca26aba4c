"""Who is told of changes by e-mail: only who has confirmed, only once of each, until they leave."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_key, read_email
from hotel_booking.core.languages import DEFAULT
from hotel_booking.core.moments import long_date, time_of_day
from hotel_booking.domains.incidents import maintenance, templates, webhooks
from hotel_booking.domains.incidents.errors import InvalidSubscription
from hotel_booking.domains.notifications import service as mail
from hotel_booking.domains.notifications.types import MessageLimit

# Whoever types somebody else's address has them written to so often, and no more.
CONFIRMATIONS = MessageLimit(an_hour=2, a_day=4)
CONFIRM_WITHIN = timedelta(days=2)
_NEWS = timedelta(days=1)  # what is older nobody is told any more
_TOGETHER = 200

Say = Callable[[str, str], str]
"""One of our texts, in a language."""


class Subscriber(msgspec.Struct, frozen=True):
    """Somebody who wants to be told, or has been asked whether they do."""

    id: int
    email: str
    language: str
    confirmed_at: datetime | None


class _Event(msgspec.Struct, frozen=True):
    key: str
    at: datetime
    title: str
    body: str
    reached: int
    # Of a maintenance window that is called as we call it, and has not been changed since.
    starts_at: datetime | None
    ends_at: datetime | None
    cancelled_at: datetime | None
    unnamed: bool  # an incident that only an alert has named

    def title_in(self, language: str, say: Say) -> str:
        """What people called it is English, and what alerts say is for those who read that."""
        if self.unnamed and language != DEFAULT:
            return say(templates.UNNAMED, language)
        if self.starts_at is None or self.ends_at is None:
            return self.title
        first, last = self.starts_at.astimezone(UTC), self.ends_at.astimezone(UTC)
        begins, ends = (time_of_day(moment.time(), language) for moment in (first, last))
        if first.date() != last.date():
            ends = f"{long_date(last.date(), language)} · {ends}"
        when = f"{begins} \N{EN DASH} {ends} UTC"
        told = [say(maintenance.TITLE, language), long_date(first.date(), language), when]
        if self.cancelled_at is not None:
            told.append(say(maintenance.CALLED_OFF, language))
        return " · ".join(told)

    def body_in(self, language: str, say: Say) -> str:
        """What people wrote is English; what they took from the texts that are ready is in every language."""
        ready = self.body == maintenance.BODY or templates.is_ready(self.body)
        return say(self.body, language) if ready else self.body


def leaving(subscriber_id: int) -> str:
    """The path under which a subscriber leaves; a link to it is signed."""
    return f"/status/subscription/{subscriber_id}"


def confirming(subscriber_id: int) -> str:
    """The path under which a subscriber confirms; a link to it is signed."""
    return f"{leaving(subscriber_id)}/confirm"


async def ask(tx: Transaction, *, email: str, language: str, now: datetime) -> None:
    """Send a link to an address that somebody gave, by which its owner confirms. Who asks learns nothing: an
    address that has confirmed already is not written to. Raises `InvalidSubscription`."""
    address = read_email(email, error=InvalidSubscription)
    subscriber = await tx.fetchrow_as(
        Subscriber,
        "INSERT INTO status_subscriber AS s (email, email_key, language, asked_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (email_key) DO UPDATE"
        "    SET asked_at = CASE WHEN s.confirmed_at IS NULL THEN excluded.asked_at ELSE s.asked_at END"
        " RETURNING id, email, language, confirmed_at",
        address,
        email_key(address),
        language,
        now,
    )
    if subscriber is None or subscriber.confirmed_at is not None:
        return
    await mail.queue(
        tx,
        event_key=f"status:confirm:{subscriber.id}:{now.isoformat()}",
        template="status_confirm",
        language=subscriber.language,
        recipient=subscriber.email,
        data={"path": confirming(subscriber.id), "expires": (now + CONFIRM_WITHIN).isoformat()},
        now=now,
        limit=CONFIRMATIONS,
    )


async def find(tx: Transaction, subscriber_id: int) -> Subscriber | None:
    """A subscriber; None where there is none, or no longer."""
    return await tx.fetchrow_as(
        Subscriber,
        "SELECT id, email, language, confirmed_at FROM status_subscriber WHERE id = $1",
        subscriber_id,
    )


async def confirm(tx: Transaction, *, subscriber_id: int, now: datetime) -> bool:
    """Their owner says yes; False where the link is too old. Again does no harm."""
    found = await tx.fetchval(
        "UPDATE status_subscriber SET confirmed_at = coalesce(confirmed_at, $2)"
        " WHERE id = $1 AND (confirmed_at IS NOT NULL OR asked_at > $3) RETURNING id",
        subscriber_id,
        now,
        now - CONFIRM_WITHIN,
    )
    return found is not None


async def leave(tx: Transaction, *, subscriber_id: int) -> None:
    """Forget the address. Again does no harm."""
    await tx.execute("DELETE FROM status_subscriber WHERE id = $1", subscriber_id)


async def note_events(tx: Transaction, *, now: datetime) -> None:
    """What has been published of incidents and maintenance since yesterday, as events, each once."""
    await tx.execute(
        "INSERT INTO status_event (key, at, title, body)"
        " SELECT 'update-' || u.id, u.at, coalesce(i.public_title, i.title), u.body"
        "   FROM incident_update u JOIN incident i ON i.id = u.incident_id WHERE u.at > $1"
        " UNION ALL"
        " SELECT 'maintenance-' || id || '-' || version, greatest(announced_at, updated_at),"
        "        title || ': ' || to_char(starts_at, 'YYYY-MM-DD HH24:MI') || ' to '"
        "              || to_char(ends_at, 'HH24:MI') || ' UTC'"
        "              || CASE WHEN cancelled_at IS NULL THEN '' ELSE ' (cancelled)' END, body"
        "   FROM maintenance_window"
        "  WHERE announced_at IS NOT NULL AND greatest(announced_at, updated_at) > $1 AND ends_at > $2"
        " ON CONFLICT DO NOTHING",
        now - _NEWS,
        now,
    )


async def tell_some(tx: Transaction, *, now: datetime, say: Say) -> bool:
    """Tell some subscribers of the oldest event that not all were told of, each in their language; False
    where there is none. What they are told and how far one has come is committed together, so nobody is told
    twice."""
    event = await tx.fetchrow_as(
        _Event,
        "SELECT e.key, e.at, e.title, e.body, e.reached, w.starts_at, w.ends_at, w.cancelled_at,"
        "       EXISTS (SELECT FROM incident_update u JOIN incident i ON i.id = u.incident_id"
        "                WHERE u.id = CASE WHEN e.key ~ '^update-[0-9]{1,9}$' THEN substr(e.key, 8)::int END"
        "                  AND i.public_title IS NULL AND i.source = 'alert') AS unnamed"
        "  FROM status_event e LEFT JOIN maintenance_window w"
        "    ON e.key = 'maintenance-' || w.id || '-' || w.version AND w.title = $1"
        " WHERE e.told_at IS NULL ORDER BY e.at, e.key LIMIT 1 FOR UPDATE OF e SKIP LOCKED",
        maintenance.TITLE,
    )
    if event is None:
        return False
    if not event.reached:
        news = {"type": "news", "id": event.key, "at": event.at.isoformat()}
        await webhooks.queue(
            tx, event_key=event.key, payload={**news, "title": event.title, "body": event.body}, at=event.at
        )
    some = await tx.fetch_as(
        Subscriber,
        "SELECT id, email, language, confirmed_at FROM status_subscriber"
        " WHERE id > $1 AND confirmed_at <= $2 ORDER BY id LIMIT $3",
        event.reached,
        event.at,
        _TOGETHER,
    )
    for subscriber in some:
        await mail.queue(
            tx,
            event_key=f"status:{event.key}:{subscriber.id}",
            template="status_news",
            language=subscriber.language,
            recipient=subscriber.email,
            data={
                "title": event.title_in(subscriber.language, say),
                "body": event.body_in(subscriber.language, say),
                "path": leaving(subscriber.id),
                "unsubscribe": leaving(subscriber.id),
                "expires": (event.at + _NEWS).isoformat(),
            },
            now=now,
        )
    await tx.execute(
        "UPDATE status_event SET reached = $2, told_at = $3 WHERE key = $1",
        event.key,
        some[-1].id if some else event.reached,
        now if len(some) < _TOGETHER else None,
    )
    return True


async def purge(tx: Transaction, *, now: datetime) -> None:
    """Forget addresses that were never confirmed, and events that are long past."""
    await tx.execute(
        "DELETE FROM status_subscriber WHERE confirmed_at IS NULL AND asked_at < $1", now - CONFIRM_WITHIN
    )
    await webhooks.purge(tx, now=now, confirm_within=CONFIRM_WITHIN)
    await tx.execute(
        "DELETE FROM status_event WHERE key IN"
        " (SELECT key FROM status_event WHERE at < $1 AND told_at IS NOT NULL LIMIT 1000)",
        now - 30 * _NEWS,
    )
