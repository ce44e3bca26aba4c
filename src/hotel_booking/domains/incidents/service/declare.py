"""Declaring an incident."""

from __future__ import annotations

from datetime import datetime, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents import queries
from hotel_booking.domains.incidents.errors import InvalidIncident
from hotel_booking.domains.incidents.service import entries, outbox
from hotel_booking.domains.incidents.types import (
    CRITICAL,
    SEVERITY_MEANS,
    Actor,
    Incident,
    Kind,
    Severity,
    Source,
)

_OLDEST = timedelta(days=30)


async def declare(
    tx: Transaction,
    *,
    title: str,
    severity: Severity,
    components: tuple[str, ...] = (),
    impact: str = "",
    started_at: datetime | None = None,
    commander: str = "",
    by: Actor,
    now: datetime,
) -> Incident:
    """Declare an incident by hand: it gets its channel, and whoever is on call is paged for P1 and P2.
    `started_at` is when it began to hurt (now unless given). Raises `InvalidIncident`."""
    entries.check_severity(severity)
    entries.check_components(components)
    title = entries.text_of(title, "title", 200)
    impact = entries.text_of(impact, "impact", 10_000, required=False)
    commander = entries.text_of(commander, "commander", 200, required=False)
    started = started_at or now
    if not now - _OLDEST <= started <= now:
        raise InvalidIncident(
            "an incident began at most thirty days ago, and not in the future", field="started_at"
        )
    incident = await create(
        tx,
        kind="incident",
        title=title,
        severity=severity,
        source="hand",
        components=components,
        impact=impact,
        started_at=started,
        by=by.name,
        now=now,
    )
    if commander:
        await tx.execute(
            "INSERT INTO incident_role (incident_id, role, name, staff_id, since)"
            " VALUES ($1, 'commander', $2, $3, $4)",
            incident.id,
            commander,
            by.staff_id if commander == by.name else None,
            now,
        )
        await entries.write(
            tx, incident.id, kind="role", actor=by.name, text=f"{commander} is incident commander", now=now
        )
    if severity in CRITICAL:
        await outbox.page(tx, incident, f"{severity}: {title}", now=now)
    return incident


async def create(
    tx: Transaction,
    *,
    kind: Kind,
    title: str,
    severity: Severity,
    source: Source,
    components: tuple[str, ...],
    impact: str,
    started_at: datetime,
    by: str,
    now: datetime,
) -> Incident:
    """The row, its first line and its channel's first words; nobody is paged for it here."""
    channel = await name_channel(tx, now) if kind == "incident" else None
    incident_id: int = await tx.fetchval(
        "INSERT INTO incident (kind, title, severity, phase, source, components, channel, started_at,"
        "                      declared_at, impact)"
        " VALUES ($1, $2, $3, 'detection', $4, $5, $6, $7, $8, $9) RETURNING id",
        kind,
        title,
        severity,
        source,
        list(components),
        channel,
        started_at,
        now,
        impact,
    )
    incident = await queries.find(tx, incident_id)
    words = SEVERITY_MEANS[severity][0]
    if kind == "incident":
        text = f"Declared as {severity} ({words}): {title}"
        await outbox.say(tx, incident, f":rotating_light: {severity} ({words}): {title}", now=now, link=True)
    else:
        text = f"Noted for investigation: {title}"
    await entries.write(tx, incident_id, kind="declared", actor=by, text=text, now=now)
    return incident


async def name_channel(tx: Transaction, now: datetime) -> str:
    """`incident-YYYY-MM-DD` of the day in UTC; the second of a day gets -2, and so on. Whoever declares next
    waits until this transaction ends."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('incident_channel'))")
    first = f"incident-{now:%Y-%m-%d}"
    taken: int = await tx.fetchval(
        "SELECT count(*) FROM incident WHERE channel = $1 OR channel LIKE $1 || '-%'", first
    )
    return first if taken == 0 else f"{first}-{taken + 1}"
