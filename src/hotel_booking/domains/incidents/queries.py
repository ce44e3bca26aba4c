"""Reading incidents."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.incidents.errors import IncidentNotFound
from hotel_booking.domains.incidents.types import (
    SEVERITIES,
    Action,
    Alert,
    Delivery,
    Impact,
    Incident,
    PublicIncident,
    PublicUpdate,
    RoleHeld,
    Severity,
    TimelineEntry,
    Times,
    Update,
)

_INCIDENT = (
    "SELECT id, kind, title, public_title, severity, phase, source, components, channel, started_at,"
    "       declared_at, acknowledged_at, resolved_at, closed_at, reminded_at, escalated_at, updated_at,"
    "       update_reminded_at, impact, cause, lessons, version FROM incident"
)
State = Literal["open", "incident", "finding", "all"]
STATES: dict[State, str] = {
    "open": "closed_at IS NULL",
    "incident": "kind = 'incident'",
    "finding": "kind = 'finding'",
    "all": "true",
}
_IMPACTS: dict[Severity, Impact] = {"P1": "critical", "P2": "major", "P3": "minor", "P4": "none"}
_MOST = 500  # of anything of one incident: more is no page for people


async def find(tx: Transaction, incident_id: int, *, lock: bool = False) -> Incident:
    """One incident. Raises `IncidentNotFound`. `lock`: until the transaction ends."""
    incident = await tx.fetchrow_as(
        Incident, f"{_INCIDENT} WHERE id = $1{' FOR UPDATE' if lock else ''}", incident_id
    )
    if incident is None:
        raise IncidentNotFound(f"there is no incident {incident_id}", fix="look at the list of incidents")
    return incident


async def list_incidents(
    tx: Transaction, *, state: State = "all", before: int | None = None, limit: int = 50
) -> list[Incident]:
    """Incidents and findings, newest first, from below the id `before`."""
    return await tx.fetch_as(
        Incident,
        f"{_INCIDENT} WHERE {STATES[state]} AND id < $1 ORDER BY id DESC LIMIT $2",
        before if before is not None else LARGEST_INTEGER,
        limit,
    )


async def unresolved(tx: Transaction) -> list[int]:
    """The ids of all incidents that last, oldest first."""
    rows = await tx.fetch(
        "SELECT id FROM incident WHERE resolved_at IS NULL AND kind = 'incident' ORDER BY id"
    )
    return [row["id"] for row in rows]


async def timeline(tx: Transaction, incident_id: int) -> list[TimelineEntry]:
    """Everything that happened, oldest first; of more than two thousand lines the newest."""
    return await tx.fetch_as(
        TimelineEntry,
        "SELECT * FROM (SELECT id, at, kind, actor, text FROM incident_entry WHERE incident_id = $1"
        "                ORDER BY id DESC LIMIT 2000) AS newest ORDER BY id",
        incident_id,
    )


async def roles(tx: Transaction, incident_id: int) -> list[RoleHeld]:
    """Who does what, the commander first."""
    return await tx.fetch_as(
        RoleHeld,
        "SELECT role, name, staff_id, since FROM incident_role WHERE incident_id = $1"
        " ORDER BY role <> 'commander', since, role",
        incident_id,
    )


async def updates(tx: Transaction, incident_id: int) -> list[Update]:
    """What customers were told, newest first."""
    return await tx.fetch_as(
        Update,
        "SELECT id, at, status, body, template, actor FROM incident_update WHERE incident_id = $1"
        " ORDER BY id DESC LIMIT $2",
        incident_id,
        _MOST,
    )


async def alerts(tx: Transaction, incident_id: int) -> list[Alert]:
    """The alerts that made it, and those that joined, oldest first; of very many the newest."""
    return await tx.fetch_as(
        Alert,
        "SELECT * FROM (SELECT id, fingerprint, group_key, name, labels, annotations, source_url, starts_at,"
        "                      ends_at FROM incident_alert WHERE incident_id = $1 ORDER BY id DESC LIMIT $2)"
        " AS newest ORDER BY id",
        incident_id,
        _MOST,
    )


async def actions(tx: Transaction, incident_id: int) -> list[Action]:
    """What remains to be done after it, and what was, in order."""
    return await tx.fetch_as(
        Action,
        "SELECT id, incident_id, what, owner, due_on, created_at, done_at, done_by FROM incident_action"
        " WHERE incident_id = $1 ORDER BY id LIMIT $2",
        incident_id,
        _MOST,
    )


async def open_actions(tx: Transaction) -> list[Action]:
    """What remains to be done of all incidents, the earliest due first."""
    return await tx.fetch_as(
        Action,
        "SELECT id, incident_id, what, owner, due_on, created_at, done_at, done_by FROM incident_action"
        " WHERE done_at IS NULL ORDER BY due_on NULLS LAST, id LIMIT $1",
        _MOST,
    )


async def deliveries(tx: Transaction, incident_id: int) -> list[Delivery]:
    """What PagerDuty and Slack were told, and what waits, newest first."""
    return await tx.fetch_as(
        Delivery,
        "SELECT id, incident_id, target, act, key, payload, status, attempts, created_at, next_at, sent_at,"
        "       last_error FROM incident_delivery WHERE incident_id = $1 ORDER BY id DESC LIMIT $2",
        incident_id,
        _MOST,
    )


class _Published(msgspec.Struct, frozen=True):
    id: int
    title: str
    severity: Severity
    components: tuple[str, ...]
    started_at: datetime
    resolved_at: datetime | None
    unnamed: bool


class _PublishedUpdate(PublicUpdate, frozen=True):
    incident_id: int


async def public_incidents(tx: Transaction, *, since: datetime, limit: int = 200) -> list[PublicIncident]:
    """What the status page shows, newest first: incidents that last, and those that were resolved after
    `since`; of each, what customers were told. One that they were told nothing of is not shown."""
    incidents = await tx.fetch_as(
        _Published,
        "SELECT id, coalesce(public_title, title) AS title, severity, components, started_at, resolved_at,"
        "       public_title IS NULL AND source = 'alert' AS unnamed"
        "  FROM incident WHERE updated_at IS NOT NULL AND (resolved_at IS NULL OR resolved_at >= $1)"
        " ORDER BY started_at DESC, id DESC LIMIT $2",
        since,
        limit,
    )
    told: dict[int, list[PublicUpdate]] = {incident.id: [] for incident in incidents}
    for update in await tx.fetch_as(
        _PublishedUpdate,
        "SELECT id, incident_id, at, status, body, template FROM incident_update"
        " WHERE incident_id = ANY ($1::int[]) ORDER BY id DESC",
        list(told),
    ):
        told[update.incident_id].append(
            PublicUpdate(update.id, update.at, update.status, update.body, update.template)
        )
    return [
        PublicIncident(
            id=incident.id,
            title=incident.title,
            severity=incident.severity,
            components=incident.components,
            status="resolved" if incident.resolved_at is not None else told[incident.id][0].status,
            impact=_IMPACTS[incident.severity],
            started_at=incident.started_at,
            resolved_at=incident.resolved_at,
            updates=tuple(told[incident.id]),
            unnamed=incident.unnamed,
        )
        for incident in incidents
    ]


async def times(tx: Transaction, *, since: datetime, until: datetime) -> list[Times]:
    """MTTA and MTTR of the incidents declared in [since, until), by severity; findings are none."""
    rows = await tx.fetch_as(
        Times,
        "SELECT severity, count(*) AS incidents, count(*) FILTER (WHERE resolved_at IS NULL) AS unresolved,"
        "       extract(epoch FROM avg(acknowledged_at - declared_at))::float8 AS mtta,"
        "       extract(epoch FROM avg(resolved_at - declared_at))::float8 AS mttr,"
        "       extract(epoch FROM max(resolved_at - declared_at))::float8 AS longest"
        "  FROM incident WHERE kind = 'incident' AND declared_at >= $1 AND declared_at < $2"
        " GROUP BY severity",
        since,
        until,
    )
    known = {row.severity: row for row in rows}
    return [known.get(severity, Times(severity, 0, 0, None, None, None)) for severity in SEVERITIES]
