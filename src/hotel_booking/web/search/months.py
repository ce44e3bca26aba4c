"""Months as a calendar shows them: counted on and back, and in weeks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import TypeVar

T = TypeVar("T")


def moved(day: date, months: int) -> date:
    """The first of a month, some months on or back."""
    count = day.year * 12 + day.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)


def weeks(first: date, week_begins: int, day: Callable[[date], T]) -> tuple[tuple[T | None, ...], ...]:
    """A month in weeks, each day as `day` makes it; None where a week reaches into another month."""
    days: list[T | None] = [None] * ((first.weekday() - week_begins) % 7)
    value = first
    while value.month == first.month:
        days.append(day(value))
        value += timedelta(days=1)
    days += [None] * (-len(days) % 7)
    return tuple(tuple(days[start : start + 7]) for start in range(0, len(days), 7))
