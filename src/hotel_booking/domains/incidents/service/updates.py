"""What customers are told."""

from __future__ import annotations

from datetime import datetime, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents import queries, templates
from hotel_booking.domains.incidents.errors import IncidentMovedOn, InvalidIncident
from hotel_booking.domains.incidents.service import entries, outbox
from hotel_booking.domains.incidents.types import UPDATE_STATUSES, Actor, UpdateStatus

# A second send of a form or a command: subscribers would have the same mail twice.
_AGAIN = timedelta(minutes=5)


async def publish(
    tx: Transaction,
    *,
    incident_id: int,
    status: UpdateStatus,
    body: str,
    title: str = "",
    template: str | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """Tell customers, on the status page, at once. `title` is the incident's there (its own unless given);
    `template` is the text that `body` began as. The clock of updates begins anew. That it is resolved can be
    said only when it is, and then nothing else, and the same is not said twice within minutes. Raises
    `InvalidIncident` or `IncidentMovedOn`."""
    if status not in UPDATE_STATUSES:
        raise InvalidIncident(
            f"{status!r} is no state of an incident",
            field="status",
            fix=f"one of {', '.join(UPDATE_STATUSES)}",
        )
    body = entries.text_of(body, "body", 2000)
    title = entries.text_of(title, "title", 200, required=False)
    incident = await queries.find(tx, incident_id, lock=True)
    if (status == "resolved") != (incident.resolved_at is not None):
        raise IncidentMovedOn(
            "customers are told that it is resolved when it is, and only then",
            fix="resolve it first" if status == "resolved" else "reopen it, or say that it is resolved",
        )
    await _check_new(tx, incident_id, status, body, now)
    await tx.execute(
        "INSERT INTO incident_update (incident_id, at, status, body, template, actor)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        incident_id,
        now,
        status,
        body,
        templates.unchanged(template, body),
        by.name[:200],
    )
    await tx.execute(
        "UPDATE incident SET updated_at = $2, update_reminded_at = NULL,"
        "       public_title = coalesce(nullif($3, ''), public_title) WHERE id = $1",
        incident_id,
        now,
        title,
    )
    await entries.write(
        tx, incident_id, kind="update", actor=by.name, text=f"Customers were told ({status}): {body}", now=now
    )
    await outbox.say(tx, incident, f":loudspeaker: Status page ({status}): {body}", now=now)


async def _check_new(
    tx: Transaction, incident_id: int, status: UpdateStatus, body: str, now: datetime
) -> None:
    told_at: datetime | None = await tx.fetchval(
        "SELECT at FROM (SELECT at, status, body FROM incident_update WHERE incident_id = $1"
        "                 ORDER BY id DESC LIMIT 1) AS last WHERE status = $2 AND body = $3 AND at > $4",
        incident_id,
        status,
        body,
        now - _AGAIN,
    )
    if told_at is not None:
        raise IncidentMovedOn(
            f"customers were told exactly this at {told_at:%H:%M:%S} UTC", fix="say what is new, or wait"
        )
