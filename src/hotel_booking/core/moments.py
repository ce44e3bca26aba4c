"""How a deadline is written, wherever one stands: on the site, in the panel, in mails, in the API.

A deadline is a time on the hotel's clocks, and whoever reads it may be anywhere: it never stands without the
place whose time it is. 6 March 2030, 18:00 (Lisbon time).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_location

_LOCALES: Final = {"en": "en_GB", "de": "de_DE", "fr": "fr_FR", "es": "es_ES", "ar": "ar"}
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
_UTC: Final = frozenset({"UTC", "Etc/UTC", "Etc/GMT", "GMT"})


@lru_cache(maxsize=4096)  # the offers of a hotel share their deadlines
def moment(value: datetime, timezone: str, language: str = "en") -> str:
    """An instant as the clocks of a place show it, with the place: 6 March 2030, 18:00 (Lisbon time)."""
    day = format_date(value.astimezone(ZoneInfo(timezone)).date(), "long", locale=_locale(language))
    return _MOMENTS[language].format(day=day, clock=clock(value, timezone, language))


def clock(value: datetime, timezone: str, language: str = "en") -> str:
    """The time alone, for a deadline that is minutes away: 18:00 (Lisbon time).

    An hour that the clocks show twice, in autumn, is said with its distance from UTC.
    """
    local = value.astimezone(ZoneInfo(timezone))
    time = str(format_time(local.time(), "short", locale=_locale(language)))
    if timezone.startswith("Etc/") or timezone in _UTC:
        return f"{time} ({_from_utc(local)})"
    other = local.replace(fold=1 - local.fold)
    if other.utcoffset() != local.utcoffset():
        time = f"{time} {_from_utc(local)}"
    return _CLOCKS[language].format(time=time, place=place_of(timezone, language))


def _from_utc(local: datetime) -> str:
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else '-'}{hours}{f':{rest:02}' if rest else ''}"


@lru_cache(maxsize=1024)
def place_of(timezone: str, language: str = "en") -> str:
    """The city that a time zone is named for, in a language: Lissabon."""
    name = str(get_timezone_location(timezone, locale=_locale(language), return_city=True))
    return name.rpartition("/")[2]


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    return Locale.parse(_LOCALES[language])
