"""The runbook's clocks: how soon an incident is acknowledged, and how often customers hear of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from hotel_booking.domains.incidents.types import Incident

ACKNOWLEDGE_WITHIN = timedelta(minutes=5)
REMINDED_AFTER = timedelta(minutes=3)  # two minutes before it escalates
ESCALATED_EVERY = timedelta(minutes=15)
UPDATE_EVERY = timedelta(minutes=30)
_AHEAD = timedelta(minutes=5)

Due = Literal["remind", "escalate", "update_soon", "update_overdue"]


class Clock(msgspec.Struct, frozen=True):
    """A clock that runs: what is due, and when."""

    what: Literal["acknowledge", "update"]
    due_at: datetime

    def overdue(self, now: datetime) -> bool:
        """Whether its time is over."""
        return now >= self.due_at


def running(incident: Incident) -> tuple[Clock, ...]:
    """The clocks of an incident. Only one that pages somebody has any: P1 and P2, until they are resolved."""
    if not incident.paged:
        return ()
    clocks: list[Clock] = []
    if incident.acknowledged_at is None:
        clocks.append(Clock("acknowledge", incident.declared_at + ACKNOWLEDGE_WITHIN))
    clocks.append(Clock("update", update_due(incident)))
    return tuple(clocks)


def update_due(incident: Incident) -> datetime:
    """When customers have to be told again (or for the first time)."""
    return (incident.updated_at or incident.declared_at) + UPDATE_EVERY


def due(incident: Incident, now: datetime) -> tuple[Due, ...]:
    """What has to be said now, and has not been said yet."""
    if not incident.paged:
        return ()
    found: list[Due] = []
    if incident.acknowledged_at is None:
        waited = now - incident.declared_at
        if incident.escalated_at is not None:
            if now - incident.escalated_at >= ESCALATED_EVERY:
                found.append("escalate")
        elif waited >= ACKNOWLEDGE_WITHIN:
            found.append("escalate")
        elif waited >= REMINDED_AFTER and incident.reminded_at is None:
            found.append("remind")
    last = update_due(incident)
    told = incident.update_reminded_at
    if now >= last:
        # Once when it is due, and again with each half hour that passes.
        step = last + (now - last) // UPDATE_EVERY * UPDATE_EVERY
        if told is None or told < step:
            found.append("update_overdue")
    elif now >= last - _AHEAD and (told is None or told < last - _AHEAD):
        found.append("update_soon")
    return tuple(found)
