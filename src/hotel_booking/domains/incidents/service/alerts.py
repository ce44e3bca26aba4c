"""What Alertmanager tells us: alerts become incidents and findings, once each, and end with them."""

from __future__ import annotations

from datetime import datetime, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents import queries
from hotel_booking.domains.incidents.notification import Firing, Notification
from hotel_booking.domains.incidents.service import declare, ending, entries, outbox, work
from hotel_booking.domains.incidents.types import SEVERITY_MEANS, Actor, Incident, Kind, Severity

ALERTMANAGER = Actor("Alertmanager")
# An alert that comes back so soon goes on with the incident that it made.
COMES_BACK_WITHIN = timedelta(minutes=30)


async def receive(tx: Transaction, *, notification: Notification, now: datetime) -> Incident | None:
    """Take a notification, however often it comes and from however many Alertmanagers: alerts of a group
    belong to one incident. Critical ones declare one, warnings a finding; a critical one that joins a
    finding makes it an incident. When the last of its alerts ends, what they declared is resolved. Returns
    what it concerns; None where it tells of nothing that is known."""
    await tx.execute(
        "SELECT pg_advisory_xact_lock(hashtext('incident_group'), hashtext($1))", notification.group_key
    )
    incident = await _current(tx, notification.group_key, now)
    new = [
        alert
        for alert in notification.alerts
        if alert.firing and not await _known(tx, alert.fingerprint, alert.starts_at)
    ]
    if new:
        incident = await _join(tx, incident, notification, new, now)
    for incident_id in await _end(tx, notification, now):
        await _resolve_where_over(tx, incident_id, now)
    return None if incident is None else await queries.find(tx, incident.id)


async def _current(tx: Transaction, group_key: str, now: datetime) -> Incident | None:
    """The incident of the group's alerts: the one that lasts, or the last where that was just now."""
    row = await tx.fetchrow(
        "SELECT incident_id FROM incident_alert WHERE group_key = $1 ORDER BY id DESC LIMIT 1", group_key
    )
    if row is None:
        return None
    incident = await queries.find(tx, row["incident_id"], lock=True)
    if incident.resolved_at is not None and now - incident.resolved_at > COMES_BACK_WITHIN:
        return None
    return incident


async def _known(tx: Transaction, fingerprint: str, starts_at: datetime) -> bool:
    return (
        await tx.fetchval(
            "SELECT true FROM incident_alert WHERE fingerprint = $1 AND starts_at = $2",
            fingerprint,
            starts_at,
        )
        is not None
    )


async def _join(
    tx: Transaction,
    incident: Incident | None,
    notification: Notification,
    new: list[Firing],
    now: datetime,
) -> Incident:
    worst: Severity = min(alert.severity for alert in new)
    kind: Kind = "incident" if any(alert.critical for alert in new) else "finding"
    if incident is None:
        incident = await declare.create(
            tx,
            kind=kind,
            title=new[0].title,
            severity=worst,
            source="alert",
            components=(),
            impact="",
            started_at=min(min(alert.starts_at for alert in new), now),
            by=ALERTMANAGER.name,
            now=now,
        )
        await _put(tx, incident, notification, new, now)
        return incident
    if incident.resolved_at is not None:
        incident = await ending.reopen(
            tx, incident_id=incident.id, text=new[0].title, by=ALERTMANAGER, now=now
        )
    await _put(tx, incident, notification, new, now)
    if kind == "incident" and incident.kind == "finding":
        # Alertmanager pages for it, so what this would page is taken back.
        incident = await work.escalate_finding(
            tx, incident_id=incident.id, severity=worst, by=ALERTMANAGER, now=now
        )
        await tx.execute(
            "UPDATE incident_delivery SET status = 'dropped'"
            " WHERE incident_id = $1 AND act = 'trigger' AND status = 'waiting' AND attempts = 0",
            incident.id,
        )
    elif incident.kind == "incident" and worst < incident.severity:
        await _worsen(tx, incident, worst, now)
    return incident


async def _worsen(tx: Transaction, incident: Incident, severity: Severity, now: datetime) -> None:
    await tx.execute(
        "UPDATE incident SET severity = $2, version = version + 1 WHERE id = $1", incident.id, severity
    )
    text = f"{incident.severity} became {severity} ({SEVERITY_MEANS[severity][0]})"
    await entries.write(tx, incident.id, kind="severity", actor=ALERTMANAGER.name, text=text, now=now)
    await outbox.say(tx, incident, text, now=now)


async def _put(
    tx: Transaction, incident: Incident, notification: Notification, new: list[Firing], now: datetime
) -> None:
    for alert in new:
        added = await tx.execute(
            "INSERT INTO incident_alert (incident_id, fingerprint, group_key, name, labels, annotations,"
            "                            source_url, starts_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
            " ON CONFLICT (fingerprint, starts_at) DO NOTHING",
            incident.id,
            alert.fingerprint,
            notification.group_key,
            alert.name,
            alert.labels,
            alert.annotations,
            alert.source_url,
            alert.starts_at,
        )
        if added:
            text = f"Alert {alert.name} fires: {alert.title}"
            await entries.write(tx, incident.id, kind="alert", actor=ALERTMANAGER.name, text=text, now=now)


async def _end(tx: Transaction, notification: Notification, now: datetime) -> list[int]:
    """Note which of the alerts have ended; whose they were. Not only the group's: where Alertmanager groups
    otherwise since its last start, an alert ends under another group's name than it began."""
    ended: set[int] = set()
    for alert in notification.alerts:
        if alert.firing:
            continue
        rows = await tx.fetch(
            "UPDATE incident_alert SET ends_at = $3 WHERE fingerprint = $1 AND starts_at <= $2"
            " AND ends_at IS NULL RETURNING incident_id",
            alert.fingerprint,
            alert.starts_at,
            alert.ends_at or now,
        )
        for row in rows:
            ended.add(row["incident_id"])
            await entries.write(
                tx,
                row["incident_id"],
                kind="alert",
                actor=ALERTMANAGER.name,
                text=f"Alert {alert.name} has ended",
                now=now,
            )
    return sorted(ended)


async def _resolve_where_over(tx: Transaction, incident_id: int, now: datetime) -> None:
    """What alerts declared ends with the last of them; what a person declared is a person's to end."""
    incident = await queries.find(tx, incident_id)
    fires = await tx.fetchval(
        "SELECT true FROM incident_alert WHERE incident_id = $1 AND ends_at IS NULL LIMIT 1", incident_id
    )
    if incident.source == "alert" and incident.resolved_at is None and not fires:
        await ending.resolve(
            tx, incident_id=incident_id, text="all its alerts have ended", by=ALERTMANAGER, now=now
        )
