"""What the status page knows of the platform's parts."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated, Literal, get_args

import msgspec

from hotel_booking.core.integers import LARGEST_INTEGER

Component = Literal["site", "api", "admin", "payments", "notifications", "search"]
COMPONENTS: tuple[Component, ...] = get_args(Component)
Outcome = Literal["up", "slow", "down"]
# As customers are told, best first; `unknown` has no place among them: nobody has looked.
Shown = Literal["operational", "degraded", "partial_outage", "major_outage", "maintenance", "unknown"]
DAYS = 90
# A part that was not looked at for so long is unknown, whatever was found then.
FRESH = timedelta(minutes=5)
# One probe may be lost on its way; the second in a row is an outage.
FAILURES_OF_AN_OUTAGE = 2


class Probe(msgspec.Struct, frozen=True):
    """What one look at a component found. `reason` says in a few words why it is not `up`."""

    component: Component
    outcome: Outcome
    milliseconds: Annotated[int, msgspec.Meta(ge=0, le=LARGEST_INTEGER)]
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Round(msgspec.Struct, frozen=True):
    """One look at all components, in UTC. It is told as often as needed and counted once."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    probes: tuple[Probe, ...]


class ComponentState(msgspec.Struct, frozen=True):
    """The last word on a component."""

    component: Component
    state: Outcome
    since: datetime
    checked_at: datetime


class Day(msgspec.Struct, frozen=True):
    """A component's probes of one day (UTC)."""

    day: date
    component: Component
    up: int = 0
    slow: int = 0
    down: int = 0

    @property
    def probes(self) -> int:
        """How many there were; 0: nobody has looked."""
        return self.up + self.slow + self.down

    @property
    def uptime(self) -> float | None:
        """The share of probes that were answered, slowly too; None where there were none."""
        return (self.up + self.slow) / self.probes if self.probes else None
