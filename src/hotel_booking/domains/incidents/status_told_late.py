"""Rounds that the database has not been told of yet, counted as it will, for a page drawn meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from hotel_booking.domains.incidents.status_types import (
    FAILURES_OF_AN_OUTAGE,
    ComponentState,
    Day,
    Outcome,
    Round,
)


def counted(
    probed: Sequence[ComponentState], days: Sequence[Day], rounds: Sequence[Round]
) -> tuple[list[ComponentState], list[Day]]:
    """The last words and the days as they are after the rounds, the oldest of which comes first: what
    `status_probes.record` does in SQL; a test compares both. A probe that is not younger than the last word
    has been told. How often a part had failed before is not known here: one that was not down failed for the
    first time."""
    words = {state.component: state for state in probed}
    failures = {state.component: 1 if state.state == "down" else 0 for state in probed}
    kept = {(day.day, day.component): day for day in days}
    for looked in rounds:
        at = looked.at.astimezone(UTC)
        for probe in looked.probes:
            before = words.get(probe.component)
            if before is not None and before.checked_at >= at:
                continue
            key = (at.date(), probe.component)
            day = kept.get(key) or Day(*key)
            kept[key] = Day(
                day.day,
                day.component,
                up=day.up + (probe.outcome == "up"),
                slow=day.slow + (probe.outcome == "slow"),
                down=day.down + (probe.outcome == "down"),
            )
            failed = failures.get(probe.component, 0) + 1 if probe.outcome == "down" else 0
            failures[probe.component] = failed
            state: Outcome = probe.outcome
            if failed:
                state = "down" if failed >= FAILURES_OF_AN_OUTAGE else "slow"
            since = before.since if before is not None and before.state == state else at
            words[probe.component] = ComponentState(probe.component, state, since, at)
    return sorted(words.values(), key=lambda one: one.component), [kept[key] for key in sorted(kept)]
