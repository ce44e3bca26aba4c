"""Programs that are told of changes: only at addresses that answered a challenge, each thing until it was
taken or given up."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.public_addresses import PORTS, may_be_public
from hotel_booking.domains.incidents.errors import InvalidSubscription

CONFIRM = "confirm"
_MOST_UNCONFIRMED, _MOST_OF_A_HOST = 5, 50
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=3)
_MOST_ATTEMPTS, _MOST_CHALLENGES = 12, 3  # about a day; about two minutes
_KEPT = timedelta(days=30)


class Poster(Protocol):
    """What tells them."""

    async def post(self, *, path: str, url: str, body: dict[str, Any], now: datetime) -> tuple[int, bytes]:
        """Raises `Refused` or `Unavailable`. Calls the network: no transaction may be open."""

    def secret(self, path: str) -> str:
        """By what the messages of this webhook are signed; told to itself alone, with the challenge."""


class Webhook(msgspec.Struct, frozen=True):
    """A program's address."""

    id: int
    url: str


class WebhookDelivery(msgspec.Struct, frozen=True):
    """Something that a program is told, and what became of the last try."""

    id: int
    webhook_id: int
    url: str
    challenge: str
    event_key: str
    payload: dict[str, Any]
    attempts: int
    last_error: str


def own_path(webhook_id: int) -> str:
    """The path of a webhook; links to it are signed, and end it."""
    return f"/status/webhook/{webhook_id}"


class _OfHost(msgspec.Struct, frozen=True):
    unconfirmed: int
    all: int


async def ask(tx: Transaction, *, url: str, now: datetime) -> int:
    """Send a challenge to an address; the webhook's id. Again: a new challenge, as long as none was answered.
    Raises `InvalidSubscription` for what is no address, or too many of one host."""
    host = _host(url)
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 56))", host)
    others = await tx.fetchrow_as(
        _OfHost,
        "SELECT count(*) FILTER (WHERE confirmed_at IS NULL) AS unconfirmed, count(*) AS all"
        "  FROM status_webhook WHERE host = $1 AND url <> $2",
        host,
        url,
    )
    if others is not None and (others.unconfirmed >= _MOST_UNCONFIRMED or others.all >= _MOST_OF_A_HOST):
        raise InvalidSubscription("there are too many webhooks of this host", field="url")
    challenge = secrets.token_urlsafe(24)
    webhook_id = int(
        await tx.fetchval(
            "INSERT INTO status_webhook AS w (url, host, challenge, asked_at) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (url) DO UPDATE SET asked_at = excluded.asked_at, challenge ="
            "    CASE WHEN w.confirmed_at IS NULL THEN excluded.challenge ELSE w.challenge END RETURNING id",
            url,
            host,
            challenge,
            now,
        )
    )
    # One challenge in ten minutes, however often somebody asks.
    await tx.execute(
        "INSERT INTO status_delivery AS d (webhook_id, event_key, payload, created_at, next_at)"
        " SELECT id, $2, jsonb_build_object('type', 'confirm', 'challenge', challenge), $3, $3"
        "   FROM status_webhook WHERE id = $1 AND confirmed_at IS NULL"
        " ON CONFLICT (webhook_id, event_key) DO UPDATE"
        "    SET payload = excluded.payload, status = 'waiting', attempts = 0, next_at = excluded.next_at,"
        "        created_at = excluded.created_at WHERE d.created_at < $3 - interval '10 minutes'",
        webhook_id,
        CONFIRM,
        now,
    )
    return webhook_id


async def find(tx: Transaction, webhook_id: int) -> Webhook | None:
    """A webhook; None where there is none, or no longer."""
    return await tx.fetchrow_as(Webhook, "SELECT id, url FROM status_webhook WHERE id = $1", webhook_id)


async def leave(tx: Transaction, *, webhook_id: int) -> None:
    """Forget an address, and what it was to be told. Again does no harm."""
    await tx.execute("DELETE FROM status_webhook WHERE id = $1", webhook_id)


async def queue(tx: Transaction, *, event_key: str, payload: dict[str, Any], at: datetime) -> None:
    """Have every webhook told that had confirmed by then, once."""
    await tx.execute(
        "INSERT INTO status_delivery (webhook_id, event_key, payload, created_at, next_at)"
        " SELECT id, $1, $2, $3, $3 FROM status_webhook WHERE confirmed_at <= $3"
        " ON CONFLICT (webhook_id, event_key) DO NOTHING",
        event_key,
        payload,
        at,
    )


async def take(tx: Transaction, *, now: datetime, limit: int = 40) -> list[WebhookDelivery]:
    """Some deliveries that are due. Each is due again after a pause that doubles, unless it is `finish`ed
    before: a worker that dies meanwhile loses none."""
    return await tx.fetch_as(
        WebhookDelivery,
        "WITH due AS (SELECT id FROM status_delivery WHERE status = 'waiting' AND next_at <= $1"
        "              ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED)"
        " UPDATE status_delivery d SET attempts = d.attempts + 1,"
        "        next_at = $1 + least($3::interval * 2 ^ least(d.attempts, 20), $4::interval)"
        "   FROM due, status_webhook w WHERE d.id = due.id AND w.id = d.webhook_id"
        " RETURNING d.id, d.webhook_id, w.url, w.challenge, d.event_key, d.payload, d.attempts, d.last_error",
        now,
        limit,
        _FIRST_PAUSE,
        _LONGEST_PAUSE,
    )


async def finish(
    tx: Transaction,
    delivery: WebhookDelivery,
    *,
    answer: tuple[int, bytes] | None,
    problem: str,
    now: datetime,
) -> None:
    """Note what became of a try. A challenge that comes back confirms its webhook; 410 ends one; what is not
    taken waits for its next turn, or is given up."""
    confirming = delivery.event_key == CONFIRM
    if answer is not None:
        status, body = answer
        same = secrets.compare_digest(body.strip(), delivery.challenge.encode())
        taken = 200 <= status < 300 and (same or not confirming)
        if status == 410 and not confirming:
            await leave(tx, webhook_id=delivery.webhook_id)
            return
        problem = "" if taken else f"it answered {status}" + (" without the challenge" if confirming else "")
        if taken and confirming:
            await tx.execute(
                "UPDATE status_webhook SET confirmed_at = $2 WHERE id = $1 AND challenge = $3",
                delivery.webhook_id,
                now,
                delivery.challenge,
            )
    most = _MOST_CHALLENGES if confirming else _MOST_ATTEMPTS
    outcome = "sent" if not problem else "failed" if delivery.attempts >= most else "waiting"
    await tx.execute(
        "UPDATE status_delivery SET status = $2, last_error = $3 WHERE id = $1",
        delivery.id,
        outcome,
        problem[:200],
    )


async def failed(tx: Transaction) -> list[WebhookDelivery]:
    """What was given up lately, newest first; challenges that nobody answered are no loss."""
    return await tx.fetch_as(
        WebhookDelivery,
        "SELECT d.id, d.webhook_id, w.url, w.challenge, d.event_key, d.payload, d.attempts, d.last_error"
        "  FROM status_delivery d JOIN status_webhook w ON w.id = d.webhook_id"
        " WHERE d.status = 'failed' AND d.event_key <> $1 ORDER BY d.id DESC LIMIT 20",
        CONFIRM,
    )


async def purge(tx: Transaction, *, now: datetime, confirm_within: timedelta) -> None:
    """Forget addresses that never answered, and what is long past."""
    await tx.execute(
        "DELETE FROM status_webhook WHERE confirmed_at IS NULL AND asked_at < $1", now - confirm_within
    )
    await tx.execute(
        "DELETE FROM status_delivery WHERE id IN"
        " (SELECT id FROM status_delivery WHERE created_at < $1 LIMIT 1000)",
        now - _KEPT,
    )


def _host(url: str) -> str:
    """The host of an address. One that says itself that it is none of the public Internet is refused; where a
    name leads is seen when it is asked."""
    wrong = InvalidSubscription(
        "a webhook needs a public address that begins with https://, at port 443 or 8443", field="url"
    )
    if len(url) > 500 or not url.isascii() or not url.isprintable() or " " in url:
        raise wrong
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or 443
    except ValueError:
        raise wrong from None
    if parts.scheme != "https" or not host or parts.username is not None:
        raise wrong
    if port not in PORTS or not may_be_public(host):
        raise wrong
    return host
