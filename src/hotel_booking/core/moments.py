"""How a deadline is written, wherever one stands: on the site, in the panel, in mails, in the API.

A deadline is a time on the hotel's clocks, and whoever reads it may be anywhere: it never stands without the
place whose time it is. 6 March 2030, 18:00 (Lisbon time).
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_time, get_timezone_location

from hotel_booking.core.locales import locale_of

_MOMENTS: Final = {
    "en": "{day}, {clock}",
    "de": "{day}, {clock}",
    "fr": "{day} à {clock}",
    "es": "{day}, {clock}",
    "ar": "{day}، الساعة {clock}",
}
_CLOCKS: Final = {
    "en": "{time} ({place} time)",
    "de": "{time} Uhr (Ortszeit {place})",
    "fr": "{time} (heure locale, {place})",
    "es": "{time} (hora de {place})",
    "ar": "{time} (بتوقيت {place})",
}
_FIRST: Final = re.compile(r"\b1(?= [^\W\d])")
_UTC: Final = frozenset({"UTC", "Etc/UTC", "Etc/GMT", "GMT"})


@lru_cache(maxsize=4096)  # the offers of a hotel share their deadlines
def moment(value: datetime, timezone: str, language: str = "en") -> str:
    """An instant as the clocks of a place show it, with the place: 6 March 2030, 18:00 (Lisbon time)."""
    local = value.astimezone(ZoneInfo(timezone))
    day = long_date(local.date(), language, "long")
    at = time_of_day(time(local.hour, local.minute), language)
    return _MOMENTS[language].format(day=day, clock=_with_place(at, local, timezone, language))


@lru_cache(maxsize=4096)
def long_date(value: date, language: str = "en", style: Literal["full", "long"] = "full") -> str:
    """A day in words, in a sentence: Wednesday 6 March 2030."""
    return day_as_said(str(format_date(value, style, locale=locale_of(language))), value, language)


def day_as_said(text: str, value: date, language: str) -> str:
    """A date that CLDR has written, as it is said: the first of a month is 1er in French, and a number else.
    What says these caches it."""
    return _FIRST.sub("1er", text, count=1) if language == "fr" and value.day == 1 else text


@lru_cache(maxsize=1024)
def time_of_day(value: time, language: str = "en") -> str:
    """A time that is no deadline, such as check-in: 15:00."""
    return str(format_time(value, "short", locale=locale_of(language)))


def hour(value: time, language: str = "en") -> str:
    """The same behind a preposition, for which Spanish has an article, and one of its own for the first hour:
    until 15:00, hasta las 15:00, hasta la 1:05."""
    at = time_of_day(value, language)
    return f"{'la' if value.hour == 1 else 'las'} {at}" if language == "es" else at


def same_day(first: datetime, second: datetime, timezone: str) -> bool:
    """Whether two instants lie on one day of the zone's clocks: then the time alone says when."""
    zone = ZoneInfo(timezone)
    return first.astimezone(zone).date() == second.astimezone(zone).date()


def clock(value: datetime, timezone: str, language: str = "en") -> str:
    """The time alone, behind a preposition, for a deadline that is minutes away: until 18:00 (Lisbon time),
    hasta las 18:00 (hora de Lisboa)."""
    local = value.astimezone(ZoneInfo(timezone))
    return _with_place(hour(time(local.hour, local.minute), language), local, timezone, language)


def _with_place(at: str, local: datetime, timezone: str, language: str) -> str:
    """An hour that the clocks show twice, in autumn, is said with its distance from UTC."""
    if timezone.startswith("Etc/") or timezone in _UTC:
        return f"{at} ({_from_utc(local)})"
    other = local.replace(fold=1 - local.fold)
    if other.utcoffset() != local.utcoffset():
        at = f"{at} {_from_utc(local)}"
    return _CLOCKS[language].format(time=at, place=place_of(timezone, language))


def _from_utc(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}{f':{rest:02}' if rest else ''}"


@lru_cache(maxsize=1024)
def place_of(timezone: str, language: str = "en") -> str:
    """The city that a time zone is named for, in a language: Lissabon."""
    name = str(get_timezone_location(timezone, locale=locale_of(language), return_city=True))
    return name.rpartition("/")[2]
