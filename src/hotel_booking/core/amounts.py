"""How what people type is read: amounts of money and percentages, by one set of rules that never guess.

* A comma or a point that stands last and once is the decimal sign, unless exactly three digits follow it and
  one to three stand before: then it could part thousands as well (1.200 is 1,200 or 1.20), and is refused.
* Blanks, apostrophes and the Arabic thousands sign only ever part thousands; so does a comma or a point that
  comes twice. Groups must be of three digits (or 1,23,456 as in India).
* Where both come, the last one is the decimal sign: 1.234,50 and 1,234.50.
* What is finer than the currency can be charged is refused, never rounded: 12.345 EUR.
* The currency's own code or sign may stand beside the amount; another's may not. Digits may be of any script.

`assets/amounts.js` does the same in the grid of rates; one table of cases tests both.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from babel.numbers import get_currency_symbol

from hotel_booking.core import formats
from hotel_booking.core.errors import Invalid
from hotel_booking.core.money import exponent, step

_LONGEST = 60
_MOST_DIGITS = 15
_WORDS = frozenset("Lu Ll Lt Lm Lo Mn Mc Sc".split())  # letters, and signs of currencies
# A sign that only can be the decimal one; one that only can part thousands. No keyboard has them.
_POINT, _GROUP = "\ue000", "\ue001"
_SIGNS = {
    **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\ufe63", "-"),
    **dict.fromkeys("'\u2019\u02bc\u2018\uff07\u066c", _GROUP),
    "\u066b": _POINT,
    "\u060c": ",",  # the Arabic comma is typed for the decimal sign, which keyboards have not got
}
_SHAPE = re.compile(r"([-+]?) ?([0-9.,\ue000\ue001]+)")
_THREES = re.compile(r"[0-9]{1,3}(?:S[0-9]{3})+")
_INDIAN = re.compile(r"[0-9]{1,2}(?:S[0-9]{2})+S[0-9]{3}")
# What is written for a currency beside its code; the dollar's and the pound's sign serve many.
_WRITTEN = {
    "EUR": "€ euro euros",
    "GBP": "£",
    "JPY": "¥ 円",
    "CNY": "¥ 元",
    "INR": "₹ rs rs.",
    "KRW": "₩ 원",
    "VND": "₫ đ",
    "ILS": "₪",
    "THB": "฿",
    "PHP": "₱",
    "UAH": "₴",
    "RUB": "₽",
    "TRY": "₺ tl",
    "NGN": "₦",
    "KZT": "₸",
    "GEL": "₾",
    "AZN": "₼",
    "AMD": "֏",
    "MNT": "₮",
    "CRC": "₡",
    "PYG": "₲",
    "GHS": "₵",
    "LAK": "₭",
    "BDT": "৳",
    "CHF": "fr fr. sfr sfr.",
    "SEK": "kr kr.",
    "NOK": "kr kr.",
    "DKK": "kr kr.",
    "ISK": "kr kr.",
    "PLN": "zł",
    "CZK": "kč",
    "HUF": "ft",
    "BRL": "r$",
    "USD": "us$",
    "ZAR": "r",
    "RON": "lei",
    "BGN": "лв лв.",
    "RSD": "din din. дин дин.",
    "MAD": "dh",
    "AED": "dh",
    "MYR": "rm",
    "IDR": "rp rp.",
    "KES": "ksh",
    "TZS": "tsh",
    "UGX": "ush",
}
_DOLLARS = frozenset(
    "USD AUD BBD BMD BND BSD BZD CAD FJD GYD HKD JMD KYD LRD NAD NZD SBD SGD SRD TTD TWD XCD ARS CLP COP CUP"
    " DOP MXN UYU".split()
)


class Unreadable(Invalid):
    """What was typed is no amount. Nothing changed."""

    code = "unreadable_amount"


class Ambiguous(Invalid):
    """What was typed could be two different amounts. Nothing changed."""

    code = "ambiguous_amount"


class TooPrecise(Invalid):
    """What was typed is finer than the currency can be charged. Nothing changed."""

    code = "too_precise_amount"


def read_money(text: str, currency: str, *, name: str | None = None) -> int:
    """A typed amount in minor units of the currency. `name` is the field that errors name.

    Raises `Ambiguous`, `TooPrecise` (both with the readings, and what to type) or `Unreadable`.
    """
    readings = _understood(_without_currency(_plain(text), currency, name))
    least, unit = step(currency), Decimal(1).scaleb(-exponent(currency))
    if not readings:
        raise Unreadable(f"{_quoted(text)} is not an amount of money", field=name, fix=_example(currency))
    if len(readings) > 1:
        whole, part = readings
        raise Ambiguous(
            f"{_quoted(text)} could be {whole:,} or {_said(part)} {currency}",
            field=name,
            fix=f"type {_typed(whole, currency)} or {' or '.join(_near(part, currency))}",
        )
    minor = readings[0] / unit
    if minor != minor.to_integral_value() or int(minor) % least:
        raise TooPrecise(
            f"{_quoted(text)} is too precise: {currency} is charged in steps of {least * unit:f}",
            field=name,
            fix=f"type {' or '.join(_near(readings[0], currency))}",
        )
    return int(minor)


def read_percent(text: str, *, low: int = 0, high: int = 100, name: str | None = None) -> int:
    """A typed percentage in parts per million: 8.875 is 88 750. At most four decimals; a reading beyond `low`
    or `high` per cent is none. Raises like `read_money`."""
    plain = _plain(text).replace("\u066a", "%").strip()
    plain = plain.removesuffix("%").removeprefix("%").strip()
    readings = [value for value in _understood(plain) if low <= value <= high]
    if len(readings) > 1:
        whole, part = readings
        raise Ambiguous(
            f"{_quoted(text)} could be {whole:,} or {_said(part)} per cent",
            field=name,
            fix=f"type {whole} or {_said(part)}",
        )
    if not readings:
        raise Unreadable(
            f"{_quoted(text)} is not a percentage from {low} to {high}", field=name, fix="such as 8.875"
        )
    parts = readings[0] * 10_000
    if parts != parts.to_integral_value():
        raise TooPrecise(
            f"{_quoted(text)} is too precise: a percentage has at most four decimals",
            field=name,
            fix=f"type {_rounded(readings[0], ROUND_FLOOR)} or {_rounded(readings[0], ROUND_CEILING)}",
        )
    return int(parts)


def words(currency: str) -> list[str]:
    """What may stand beside an amount of the currency, in small letters, the longest first: also what stands
    there on the panel's own pages, from which an amount may be copied."""
    shown = unicodedata.normalize("NFKC", get_currency_symbol(currency, "en_GB")).lower()
    own = {
        currency.lower(),
        shown,
        *_WRITTEN.get(currency, "").split(),
        *(["$"] if currency in _DOLLARS else []),
    }
    return sorted(own, key=lambda word: (-len(word), word))


def _plain(text: str) -> str:
    """The text with Latin digits and plain signs; marks of direction and joiners say nothing and go."""
    if len(text) > _LONGEST:
        return ""
    return "".join(_plain_signs(text)).strip()


def _plain_signs(text: str) -> Iterator[str]:
    for sign in text:
        kind = unicodedata.category(sign)
        if sign in _SIGNS:
            yield _SIGNS[sign]
        elif kind == "Nd":
            yield str(unicodedata.decimal(sign))
        elif kind == "Zs" or sign == "\t":
            yield " "
        elif kind != "Cf":
            # Full-width signs become plain; ½ and ² would become other numbers.
            yield sign if kind in ("No", "Nl", "Co") else unicodedata.normalize("NFKC", sign)


def _without_currency(text: str, currency: str, name: str | None) -> str:
    """The amount without the currency's code or sign, on whichever side it stands."""
    sign, text = _sign(text)
    small = text.lower()
    for word in words(currency):
        if small.startswith(word):
            inner, text = _sign(text[len(word) :].strip())
            sign = inner if not sign else f"{sign}{inner}"  # two signs are none
            break
        if small.endswith(word):
            text = text[: -len(word)].strip()
            break
    if any(unicodedata.category(letter) in _WORDS for letter in text):
        raise Unreadable(
            f"{_quoted(text)} is not an amount of {currency}", field=name, fix="type the amount alone"
        )
    return f"{sign}{text}"


def _sign(text: str) -> tuple[str, str]:
    return (text[0], text[1:].strip()) if text[:1] in ("+", "-") else ("", text)


def _understood(text: str) -> list[Decimal]:
    """What a plain text may mean: no value, one, or two (with thousands first)."""
    # A blank between digits parts thousands; one that the currency left behind says nothing.
    found = _SHAPE.fullmatch(re.sub(r"(?<=\d) (?=\d)", _GROUP, text))
    if found is None or sum(sign.isdigit() for sign in found[2]) > _MOST_DIGITS:
        return []
    return [-value if found[1] == "-" else value for value in _readings(found[2])]


def _readings(text: str) -> list[Decimal]:
    """What the digits may mean: nothing, one value, or two (with thousands first)."""
    between = re.sub(r"\d", "", text)
    if not between:
        return [Decimal(text)]
    last = between[-1]
    head, _, tail = text.rpartition(last)
    if last == _GROUP or between.count(last) > 1:
        return _grouped(text)
    if not tail or (not head and not tail):
        return []
    decimal = [Decimal(f"{whole}.{tail}") for whole in _whole(head)]
    if last == _POINT or len(between) > 1 or len(tail) != 3 or not 1 <= len(head) <= 3 or head[0] == "0":
        return decimal
    return [Decimal(head + tail), *decimal]


def _whole(head: str) -> list[str]:
    """The digits before the decimal sign, once they are rightly grouped."""
    if not head:
        return ["0"]
    return [head] if head.isdigit() else [str(value) for value in _grouped(head)]


def _grouped(text: str) -> list[Decimal]:
    """The value of digits in thousands, where all the signs between are one and the groups are right."""
    signs = set(re.sub(r"\d", "", text))
    if len(signs) != 1 or signs == {_POINT} or text.startswith("0"):
        return []
    even = re.sub(r"\D", "S", text)
    right = _THREES.fullmatch(even) or (signs == {","} and _INDIAN.fullmatch(even))
    return [Decimal(even.replace("S", ""))] if right else []


def _near(value: Decimal, currency: str) -> list[str]:
    """The amount as it is typed; the two nearest that can be charged, where it cannot itself."""
    least = Decimal(step(currency))
    steps = value.scaleb(exponent(currency)) / least
    ends = dict.fromkeys(int(steps.to_integral_value(way) * least) for way in (ROUND_FLOOR, ROUND_CEILING))
    return [formats.for_field(minor, currency) for minor in ends]


def _typed(value: Decimal, currency: str) -> str:
    return _near(value, currency)[0].removesuffix("." + "0" * exponent(currency)).removesuffix(".00")


def _said(value: Decimal) -> str:
    """A decimal with two digits at least, and no more than it needs."""
    exact = value.normalize()
    digits = -int(exact.as_tuple().exponent)
    return f"{exact:.{max(digits, 0)}f}" if digits != 1 else f"{exact:.2f}"


def _rounded(value: Decimal, way: str) -> str:
    return f"{value.quantize(Decimal('0.0001'), rounding=way).normalize():f}"


def _example(currency: str) -> str:
    return f"such as {formats.for_field(129 * 10 ** exponent(currency), currency)}"


def _quoted(text: str) -> str:
    return f"“{text.strip()[:40]}”"
