"""How prices move through the year and the week. All figures are per cent of the average night.

Months are given as January to December and interpolated between their middles, so that prices glide
instead of jumping on the first of a month.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta
from functools import lru_cache

_MONTHS: dict[str, tuple[int, ...]] = {
    "city": (82, 85, 95, 102, 112, 114, 106, 98, 114, 108, 96, 100),
    "mild_city": (72, 76, 92, 112, 122, 118, 108, 104, 122, 112, 84, 80),
    "winter_city": (84, 86, 90, 104, 114, 110, 102, 100, 112, 104, 92, 124),
    "northern": (78, 82, 88, 96, 110, 126, 130, 124, 108, 96, 84, 90),
    "business": (92, 98, 104, 102, 108, 106, 88, 82, 116, 112, 106, 86),
    "new_york": (74, 78, 92, 104, 114, 112, 98, 96, 118, 120, 106, 118),
    "california": (88, 92, 98, 100, 106, 110, 108, 108, 114, 112, 94, 86),
    "mediterranean": (62, 64, 74, 92, 108, 132, 158, 162, 124, 92, 68, 66),
    "andalusia": (76, 84, 110, 132, 128, 100, 78, 76, 106, 118, 94, 88),
    "evergreen": (92, 96, 102, 108, 104, 100, 104, 112, 106, 102, 94, 100),
    "alpine": (134, 142, 120, 76, 72, 88, 108, 114, 92, 78, 70, 128),
    "arctic": (124, 130, 116, 84, 82, 108, 112, 96, 92, 94, 104, 118),
    "tropical": (132, 130, 116, 98, 78, 74, 80, 84, 76, 84, 108, 132),
    "winter_sun": (126, 136, 138, 112, 96, 88, 92, 84, 74, 80, 96, 118),
    "gulf": (128, 128, 122, 104, 82, 68, 64, 66, 78, 108, 126, 132),
    "desert": (84, 92, 116, 128, 118, 84, 72, 74, 98, 120, 108, 106),
    "equator": (98, 100, 102, 98, 96, 104, 106, 102, 108, 98, 100, 110),
    "southern": (128, 122, 108, 96, 82, 76, 80, 82, 94, 104, 112, 128),
    "japan": (84, 86, 112, 124, 108, 90, 94, 98, 96, 116, 122, 100),
}
# Monday to Sunday.
_WEEK: dict[str, tuple[int, ...]] = {
    "business": (108, 114, 114, 108, 92, 86, 90),
    "city": (97, 100, 101, 100, 106, 110, 94),
    "leisure": (94, 93, 95, 98, 112, 118, 97),
    "resort": (98, 97, 97, 98, 106, 108, 100),
}
HIGH_SEASON = 112
PEAK_SEASON = 128


@lru_cache(maxsize=20_000)  # properties share profiles; every night is asked for several times
def season_of(profile: str, night: date) -> int:
    """The level of the time of year."""
    months = _MONTHS[profile]
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
    return _WEEK[profile][night.weekday()]


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
