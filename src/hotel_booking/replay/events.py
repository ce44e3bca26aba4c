"""What happens on which day: the file's rows laid out in time. Pure.

Events of one day run in the order of `Step`: cancel, check-out, create, check-in. What can only follow
something of the same day comes after it: a check-out on the arrival day, a cancellation on the day of
booking. No-shows come last: that nobody came is known when the day is over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from itertools import groupby

import msgspec

from hotel_booking.replay.demand import (
    Kind,
    Row,
    Unsellable,
    UnsellableRow,
)

_NAMED = 10  # lines of odd rows that the report names


class Step(IntEnum):
    """A kind of event; the number is its place in the day and its hour, UTC."""

    CANCEL = 6
    CHECK_OUT = 11
    CREATE = 12
    CHECK_IN = 15
    CHECK_OUT_SAME_DAY = 20
    CANCEL_SAME_DAY = 21
    NO_SHOW = 23


class Event(msgspec.Struct, frozen=True, order=True, gc=False):
    """Something that happens to the booking of the row with this index."""

    day: date
    step: Step
    row: int

    @property
    def at(self) -> datetime:
        """The simulated instant."""
        return datetime.combine(self.day, time(self.step), UTC)


class DateAnomalies(msgspec.Struct):
    """Rows whose status date is not where one expects it: how many, and the first lines of the file."""

    count: int = 0
    lines: list[int] = []

    def note(self, line: int) -> None:
        """Count one more."""
        self.count += 1
        if len(self.lines) < _NAMED:
            self.lines.append(line)


class Plan(msgspec.Struct):
    """Everything that will happen, in order, and what was refused or odd before anything did."""

    rows: list[Row]
    events: list[Event]
    refused: Counter[Unsellable]
    odd_dates: dict[str, DateAnomalies]

    @property
    def nights(self) -> tuple[date, date]:
        """The first and the last night that the rows need, both inclusive."""
        return min(row.arrival for row in self.rows), max(row.departure for row in self.rows) - timedelta(1)

    def days(self) -> Iterator[tuple[date, Sequence[Event]]]:
        """The events day by day."""
        for day, events in groupby(self.events, key=lambda event: event.day):
            yield day, tuple(events)


def lay_out(items: Iterable[Row | UnsellableRow]) -> Plan:
    """Sort the rows' events by day and step; equal ones keep the file's order."""
    plan = Plan([], [], Counter(), {})
    for item in items:
        if isinstance(item, UnsellableRow):
            plan.refused[item.reason] += 1
            continue
        index = len(plan.rows)
        plan.rows.append(item)
        plan.events.append(Event(item.created, Step.CREATE, index))
        plan.events.extend(_later(item, index))
        code = oddity(item)
        if code:
            plan.odd_dates.setdefault(code, DateAnomalies(lines=[])).note(item.line)
    plan.events.sort()
    return plan


def _later(row: Row, index: int) -> Iterator[Event]:
    """What follows the creation; nothing happens before what it needs."""
    if row.outcome == "stay":
        yield Event(row.arrival, Step.CHECK_IN, index)
        left = departed(row)
        yield Event(left, Step.CHECK_OUT if left > row.arrival else Step.CHECK_OUT_SAME_DAY, index)
        return
    day = max(row.status_date, row.created)
    if row.outcome == "no_show":
        yield Event(day, Step.NO_SHOW, index)
    else:
        yield Event(day, Step.CANCEL if day > row.created else Step.CANCEL_SAME_DAY, index)


def departed(row: Row) -> date:
    """The day the guests left: the status date, or the arrival where that lies before it."""
    return max(row.status_date, row.arrival)


def free_from(row: Row) -> date:
    """From which day on the row's end gives its nights back: all of them for a cancellation, those from the
    no-show's date or the departure on otherwise. Never before the arrival, never after the departure."""
    if row.outcome == "cancelled":
        return row.arrival
    return min(max(row.status_date, row.arrival), row.departure)


def oddity(row: Row) -> str | None:
    """What is odd about the row's status date; None for what one expects."""
    day = row.status_date
    if row.outcome == "stay":
        if day < row.arrival:
            return "check_out_before_arrival"
        if day == row.departure:
            return None
        return "check_out_early" if day < row.departure else "check_out_late"
    if day < row.created:
        return f"{row.outcome}_before_booking"
    if day > row.arrival:
        return f"{row.outcome}_after_arrival"
    return "no_show_before_arrival" if row.outcome == "no_show" and day < row.arrival else None


def kinds(plan: Plan) -> list[Kind]:
    """The hotels' room types that the rows ask for, sorted."""
    return sorted({row.kind for row in plan.rows})
