"""How money is written: the one place. Digits after the point are those of ISO 4217, which is what is
charged; CLDR's own are for cash, and leave them out for RSD, IQD, MMK and two dozen others.

    money(129000, "IQD", "de_DE")    129,000 IQD
    coded(129000, "EUR")             1,290.00 EUR
    for_field(1200, "KWD")           1.20
"""

from __future__ import annotations

import re
from functools import lru_cache

from babel import Locale
from babel.numbers import NumberPattern, format_compact_decimal, format_decimal, parse_pattern

from hotel_booking.core.money import divide, exponent, to_decimal


def money(amount: int, currency: str, locale: str, *, whole: bool = False) -> str:
    """Minor units as a language writes them: 12900 EUR is €129.00 in en_GB. `whole` leaves out the minor
    units where they are nothing."""
    digits = exponent(currency)
    if whole and amount % 10**digits == 0:
        digits = 0
    pattern = _pattern(locale, digits)
    text = pattern.apply(to_decimal(amount, currency), _locale(locale), currency, currency_digits=False)
    return _CODE_BEFORE.sub("\\1\u00a0\\2", text)


def coded(amount: int, currency: str) -> str:
    """Minor units with the currency's code, the same in every language: 1,290.00 EUR."""
    return f"{to_decimal(amount, currency):,} {currency}"


def bare(amount: int, currency: str) -> str:
    """Minor units without their currency, where it stands beside them: 1,290.00."""
    return f"{to_decimal(amount, currency):,}"


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
    return str(format_decimal(units, locale=locale))


_LONG = 100_000
# CLDR wants a space between a code and the amount after it (CHF 129.00), which Babel leaves out.
_CODE_BEFORE = re.compile(r"([A-Za-z])(\d)")


@lru_cache(maxsize=64)
def _locale(name: str) -> Locale:
    return Locale.parse(name)


@lru_cache(maxsize=256)
def _pattern(locale: str, digits: int) -> NumberPattern:
    standard = _locale(locale).currency_formats["standard"].pattern
    return parse_pattern(standard.replace("0.00", f"0.{'0' * digits}" if digits else "0"))
