"""How money is written: the one place. Digits after the point are those of ISO 4217, which is what is
charged; CLDR's own are for cash, and leave them out for RSD, IQD, MMK and two dozen others.

    money(129000, "IQD", "de_DE")    129,000 IQD
    english(129000, "EUR")           €1,290.00
    for_field(1200, "KWD")           1.20
"""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple

from babel.numbers import NumberPattern, format_compact_decimal, format_decimal, parse_pattern

from hotel_booking.core.locales import locale_named
from hotel_booking.core.money import divide, exponent, to_decimal


def money(amount: int, currency: str, locale: str, *, whole: bool = False) -> str:
    """Minor units as a language writes them: 12900 EUR is €129.00 in en_GB. `whole` leaves out the minor
    units where they are nothing."""
    digits = exponent(currency)
    units, rest = divmod(abs(amount), 10**digits)
    if whole and not rest:
        digits = 0
    shape = _money_shape(locale, currency, digits, amount < 0)
    if shape is None:
        return _by_pattern(to_decimal(amount, currency), currency, locale, digits)
    before, group, point, after = shape
    large = str(units) if units < 1_000 else f"{units:,}".replace(",", group)
    return f"{before}{large}{point}{str(rest).zfill(digits)}{after}" if digits else before + large + after


def english(amount: int, currency: str) -> str:
    """Minor units as the panel writes them, the commands, and all that is told in English: €1,290.00."""
    return money(amount, currency, "en_GB")


def currency_sign(currency: str) -> str:
    """What stands before an amount in `english`; what stands behind is `bare`."""
    return english(0, currency).removesuffix(bare(0, currency))


def bare(amount: int, currency: str) -> str:
    """Minor units without their currency, where it stands beside them: 1,290.00."""
    digits = exponent(currency)
    if not digits:
        return f"{amount:,}"
    units, rest = divmod(abs(amount), 10**digits)
    return f"{'-' if amount < 0 else ''}{units:,}.{rest:0{digits}}"


def tight(amount: int, currency: str) -> str:
    """Like `bare` without thousands apart, and without minor units that are nothing: 129, 129.50."""
    digits = exponent(currency)
    return str(amount // 10**digits) if amount % 10**digits == 0 else str(to_decimal(amount, currency))


def plain(amount: int, currency: str) -> str:
    """Minor units as a decimal for programs: 1290.00."""
    return str(to_decimal(amount, currency))


def for_field(amount: int | None, currency: str) -> str:
    """Minor units as a form holds them, so that `core.amounts` reads back the same and nothing else: 1290.00;
    empty for None. Never with three digits after the point, which could be thousands: 1.20 KWD, not 1.200."""
    if amount is None:
        return ""
    text = str(to_decimal(amount, currency))
    if exponent(currency) != 3:
        return text
    return text[:-1] if text.endswith("0") else f"{text}0"


def rounded(amount: int, currency: str, locale: str) -> str:
    """Whole units without their currency, for tight places in a calendar; halves go up, large ones in short:
    130, 1.2M."""
    units = divide(amount, 10 ** exponent(currency))
    if abs(units) >= _LONG:
        return str(format_compact_decimal(units, locale=locale, fraction_digits=1))
    shape = _number_shape(locale, units < 0)
    if shape is None:
        return str(format_decimal(units, locale=locale))
    return shape.before + f"{abs(units):,}".replace(",", shape.group) + shape.after


_LONG = 100_000
# CLDR wants a space between a code and the amount after it (CHF 129.00), which Babel leaves out.
_CODE_BEFORE = re.compile(r"([A-Za-z])(\d)")
# Among words from right to left the sign of US$ goes to the letters' other side, $US, where nothing holds it.
_SIGN_BEHIND = re.compile(r"([A-Za-z][$\u00a3\u00a5\u20a0-\u20cf])")
# CLDR's own minus there has a mark before it, which Babel leaves out: without it the minus ends up behind the
# number. What stands behind stays where it is for amounts above nothing.
_MINUS_BEHIND = re.compile(r"-([0-9][0-9.,]*)")


class _Shape(NamedTuple):
    """What stands around and between the digits of an amount. Babel is asked once for each shape: to write
    one amount takes it a hundred microseconds, which a page of prices would pay a hundred times."""

    before: str
    group: str
    point: str
    after: str


# A million and some, as it was written: by threes, in digits that Python writes too; else Babel writes all.
_PROBE = Decimal(1_234_567)
_PROBED = re.compile(
    r"(?P<before>[^0-9]*)1(?P<group>[^0-9]*)234(?P=group)567(?:(?P<point>[^0-9]+)0+)?(?P<after>[^0-9]*)"
)


@lru_cache(maxsize=1024)
def _money_shape(locale: str, currency: str, digits: int, negative: bool) -> _Shape | None:
    return _shape_of(_by_pattern(-_PROBE if negative else _PROBE, currency, locale, digits))


@lru_cache(maxsize=64)
def _number_shape(locale: str, negative: bool) -> _Shape | None:
    return _shape_of(str(format_decimal(-_PROBE if negative else _PROBE, locale=locale)))


def _shape_of(probe: str) -> _Shape | None:
    found = _PROBED.fullmatch(probe)
    return found and _Shape(found["before"], found["group"], found["point"] or "", found["after"])


def _by_pattern(amount: Decimal, currency: str, locale: str, digits: int) -> str:
    text = _pattern(locale, digits).apply(amount, locale_named(locale), currency, currency_digits=False)
    if locale_named(locale).text_direction == "rtl":
        text = _SIGN_BEHIND.sub("\\1\u200e", text)
        text = _MINUS_BEHIND.sub("\u200e-\\1\u200f", text)
    return _CODE_BEFORE.sub("\\1\u00a0\\2", text)


@lru_cache(maxsize=256)
def _pattern(locale: str, digits: int) -> NumberPattern:
    standard = locale_named(locale).currency_formats["standard"].pattern
    return parse_pattern(standard.replace("0.00", f"0.{'0' * digits}" if digits else "0"))
