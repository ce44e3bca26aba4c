"""Babel's locales, each made once: Babel keeps what it reads of them, but makes a new object every time."""

from __future__ import annotations

from functools import lru_cache

from babel import Locale

from hotel_booking.core.languages import LOCALES


def locale_of(language: str) -> Locale:
    """The locale of one of our languages."""
    return locale_named(LOCALES[language])


@lru_cache(maxsize=64)
def locale_named(name: str) -> Locale:
    """The locale of a name like `en_GB`."""
    return Locale.parse(name)
