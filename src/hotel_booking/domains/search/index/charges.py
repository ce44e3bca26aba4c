"""What many stays cost, without their lines: the totals of `rates.pricing`, vectorised.

The taxes of a property come down to a few numbers for each night of the stay (`Taxation`), and properties
whose taxes come down to the same are computed together. `rates.pricing` is the only source of prices with
their lines; this must give the same totals to the minor unit, and a test compares them.

What joins pricing later (promotions, extras) joins it in two places that belong together: a line of the night
in `pricing._charges`, and the same amount in `night_charges` here, from a column of its own in the layout.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np

from hotel_booking.core import money
from hotel_booking.domains.rates import stay_taxes
from hotel_booking.domains.rates.types import MILLION, PER_PERSON, PER_STAY, Occupancy, Tax
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.layout import Array

# Amounts beyond could leave 64 bits on the way: 20 000 million of the major unit.
LARGEST = 2 * 10**12
LARGEST_EXTRA = 10**9  # of a person and night
_LARGEST_PERCENT = 10 * MILLION
ANY_DAY = date(2000, 1, 1)


class TooLarge(Exception):  # no error: the search in SQL answers
    """Amounts are so large that only whole numbers without limits hold them."""


class TaxNight(NamedTuple):
    """The taxes of one night: the sum of the percentages included, the places and percentages of all, and
    the amounts due, those included one by one."""

    included_ppm: int
    percents: tuple[tuple[int, int], ...]
    added: tuple[int, ...]
    included_fixed: tuple[int, ...]
    added_fixed: int


class Taxation(NamedTuple):
    """The taxes of one stay of one room, in the units that prices are computed in."""

    per_line: bool
    nights: tuple[TaxNight, ...]
    stay_due: tuple[int, ...]  # included, once for the stay or a person
    of_the_stay: int  # added, likewise

    @property
    def is_plain(self) -> bool:
        """Whether the total is the charges and a fixed amount."""
        return self.per_line and not any(night.added for night in self.nights)

    @property
    def added_share(self) -> float:
        """What part of its charges is added to every night at least."""
        if self.stay_due or any(night.included_fixed for night in self.nights):
            return 0.0
        return min(sum(night.added) / (MILLION + night.included_ppm) for night in self.nights)

    @property
    def fixed(self) -> int:
        """What is added whatever the charges are."""
        return self.of_the_stay + sum(night.added_fixed for night in self.nights)


@lru_cache(maxsize=4096)
def taxation(
    rounding: Literal["line", "sum"],
    taxes: tuple[Tax, ...],
    arrival: date,
    nights: int,
    occupancy: Occupancy,
    step: int,
) -> Taxation:
    """What the taxes come to for a stay; `step` is that of the currency. The rules are `rates.pricing`'s.

    Raises `TooLarge`. Remembered: where no tax has dates, ask for `ANY_DAY` and more is remembered."""
    counted = [stay_taxes.counted(tax, occupancy) for tax in taxes]
    values = values_of(taxes, counted, nights, step)
    stay_due, of_the_stay = [], 0
    for tax, value, count in zip(taxes, values, counted, strict=True):
        if tax.kind == "fixed" and tax.charge_type in (PER_STAY, PER_PERSON) and tax.in_effect(arrival):
            if tax.included:
                stay_due.append(value * count)
            else:
                of_the_stay += value * count
    found = []
    for number in range(nights):
        night = arrival + timedelta(days=number)
        applying = [
            place for place, tax in enumerate(taxes) if stay_taxes.applies(tax, night, arrival, number)
        ]
        percents = [place for place in applying if taxes[place].kind == "percent"]
        fixed = [place for place in applying if taxes[place].kind == "fixed"]
        found.append(
            TaxNight(
                included_ppm=sum(values[place] for place in percents if taxes[place].included),
                percents=tuple((place, values[place]) for place in percents),
                added=tuple(values[place] for place in percents if not taxes[place].included),
                included_fixed=tuple(values[p] * counted[p] for p in fixed if taxes[p].included),
                added_fixed=sum(values[p] * counted[p] for p in fixed if not taxes[p].included),
            )
        )
    return Taxation(rounding == "line", tuple(found), tuple(stay_due), of_the_stay)


def values_of(taxes: Sequence[Tax], counted: Sequence[int], nights: int, step: int) -> list[int]:
    """Of each tax its rate in millionths, or its amount in steps of the currency. Raises `TooLarge`."""
    values = [money.divide(tax.value, step) if tax.kind == "fixed" else tax.value for tax in taxes]
    if any(value * count * nights > LARGEST for value, count in zip(values, counted, strict=True)):
        raise TooLarge
    return values


class Charges(NamedTuple):
    """What is charged for one room of one occupancy: prices [night, pair], amounts of extra persons [pair],
    a line each and every night's alike, how each pair's plan differs, and how many persons there are."""

    prices: Array
    extras: Sequence[Array]
    adjust_kind: Array
    adjust_value: Array
    persons: int


def totals(charges: Charges, taxes: Taxation) -> Array:
    """What the stay costs on each pair, taxes in, in the units of the charges. Raises `TooLarge`."""
    if not len(charges.adjust_kind):
        return np.zeros(0, np.int64)
    nights = night_charges(charges)
    if taxes.is_plain:
        total: Array = nights.sum(axis=0) + taxes.fixed
        return total
    if int(nights.max()) * (1 if taxes.per_line else len(nights)) > LARGEST:
        raise TooLarge
    if not charges.extras:
        return _taxed([[night] for night in nights], taxes)
    # A night with an adjustment is one line; else each line is rounded for itself.
    whole = charges.adjust_kind != layout.NO_ADJUSTMENT
    if whole.all():
        return _taxed([[night] for night in nights], taxes)
    found = np.empty(len(whole), np.int64)
    found[whole] = _taxed([[night[whole]] for night in nights], taxes)
    apart = ~whole
    extras = [extra[apart] for extra in charges.extras]
    found[apart] = _taxed([[night[apart].astype(np.int64), *extras] for night in charges.prices], taxes)
    return found


def night_charges(charges: Charges) -> Array:
    """What each night is charged before taxes, [night, pair]: its price, extra persons, the adjustment.
    Raises `TooLarge`."""
    nights: Array = charges.prices.astype(np.int64)
    for extra in charges.extras:
        nights += extra
    kinds = charges.adjust_kind
    if not kinds.any():
        return nights
    values = charges.adjust_value
    percent = (kinds == layout.PERCENT).nonzero()[0]
    if len(percent):
        charged, by = nights.take(percent, axis=1), values.take(percent)
        if int(by.max()) > _LARGEST_PERCENT:
            raise TooLarge
        change = _rounded(charged * np.abs(by), MILLION)  # nothing charged is negative
        nights[:, percent] = charged + np.where(by < 0, -change, change)
    amount = (kinds >= layout.AMOUNT).nonzero()[0]
    if len(amount):
        each = np.where(kinds[amount] == layout.AMOUNT_PER_PERSON, charges.persons, 1)
        charged = nights.take(amount, axis=1)
        nights[:, amount] = charged + np.maximum(values[amount] * each, -charged)
    return nights


def _taxed(nights: Sequence[Sequence[Array]], taxes: Taxation) -> Array:
    """Totals of nights of lines, each an amount per pair."""
    total = np.full(len(nights[0][0]), taxes.fixed, np.int64)
    bases: dict[tuple[int, int], Array] = {}
    stay_due: list[Any] = list(taxes.stay_due)
    for charged, night in zip(nights, taxes.nights, strict=True):
        lines = list(charged)
        if night.included_fixed or stay_due:
            taken = _take_fixed(_sum(lines), night.included_fixed, stay_due)
            total += taken
            lines = _reduced(lines, taken)
        nets = [
            _rounded(line * MILLION, MILLION + night.included_ppm) if night.included_ppm else line
            for line in lines
        ]
        if taxes.per_line:
            total += _sum(lines)
            for value in night.added:
                for net in nets:
                    total += _rounded(net * value, MILLION)
            continue
        net = _sum(nets)
        total += net
        for tax in night.percents:
            bases[tax] = bases[tax] + net if tax in bases else net
    for (_, value), base in bases.items():
        total += _rounded(base * value, MILLION)
    return total


def _take_fixed(there_is: Array, due: Sequence[int], stay_due: list[Any]) -> Array:
    """Take the night's included amounts, then those of the stay, from what there is; the sum taken."""
    left = there_is
    for amount in due:
        left = left - np.minimum(amount, left)
    for position, amount in enumerate(stay_due):
        taken = np.minimum(amount, left)
        stay_due[position] = np.subtract(amount, taken)
        left = left - taken
    return there_is - left


def _sum(lines: Sequence[Array]) -> Array:
    whole = lines[0]
    for line in lines[1:]:
        whole = whole + line
    return whole


def _reduced(lines: list[Array], by: Array) -> list[Array]:
    reduced = []
    for line in lines:
        taken = np.minimum(by, np.maximum(line, 0))
        reduced.append(line - taken)
        by = by - taken
    return reduced


def _rounded(numerator: Array, denominator: int) -> Array:
    """`divided` of what is not negative."""
    found: Array = (2 * numerator + denominator) // (2 * denominator)
    return found


def divided(numerator: Array, denominator: int) -> Array:
    """`core.money.divide` of many: to the nearest, halves away from zero."""
    half = (2 * np.abs(numerator) + denominator) // (2 * denominator)
    found: Array = np.where(numerator < 0, -half, half)
    return found


def in_bands(bands: Sequence[int], ages: Sequence[int]) -> list[int]:
    """How many children each of the bands has, up to the most that have a column."""
    counts = [0] * layout.BANDS
    youngest = 0
    for band, oldest in enumerate(bands[: layout.BANDS]):
        counts[band] = sum(youngest <= age <= oldest for age in ages)
        youngest = oldest + 1
    return counts
