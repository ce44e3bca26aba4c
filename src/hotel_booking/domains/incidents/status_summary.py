"""What customers are told of each component, computed in one place from probes, incidents and maintenance."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal

import msgspec

from hotel_booking.domains.incidents.maintenance import Window
from hotel_booking.domains.incidents.status_types import (
    COMPONENTS,
    FRESH,
    Component,
    ComponentState,
    Day,
    Outcome,
    Shown,
)
from hotel_booking.domains.incidents.types import Impact, PublicIncident

Overall = Literal["operational", "minor", "major", "critical", "maintenance", "unknown"]
_PROBED: dict[Outcome, Shown] = {"up": "operational", "slow": "degraded", "down": "major_outage"}
_DECLARED: dict[Impact, Shown] = {
    "critical": "major_outage",
    "major": "partial_outage",
    "minor": "degraded",
    "none": "operational",
}
# What is worse counts where two things are said of a component. Not to know is better than a known outage
# only: nobody is told that all is well because nobody has looked.
_WORSE: tuple[Shown, ...] = ("operational", "unknown", "degraded", "partial_outage", "major_outage")


class ComponentStatus(msgspec.Struct, frozen=True):
    """A component as it is shown. `days` are the last ones, the oldest first, each day there, probed or not;
    `uptime` is over all probes of them, None where there are none."""

    key: Component
    state: Shown
    since: datetime | None
    checked_at: datetime | None
    days: tuple[Day, ...]
    uptime: float | None


def components(
    *,
    probed: Sequence[ComponentState],
    days: Sequence[Day],
    incidents: Sequence[PublicIncident],
    windows: Sequence[Window],
    today: date,
    number: int,
    now: datetime,
) -> tuple[ComponentStatus, ...]:
    """Every component, in the order of the page, with the `number` of days up to `today` (UTC)."""
    words = {state.component: state for state in probed}
    counted = {(day.component, day.day): day for day in days}
    calendar = [today - timedelta(days=back) for back in reversed(range(number))]
    found = []
    for key in COMPONENTS:
        word = words.get(key)
        bars = tuple(counted.get((key, day)) or Day(day, key) for day in calendar)
        probes = sum(day.probes for day in bars)
        found.append(
            ComponentStatus(
                key=key,
                state=_state(key, word, incidents, windows, now),
                since=word.since if word is not None else None,
                checked_at=word.checked_at if word is not None else None,
                days=bars,
                uptime=sum(day.up + day.slow for day in bars) / probes if probes else None,
            )
        )
    return tuple(found)


def _state(
    key: Component,
    word: ComponentState | None,
    incidents: Sequence[PublicIncident],
    windows: Sequence[Window],
    now: datetime,
) -> Shown:
    if any(window.lasts(now) and key in window.components for window in windows):
        return "maintenance"
    said: list[Shown] = ["unknown"]
    if word is not None and word.checked_at >= now - FRESH:
        said = [_PROBED[word.state]]
    said += [
        _DECLARED[incident.impact]
        for incident in incidents
        if incident.resolved_at is None and key in incident.components
    ]
    return max(said, key=_WORSE.index)


def overall(found: Sequence[ComponentStatus], incidents: Sequence[PublicIncident]) -> Overall:
    """All of it in one word: the worst of components and of incidents that last, wherever these are."""
    states = {component.state for component in found}
    lasting = {incident.impact for incident in incidents if incident.resolved_at is None}
    down = {component.key for component in found if component.state == "major_outage"}
    if "critical" in lasting or down >= {"site", "api"}:
        return "critical"
    if down or "partial_outage" in states or "major" in lasting:
        return "major"
    if "degraded" in states or "minor" in lasting:
        return "minor"
    if "maintenance" in states:
        return "maintenance"
    return "unknown" if "unknown" in states else "operational"
