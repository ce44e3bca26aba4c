"""What PagerDuty and Slack are told: rows beside what they tell of, which a job delivers afterwards."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from hotel_booking.core.db import Transaction
from hotel_booking.core.job_queue import enqueue
from hotel_booking.domains.incidents.types import Act, Delivery, Incident, Target

# Where the runbook's Secondary is.
SECONDARY_CHANNEL = "infrastructure"
# How the keys of pages for Secondary end.
SECONDARY = "-secondary"
_LEASE = timedelta(minutes=2)  # longer than any call: after that a killed worker's delivery is anybody's
_LONGEST_PAUSE = timedelta(minutes=5)
MOST_ATTEMPTS = 300  # about a day


async def say(tx: Transaction, incident: Incident, text: str, *, now: datetime, link: bool = False) -> None:
    """Say something in the incident's own channel, with the address of its page or without; a finding has
    none."""
    if incident.channel is not None:
        said = {"text": text, "link": link}
        await _put(tx, incident.id, "slack", "post", incident.channel, said, now)


async def say_in(tx: Transaction, incident: Incident, channel: str, text: str, *, now: datetime) -> None:
    """Say something in another channel, with the address of the incident's page."""
    await _put(tx, incident.id, "slack", "post", channel, {"text": text, "link": True}, now)


async def page(
    tx: Transaction, incident: Incident, summary: str, *, now: datetime, secondary: bool = False
) -> None:
    """Have PagerDuty wake somebody: those on call, or those behind them."""
    payload: dict[str, Any] = {
        "summary": summary[:1024],
        "severity": "critical" if incident.severity == "P1" else "error",
        "source": "hotel-booking",
        "timestamp": now.isoformat(),
        "custom_details": {
            "incident": incident.id,
            "severity": incident.severity,
            "channel": f"#{incident.channel}",
            "secondary": secondary,
        },
    }
    key = f"{own_key(incident.id)}{SECONDARY}" if secondary else own_key(incident.id)
    await _put(tx, incident.id, "pagerduty", "trigger", key, payload, now)


async def page_is(tx: Transaction, incident: Incident, act: Act, *, now: datetime) -> None:
    """Acknowledge or resolve every page of the incident: Alertmanager's, of the groups of its alerts, and our
    own. A page that has not gone out never will."""
    if act == "resolve":
        await tx.execute(
            "UPDATE incident_delivery SET status = 'dropped' WHERE incident_id = $1 AND target = 'pagerduty'"
            " AND status = 'waiting' AND attempts = 0",
            incident.id,
        )
    rows = await tx.fetch(
        "SELECT DISTINCT group_key FROM incident_alert WHERE incident_id = $1 ORDER BY 1", incident.id
    )
    keys = [group_page(row["group_key"]) for row in rows]
    own = await tx.fetch(
        "SELECT DISTINCT key FROM incident_delivery WHERE incident_id = $1 AND act = 'trigger'"
        " AND status <> 'dropped' ORDER BY 1",
        incident.id,
    )
    for key in [*keys, *(row["key"] for row in own)]:
        await _put(tx, incident.id, "pagerduty", act, key, {}, now)


def own_key(incident_id: int) -> str:
    """The key of the page of an incident that was declared by hand."""
    return f"hotel-booking-incident-{incident_id}"


def group_page(group_key: str) -> str:
    """The key under which Alertmanager pages for a group of alerts: SHA-256 of its key, in hex."""
    return hashlib.sha256(group_key.encode()).hexdigest()


async def _put(
    tx: Transaction,
    incident_id: int,
    target: Target,
    act: Act,
    key: str,
    payload: dict[str, Any],
    now: datetime,
) -> None:
    await tx.execute(
        "INSERT INTO incident_delivery (incident_id, target, act, key, payload, created_at, next_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6)",
        incident_id,
        target,
        act,
        key,
        payload,
        now,
    )
    await enqueue(tx, queue="incidents", task="incidents:deliver", incident_id=str(incident_id))


async def take(tx: Transaction, incident_id: int, *, now: datetime) -> Delivery | None:
    """The next delivery of an incident whose time it is, taken for two minutes; None where there is none.
    What concerns the same page or channel goes out in order. Commit before sending."""
    return await tx.fetchrow_as(
        Delivery,
        "UPDATE incident_delivery SET next_at = $2 + $3::interval, attempts = attempts + 1 WHERE id = ("
        "  SELECT d.id FROM incident_delivery d WHERE d.incident_id = $1 AND d.status = 'waiting'"
        "     AND d.next_at <= $2 AND NOT EXISTS ("
        "      SELECT FROM incident_delivery e WHERE e.incident_id = $1 AND e.status = 'waiting'"
        "         AND e.target = d.target AND e.key = d.key AND e.id < d.id)"
        "   ORDER BY d.id LIMIT 1 FOR UPDATE SKIP LOCKED)"
        " RETURNING id, incident_id, target, act, key, payload, status, attempts, created_at, next_at,"
        "           sent_at, last_error",
        incident_id,
        now,
        _LEASE,
    )


async def sent(tx: Transaction, delivery: Delivery, *, now: datetime) -> None:
    """It was told."""
    await tx.execute(
        "UPDATE incident_delivery SET status = 'sent', sent_at = $2, last_error = '' WHERE id = $1",
        delivery.id,
        now,
    )


async def not_sent(
    tx: Transaction, delivery: Delivery, *, reason: str, now: datetime, after: float | None = None
) -> None:
    """It could not be told: again in 2, 4, 8 ... seconds, at most five minutes, or when the party asks to;
    after a day never again."""
    pause = min(timedelta(seconds=2 ** min(delivery.attempts, 10)), _LONGEST_PAUSE)
    if after is not None:
        pause = max(min(timedelta(seconds=after), timedelta(hours=1)), timedelta(seconds=1))
    if delivery.attempts >= MOST_ATTEMPTS:
        await given_up(tx, delivery, reason=reason)
        return
    await tx.execute(
        "UPDATE incident_delivery SET next_at = $2, last_error = $3 WHERE id = $1 AND status = 'waiting'",
        delivery.id,
        now + pause,
        reason[:1000],
    )
    await enqueue(
        tx,
        queue="incidents",
        task="incidents:deliver",
        at=now + pause,
        incident_id=str(delivery.incident_id),
    )


async def drop(tx: Transaction, delivery: Delivery) -> None:
    """It need not be told."""
    await tx.execute("UPDATE incident_delivery SET status = 'dropped' WHERE id = $1", delivery.id)


async def given_up(tx: Transaction, delivery: Delivery, *, reason: str) -> None:
    """It will not be told: the party refuses it, or there is none."""
    await tx.execute(
        "UPDATE incident_delivery SET status = 'failed', last_error = $2 WHERE id = $1",
        delivery.id,
        reason[:1000],
    )


async def overdue(tx: Transaction, *, before: datetime) -> list[int]:
    """The incidents with deliveries that should have been tried by then: their job was lost."""
    rows = await tx.fetch(
        "SELECT DISTINCT incident_id FROM incident_delivery WHERE status = 'waiting' AND next_at < $1"
        " ORDER BY 1 LIMIT 100",
        before,
    )
    return [row["incident_id"] for row in rows]
