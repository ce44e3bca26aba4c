"""Dates as guests type them: where a browser has no field of its own for a date, or the address is written by
hand. A date is read where it means one day alone in the page's language; what is left is asked for again."""

from __future__ import annotations

import re
from datetime import date
from functools import cache

from hotel_booking.core.folding import fold
from hotel_booking.core.locales import locale_of
from hotel_booking.core.typed_numbers import plain_digits

_LONGEST = 60
_PARTS = re.compile(r"\d+|[^\W\d_]+")
_NUMBERS = re.compile(r"(\d+)\s*([./\s-])\s*(\d+)\s*\2\s*(\d+)\.?")
# In English the day stands first for some and the month for others.
_MONTH_MAY_BE_FIRST = frozenset({"en"})
# What stands between the parts of a date in words: 10th of March, 1er mars, 10 de marzo de 2027.
_BETWEEN = frozenset({"st", "nd", "rd", "th", "of", "the", "den", "der", "le", "er", "de", "del", "el"}) | {
    "يوم"
}


def read_day(text: str, language: str) -> date | None:
    """2027-03-10 in any language; 10.03.2027, 10/3/27 and 10. März 2027 where the day is written first, and
    in English what leaves no doubt which is the month. None for anything else, also for a day that there is
    not."""
    text = " ".join(plain_digits(text[:_LONGEST]).split())
    numbers = _NUMBERS.fullmatch(text)
    try:
        if numbers is not None:
            return _in_numbers([numbers[1], numbers[3], numbers[4]], language)
        if not text.isdecimal():
            return _in_words([fold(part) for part in _PARTS.findall(text)], language)
        return date(int(text[:4]), int(text[4:6]), int(text[6:])) if len(text) == 8 else None
    except ValueError:
        return None


def _in_numbers(parts: list[str], language: str) -> date | None:
    lengths = [len(part) for part in parts]
    first, second, third = map(int, parts)
    if lengths[0] == 4 and max(lengths[1:]) <= 2:
        return date(first, second, third)
    if max(lengths[:2]) > 2:
        return None
    if language in _MONTH_MAY_BE_FIRST:
        if lengths[2] != 4 or (first != second and first <= 12 and second <= 12):
            return None
        return date(third, min(first, second), max(first, second))
    if lengths[2] not in (2, 4):
        return None
    return date(third + 2000 if lengths[2] == 2 else third, second, first)


def _in_words(parts: list[str], language: str) -> date | None:
    months, weekdays = _names(language)
    numbers = [part for part in parts if part.isdecimal()]
    words = [part for part in parts if not part.isdecimal() and part not in _BETWEEN]
    # Spanish has "mar" for a month and for a day of the week.
    named = {word for word in words if word in months}
    meant = {months[word] for word in (named - weekdays.keys() or named)}
    if len(numbers) != 2 or len(meant) != 1 or any(word not in months | weekdays for word in words):
        return None
    day, year = numbers
    return date(int(year), meant.pop(), int(day)) if len(year) == 4 and len(day) <= 2 else None


@cache
def _names(language: str) -> tuple[dict[str, int], dict[str, int]]:
    """What the language calls months, each with its number, and weekdays; whole and short."""
    locale = locale_of(language)
    months: dict[str, int] = {}
    weekdays: dict[str, int] = {}
    for context in ("format", "stand-alone"):
        for width in ("wide", "abbreviated"):
            months |= {_word(name): number for number, name in locale.months[context][width].items()}
            weekdays |= {_word(name): number for number, name in locale.days[context][width].items()}
    return months, weekdays


def _word(name: str) -> str:
    return fold(name).removesuffix(".")
