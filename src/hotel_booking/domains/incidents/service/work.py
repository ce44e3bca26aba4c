"""Working on an incident: who has it, how bad it is, who does what, where one is."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents import queries
from hotel_booking.domains.incidents.errors import IncidentMovedOn, InvalidIncident
from hotel_booking.domains.incidents.service import declare, entries, outbox
from hotel_booking.domains.incidents.types import (
    PHASE_MEANS,
    ROLES,
    SEVERITY_MEANS,
    Actor,
    Incident,
    Phase,
    Role,
    Severity,
)

_WORKED: tuple[Phase, ...] = ("detection", "triage", "response", "resolution")


async def acknowledge(tx: Transaction, *, incident_id: int, by: Actor, now: datetime) -> Incident:
    """Somebody has it: the clock stops, PagerDuty is told, and triage begins. Whoever acknowledges is
    commander where there is none yet. Raises `IncidentMovedOn` where it is acknowledged or resolved."""
    incident = await queries.find(tx, incident_id, lock=True)
    entries.require_unresolved(incident)
    if incident.acknowledged_at is not None:
        raise IncidentMovedOn(f"incident {incident_id} is acknowledged already")
    await tx.execute(
        "UPDATE incident SET acknowledged_at = $2, version = version + 1,"
        "       phase = CASE phase WHEN 'detection' THEN 'triage' ELSE phase END WHERE id = $1",
        incident_id,
        now,
    )
    await entries.write(
        tx, incident_id, kind="acknowledged", actor=by.name, text=f"{by.name} has acknowledged it", now=now
    )
    if incident.kind == "incident":
        await outbox.page_is(tx, incident, "acknowledge", now=now)
        await outbox.say(tx, incident, f":eyes: {by.name} has acknowledged it", now=now)
        if not any(held.role == "commander" for held in await queries.roles(tx, incident_id)):
            await _hold(tx, incident, "commander", by, by=by.name, now=now)
    return await queries.find(tx, incident_id)


async def assess(
    tx: Transaction,
    *,
    incident_id: int,
    severity: Severity,
    components: tuple[str, ...] | None = None,
    impact: str | None = None,
    by: Actor,
    now: datetime,
) -> Incident:
    """Say how bad it is, and what it touches; what is None stays as it was said before. One that becomes P1
    or P2 pages where nobody has acknowledged it. Raises `IncidentMovedOn` or `InvalidIncident`."""
    entries.check_severity(severity)
    entries.check_components(components or ())
    if impact is not None:
        impact = entries.text_of(impact, "impact", 10_000, required=False)
    incident = await queries.find(tx, incident_id, lock=True)
    entries.require_unresolved(incident)
    components = incident.components if components is None else components
    impact = incident.impact if impact is None else impact
    await tx.execute(
        "UPDATE incident SET severity = $2, components = $3, impact = $4, version = version + 1"
        " WHERE id = $1",
        incident_id,
        severity,
        list(components),
        impact,
    )
    after = await queries.find(tx, incident_id)
    if severity != incident.severity:
        text = f"{incident.severity} became {severity} ({SEVERITY_MEANS[severity][0]})"
        await entries.write(tx, incident_id, kind="severity", actor=by.name, text=text, now=now)
        await outbox.say(tx, after, f"{text}, by {by.name}", now=now)
        if after.paged and not incident.paged and after.acknowledged_at is None:
            await outbox.page(tx, after, f"{severity}: {after.title}", now=now)
    if components != incident.components:
        named = ", ".join(components) or "nothing that customers see"
        await entries.write(
            tx, incident_id, kind="assessed", actor=by.name, text=f"Affected: {named}", now=now
        )
    if impact != incident.impact and impact:
        await entries.write(
            tx, incident_id, kind="assessed", actor=by.name, text=f"Impact: {impact}", now=now
        )
    return after


async def give_role(
    tx: Transaction, *, incident_id: int, role: Role, holder: Actor, by: Actor, now: datetime
) -> None:
    """Somebody does this from now on, in the place of whoever did. Raises `InvalidIncident` or
    `IncidentMovedOn`."""
    if role not in ROLES:
        raise InvalidIncident(f"{role!r} is no role", field="role", fix=f"one of {', '.join(ROLES)}")
    name = entries.text_of(holder.name, "name", 200)
    incident = await queries.find(tx, incident_id, lock=True)
    entries.require_unresolved(incident)
    await _hold(tx, incident, role, Actor(name, holder.staff_id), by=by.name, now=now)


async def _hold(
    tx: Transaction, incident: Incident, role: Role, holder: Actor, *, by: str, now: datetime
) -> None:
    await tx.execute(
        "INSERT INTO incident_role (incident_id, role, name, staff_id, since) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (incident_id, role) DO UPDATE"
        "   SET name = excluded.name, staff_id = excluded.staff_id, since = excluded.since",
        incident.id,
        role,
        holder.name,
        holder.staff_id,
        now,
    )
    what = "incident commander" if role == "commander" else role
    text = f"{holder.name} is {what}"
    await entries.write(tx, incident.id, kind="role", actor=by, text=text, now=now)
    await outbox.say(tx, incident, text, now=now)


async def move_to(tx: Transaction, *, incident_id: int, phase: Phase, by: Actor, now: datetime) -> None:
    """Say where one is: triage, response or resolution. What ends an incident is `resolve`. Raises
    `InvalidIncident`, or `IncidentMovedOn` where it is resolved or there already."""
    if phase not in _WORKED[1:]:
        raise InvalidIncident(
            f"{phase!r} is not a phase that one moves to",
            field="phase",
            fix=f"one of {', '.join(_WORKED[1:])}; resolving and closing are acts of their own",
        )
    incident = await queries.find(tx, incident_id, lock=True)
    entries.require_unresolved(incident)
    if incident.phase == phase:
        raise IncidentMovedOn(f"incident {incident_id} is in this phase already")
    if incident.acknowledged_at is None:
        await acknowledge(tx, incident_id=incident_id, by=by, now=now)
    await tx.execute(
        "UPDATE incident SET phase = $2, version = version + 1 WHERE id = $1", incident_id, phase
    )
    name, meaning = PHASE_MEANS[phase]
    await entries.write(tx, incident_id, kind="phase", actor=by.name, text=f"{name}: {meaning}", now=now)
    await outbox.say(tx, incident, f"{name}: {meaning}", now=now)


async def note(tx: Transaction, *, incident_id: int, text: str, by: Actor, now: datetime) -> None:
    """Write down what was seen or done, also after the end. Raises `InvalidIncident`."""
    text = entries.text_of(text, "note", 10_000)
    incident = await queries.find(tx, incident_id, lock=True)
    await entries.write(tx, incident_id, kind="note", actor=by.name, text=text, now=now)
    await outbox.say(tx, incident, f"{by.name}: {text}", now=now)


async def escalate_finding(
    tx: Transaction, *, incident_id: int, severity: Severity, by: Actor, now: datetime
) -> Incident:
    """A finding turns out to be an incident: it gets its channel, its clocks begin, and P1 and P2 page.
    Raises `IncidentMovedOn` where it is one already, or over."""
    entries.check_severity(severity)
    incident = await queries.find(tx, incident_id, lock=True)
    entries.require_unresolved(incident)
    if incident.kind != "finding":
        raise IncidentMovedOn(f"{incident_id} is an incident already", fix="change its severity")
    channel = await declare.name_channel(tx, now)
    # Its clocks count from now: nobody had to acknowledge it before.
    await tx.execute(
        "UPDATE incident SET kind = 'incident', severity = $2, channel = $3, declared_at = $4,"
        "       acknowledged_at = NULL, version = version + 1 WHERE id = $1",
        incident_id,
        severity,
        channel,
        now,
    )
    after = await queries.find(tx, incident_id)
    words = SEVERITY_MEANS[severity][0]
    text = f"Became an incident, {severity} ({words}): {after.title}"
    await entries.write(tx, incident_id, kind="declared", actor=by.name, text=text, now=now)
    await outbox.say(tx, after, f":rotating_light: {text}", now=now, link=True)
    if after.paged:
        await outbox.page(tx, after, f"{severity}: {after.title}", now=now)
    return after
