"""A release that was gone back from by itself (`hotel-booking ops guard`), in the tracker."""

from __future__ import annotations

from datetime import datetime, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents.service import actions, work
from hotel_booking.domains.incidents.service.declare import declare
from hotel_booking.domains.incidents.types import Actor

GUARD = Actor("hotel-booking-guard")
# The alert declares an incident by itself; it may come a little later than what was done because of it.
_ALERT_COMES_WITHIN = timedelta(seconds=60)


async def note_rollback(
    tx: Transaction, *, alert: str, text: str, decided_at: datetime, declares: bool, now: datetime
) -> int | None:
    """Note it on the incident that the alert has declared and that lasts. Where there is none after a minute
    and it `declares` one, on one of its own; the incident's id, None where it is to be tried again (or there
    is nothing to note it on)."""
    title = f"Rolled back automatically: {alert}"
    incident_id: int | None = await tx.fetchval(
        "SELECT incident.id FROM incident LEFT JOIN incident_alert ON incident_id = incident.id"
        " WHERE (name = $1 OR title = $2) AND resolved_at IS NULL ORDER BY incident.id DESC LIMIT 1",
        alert,
        title,
    )
    if incident_id is None and (not declares or now - decided_at < _ALERT_COMES_WITHIN):
        return None
    if incident_id is None:
        found = await declare(tx, title=title, severity="P2", by=GUARD, now=now)
        incident_id = found.id
    await work.note(tx, incident_id=incident_id, text=text, by=GUARD, now=now)
    return incident_id


async def ask_for_git(tx: Transaction, *, incident_id: int, to: str, now: datetime) -> None:
    """What a person does after it, or Argo CD would bring the release again with the next commit."""
    await actions.add_action(
        tx,
        incident_id=incident_id,
        what=f"Have Git say that {to} runs: scripts/deploy_release production IMAGE of {to}",
        owner="on-call engineer",
        due_on=None,
        by=GUARD,
        now=now,
    )
