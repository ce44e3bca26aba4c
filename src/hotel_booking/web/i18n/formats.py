"""What every sentence to a guest is made of: money, days and instants as the guest's language writes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Protocol

from babel.numbers import format_percent

from hotel_booking.core import formats
from hotel_booking.core.languages import LOCALES
from hotel_booking.core.locales import locale_of
from hotel_booking.core.moments import moment
from hotel_booking.http.i18n.dates import date_text

Names = Mapping[tuple[str, str], str]
"""What room types and rate plans are called in the guest's language, by kind and code."""


class Texts(Protocol):
    """A gettext catalogue."""

    def gettext(self, message: str, /) -> str:
        """The message in the catalogue's language."""

    def ngettext(self, msgid1: str, msgid2: str, n: int, /) -> str:
        """The form of the message for a number."""


class Formats:
    """Speaks one language."""

    def __init__(self, language: str, texts: Texts) -> None:
        self._name = LOCALES[language]
        self._language = language
        self._locale = locale_of(language)
        self._texts = texts

    def word(self, message: str) -> str:
        """A message that is kept as such, such as an amenity's name."""
        return self._texts.gettext(message)

    def money(self, amount: int, currency: str) -> str:
        """Minor units as the language writes them."""
        return formats.money(amount, currency, self._name)

    def day(self, value: date) -> str:
        """A date with its weekday: Sun 8 Mar 2026."""
        return date_text(value, self._language)

    def moment(self, value: datetime, timezone: str) -> str:
        """A deadline on the hotel's own clock: 8 March 2026, 18:00 (Lisbon time)."""
        return moment(value, timezone, self._language)

    def rate(self, ppm: int) -> str:
        """Parts per million as per cent, with the digits that it has: 85_000 is 8,5 % in German."""
        return _rate(ppm, self._language)


@lru_cache(maxsize=1024)
def _rate(ppm: int, language: str) -> str:
    digits = len(f"{ppm % 10_000:04d}".rstrip("0"))
    locale = locale_of(language)
    # The language says where the sign stands; how many digits there are is for the rate to say.
    pattern = locale.percent_formats[None].pattern.replace("#,##0", f"0.{'0' * digits}".rstrip("."))
    return str(format_percent(ppm / 1_000_000, format=pattern, locale=locale))
