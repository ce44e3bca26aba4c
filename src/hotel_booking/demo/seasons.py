"""How prices move through the year and the week, from seasons.toml. All figures are per cent of the average
night.

Months are interpolated between their middles, so that prices glide instead of jumping on the first of one.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import cache, lru_cache

import msgspec

from hotel_booking.demo.reading import read

_Months = tuple[int, int, int, int, int, int, int, int, int, int, int, int]
_Week = tuple[int, int, int, int, int, int, int]
HIGH_SEASON = 112
PEAK_SEASON = 128


class Profiles(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The year, January to December, and the week, Monday to Sunday, by name."""

    months: dict[str, _Months]
    week: dict[str, _Week]


@cache
def profiles() -> Profiles:
    """The table."""
    return read("seasons", Profiles)


@lru_cache(maxsize=20_000)  # properties share profiles; every night is asked for several times
def season_of(profile: str, night: date) -> int:
    """The level of the time of year."""
    months = profiles().months[profile]
    middle = monthrange(night.year, night.month)[1] // 2 + 1
    if night.day >= middle:
        first, then = night.month - 1, night.month % 12
        passed = night.day - middle
    else:
        first, then = (night.month - 2) % 12, night.month - 1
        passed = night.day + monthrange(*_month_before(night))[1] - _middle_before(night)
    return months[first] + (months[then] - months[first]) * passed // 31


def weekday_of(profile: str, night: date) -> int:
    """The level of the day of the week."""
    return profiles().week[profile][night.weekday()]


def event_on(events: tuple[tuple[str, str, int], ...], night: date) -> int:
    """The level that an event puts on the night; 100 without one."""
    if not events:
        return 100
    day = night.isoformat()[5:]
    level = 100
    for first, last, percent in events:
        # An event over New Year begins later in the year than it ends.
        within = first <= day <= last if first <= last else day >= first or day <= last
        level = max(level, percent if within else 100)
    return level


def is_new_year(night: date) -> bool:
    """The night of 31 December."""
    return night.month == 12 and night.day == 31


def is_weekend(night: date) -> bool:
    """Friday and Saturday nights."""
    return night.weekday() in (4, 5)


def _month_before(night: date) -> tuple[int, int]:
    before = night.replace(day=1) - timedelta(days=1)
    return before.year, before.month


def _middle_before(night: date) -> int:
    return monthrange(*_month_before(night))[1] // 2 + 1
