"""The clocks: reminders, and from Primary to Secondary."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents import clocks, queries
from hotel_booking.domains.incidents.service import entries, outbox
from hotel_booking.domains.incidents.types import Incident

ACTOR = "The clock"


async def watch(tx: Transaction, *, incident_id: int, now: datetime) -> tuple[clocks.Due, ...]:
    """Say what is due of an incident, once each; what was said."""
    incident = await queries.find(tx, incident_id, lock=True)
    said = clocks.due(incident, now)
    for due in said:
        await _say(tx, incident, due, now)
    return said


async def _say(tx: Transaction, incident: Incident, due: clocks.Due, now: datetime) -> None:
    match due:
        case "remind":
            await tx.execute("UPDATE incident SET reminded_at = $2 WHERE id = $1", incident.id, now)
            text = "Nobody has acknowledged this yet: in two minutes it goes to Secondary"
        case "escalate":
            await tx.execute("UPDATE incident SET escalated_at = $2 WHERE id = $1", incident.id, now)
            text = "Nobody has acknowledged this in time: escalated from Primary to Secondary"
            summary = f"{incident.severity}, not acknowledged: {incident.title}"
            await outbox.page(tx, incident, summary, now=now, secondary=True)
            where = f"Incident {incident.id} in #{incident.channel}"
            await outbox.say_in(
                tx, incident, outbox.SECONDARY_CHANNEL, f":rotating_light: {summary}. {where}", now=now
            )
        case "update_soon" | "update_overdue":
            await tx.execute("UPDATE incident SET update_reminded_at = $2 WHERE id = $1", incident.id, now)
            minutes = int(clocks.UPDATE_EVERY.total_seconds()) // 60
            text = (
                "The status page wants an update in five minutes"
                if due == "update_soon"
                else f"Customers have heard nothing for {minutes} minutes: the status page wants an update"
            )
    await entries.write(tx, incident.id, kind="clock", actor=ACTOR, text=text, now=now)
    await outbox.say(tx, incident, f":alarm_clock: {text}", now=now)
