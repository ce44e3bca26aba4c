"""The end of an incident: resolved, learnt from, closed; or back again."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents import queries
from hotel_booking.domains.incidents.errors import IncidentMovedOn
from hotel_booking.domains.incidents.service import entries, outbox
from hotel_booking.domains.incidents.types import CRITICAL, Actor, Incident


async def resolve(tx: Transaction, *, incident_id: int, text: str, by: Actor, now: datetime) -> Incident:
    """It is over: PagerDuty and the channel are told, and the post-mortem begins; a finding is closed, as its
    text is what was found. Customers are told by whoever writes the last update. Raises `IncidentMovedOn`
    where it is resolved already."""
    text = entries.text_of(text, "text", 10_000, required=False)
    incident = await queries.find(tx, incident_id, lock=True)
    entries.require_unresolved(incident)
    finding = incident.kind == "finding"
    await tx.execute(
        "UPDATE incident SET resolved_at = $2, phase = $3, closed_at = $4, version = version + 1,"
        "       acknowledged_at = coalesce(acknowledged_at, $2) WHERE id = $1",
        incident_id,
        now,
        "closed" if finding else "post_mortem",
        now if finding else None,
    )
    said = f"Resolved{': ' + text if text else ''}"
    await entries.write(tx, incident_id, kind="resolved", actor=by.name, text=said, now=now)
    if not finding:
        await outbox.page_is(tx, incident, "resolve", now=now)
        await outbox.say(tx, incident, f":white_check_mark: {said}", now=now)
    return await queries.find(tx, incident_id)


async def reopen(tx: Transaction, *, incident_id: int, text: str, by: Actor, now: datetime) -> Incident:
    """It has come back: response goes on, and its clocks too. Nobody is paged again: whoever says so has it;
    where an alert says so Alertmanager pages. Raises `IncidentMovedOn` where it is not resolved."""
    text = entries.text_of(text, "text", 10_000, required=False)
    incident = await queries.find(tx, incident_id, lock=True)
    if incident.resolved_at is None:
        raise IncidentMovedOn(f"incident {incident_id} is not resolved")
    # What was published counts from now on: the next update is due half an hour after it came back.
    await tx.execute(
        "UPDATE incident SET resolved_at = NULL, closed_at = NULL, phase = 'response', version = version + 1,"
        "       updated_at = CASE WHEN updated_at IS NULL THEN NULL ELSE $2::timestamptz END,"
        "       update_reminded_at = NULL WHERE id = $1",
        incident_id,
        now,
    )
    said = f"Reopened{': ' + text if text else ''}"
    await entries.write(tx, incident_id, kind="reopened", actor=by.name, text=said, now=now)
    await outbox.say(tx, incident, f":repeat: {said}", now=now)
    return await queries.find(tx, incident_id)


async def write_post_mortem(
    tx: Transaction,
    *,
    incident_id: int,
    impact: str,
    cause: str,
    lessons: str,
    version: int,
    by: Actor,
    now: datetime,
) -> Incident:
    """What the timeline cannot say: what it meant, why it happened, what was learnt. `version` is the one
    that was read. Raises `InvalidIncident`, or `IncidentMovedOn` where somebody wrote meanwhile."""
    texts = [
        entries.text_of(value, field, 10_000, required=False)
        for field, value in (("impact", impact), ("cause", cause), ("lessons", lessons))
    ]
    changed = await tx.execute(
        "UPDATE incident SET impact = $2, cause = $3, lessons = $4, version = version + 1"
        " WHERE id = $1 AND version = $5",
        incident_id,
        *texts,
        version,
    )
    incident = await queries.find(tx, incident_id)
    if not changed:
        raise IncidentMovedOn(
            "somebody has changed this incident meanwhile", fix="copy your text, and open the page again"
        )
    await entries.write(
        tx, incident_id, kind="post_mortem", actor=by.name, text="The post-mortem was written", now=now
    )
    return incident


async def close(tx: Transaction, *, incident_id: int, by: Actor, now: datetime) -> None:
    """Nothing is left to do. Raises `IncidentMovedOn` where it lasts, where actions are open, or where a P1
    or P2 has no cause and no lessons written down."""
    incident = await queries.find(tx, incident_id, lock=True)
    if incident.phase != "post_mortem":
        raise IncidentMovedOn(
            f"incident {incident_id} is {'closed already' if incident.closed_at else 'not resolved'}"
        )
    left = [action for action in await queries.actions(tx, incident_id) if action.done_at is None]
    if left:
        raise IncidentMovedOn(
            f"{len(left)} of its actions {'is' if len(left) == 1 else 'are'} not done",
            fix="finish them; they stay in the list until then",
        )
    if incident.severity in CRITICAL and not (incident.cause and incident.lessons):
        raise IncidentMovedOn(
            "a P1 or P2 is closed with its cause and what was learnt",
            fix="write the post-mortem first, on its page in the panel",
        )
    await tx.execute(
        "UPDATE incident SET closed_at = $2, phase = 'closed', version = version + 1 WHERE id = $1",
        incident_id,
        now,
    )
    await entries.write(tx, incident_id, kind="closed", actor=by.name, text="Closed", now=now)
