"""The taxes of one stay: taken out of its charges or added to them, night by night. Pure; how they are
computed, `pricing` says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from hotel_booking.core.money import divide
from hotel_booking.domains.rates import wording
from hotel_booking.domains.rates.types import (
    MILLION,
    PER_PERSON,
    PER_PERSON_PER_NIGHT,
    PER_STAY,
    Line,
    Occupancy,
    Rules,
    Tax,
)


class _Rates(NamedTuple):
    """The taxes that are in effect on a night, as (place in the rules, value or amount)."""

    included_ppm: int
    included: list[tuple[int, int]]
    added: list[tuple[int, int]]
    percents: list[int]  # the places of both
    included_fixed: list[tuple[int, int]]
    added_fixed: list[tuple[int, int]]


class TaxPlan:
    """The taxes of the rules for certain persons, as far as no date matters."""

    def __init__(self, rules: Rules, occupancy: Occupancy) -> None:
        self.taxes = rules.taxes
        self.per_line = rules.rounding == "line"
        self.counted = [counted(tax, occupancy) for tax in rules.taxes]
        self.once = [
            (place, tax, tax.value * self.counted[place])
            for place, tax in enumerate(rules.taxes)
            if tax.kind == "fixed" and tax.charge_type in (PER_STAY, PER_PERSON)
        ]
        self.dated = any(tax.valid_from is not None or tax.valid_to is not None for tax in rules.taxes)
        self._capped = max([tax.max_nights or 0 for tax in rules.taxes], default=0)
        self._known: dict[int, _Rates] = {}  # where no dates matter: by the night's number
        self._said = [tax_words(tax) for tax in rules.taxes]

    def in_effect(self, night: date) -> tuple[bool, ...]:
        """Which of the taxes apply on a day; nothing where all of them always do."""
        return tuple([tax.in_effect(night) for tax in self.taxes]) if self.dated else ()

    def lines(self, taken: Iterable[tuple[int, int]]) -> list[Line]:
        """One line per tax that comes to anything; of each its amount and quantity."""
        return [
            Line("tax", None, code, label, quantity, amount, amount, included, name, rate)
            for (code, label, included, name, rate), (amount, quantity) in zip(self._said, taken, strict=True)
            if amount
        ]

    def rates(self, night: date, arrival: date, number: int) -> _Rates:
        """The taxes that the night of this number, from 0 on, is charged with."""
        if self.dated:
            return self._rates_on(night, arrival, number)
        number = min(number, self._capped)
        rates = self._known.get(number)
        if rates is None:
            rates = self._known[number] = self._rates_on(night, arrival, number)
        return rates

    def _rates_on(self, night: date, arrival: date, number: int) -> _Rates:
        rates = _Rates(0, [], [], [], [], [])
        for place, tax in enumerate(self.taxes):
            if not applies(tax, night, arrival, number):
                continue
            if tax.kind == "percent":
                (rates.included if tax.included else rates.added).append((place, tax.value))
                rates.percents.append(place)
            else:
                due = tax.value * self.counted[place]
                (rates.included_fixed if tax.included else rates.added_fixed).append((place, due))
        return rates._replace(included_ppm=sum([value for _, value in rates.included]))


class StayTaxes:
    """Takes the taxes of one stay out of its charges, night by night, and remembers their sums."""

    def __init__(self, plan: TaxPlan, arrival: date, *, night_is_one_line: bool) -> None:
        self._plan = plan
        self._night_is_one_line = night_is_one_line
        self._per_line = plan.per_line
        self._arrival = arrival
        self._night_number = 0
        many = len(plan.taxes)
        self._amounts = [0] * many
        self.of_the_stay = 0  # added, fixed, per stay or person: no night's own
        self._bases = [0] * many  # the nets that a percent tax applies to
        self._quantities = [0] * many
        self._stay_due: list[tuple[int, int]] = []  # included, fixed, per stay or person: still to take
        for place, tax, due in plan.once:
            if tax.in_effect(arrival):
                self._quantities[place] = plan.counted[place]
                if tax.included:
                    self._stay_due.append((place, due))
                else:
                    self._amounts[place] = due
                    self.of_the_stay += due

    def so_far(self) -> int:
        """The taxes of the nights that were taken, without those that are added once for the stay."""
        return self.sum() - self.of_the_stay

    def sum(self) -> int:
        """All taxes by now."""
        if self._per_line:
            return sum(self._amounts)
        return sum([self._amount(place) for place in range(len(self._amounts))])

    def _amount(self, place: int) -> int:
        """What one tax comes to by now."""
        tax = self._plan.taxes[place]
        if tax.kind == "percent" and not self._per_line:
            return divide(self._bases[place] * tax.value, MILLION)
        return self._amounts[place]

    def take(self, night: date, bases: list[int]) -> list[int]:
        """The nets of a night's charges. Call for the nights in order."""
        plan = self._plan
        rates = plan.rates(night, self._arrival, self._night_number)
        self._night_number += 1
        for place in rates.percents:
            self._quantities[place] += 1
        for place, amount in rates.added_fixed:
            self._quantities[place] += plan.counted[place]
            self._amounts[place] += amount
        if rates.included_fixed or self._stay_due:
            bases = _reduced(bases, self._take_fixed(rates, sum(bases)))
        if len(bases) == 1 or not self._night_is_one_line:
            return [self._take_percent(rates, base) for base in bases]
        nets = [_net(rates, base) for base in bases[:-1]]
        return [*nets, self._take_percent(rates, sum(bases)) - sum(nets)]

    def lines(self) -> list[Line]:
        """One line per tax that comes to anything."""
        amounts = [self._amount(place) for place in range(len(self._amounts))]
        return self._plan.lines(zip(amounts, self._quantities, strict=True))

    def _take_fixed(self, rates: _Rates, there_is: int) -> int:
        """Take the night's fixed taxes, then those of the stay, from what there is; the sum taken."""
        left = there_is
        for place, due in rates.included_fixed:
            taken = min(due, left)
            self._amounts[place] += taken
            self._quantities[place] += self._plan.counted[place]
            left -= taken
        for position, (place, due) in enumerate(self._stay_due):
            taken = min(due, left)
            self._amounts[place] += taken
            self._stay_due[position] = (place, due - taken)
            left -= taken
        return there_is - left

    def _take_percent(self, rates: _Rates, base: int) -> int:
        """Take the percent taxes of one line; its net."""
        net = _net(rates, base)
        if not self._per_line:
            for place in rates.percents:
                self._bases[place] += net
            return net
        if len(rates.included) == 1:
            self._amounts[rates.included[0][0]] += base - net
        elif rates.included_ppm:
            shares = split(base - net, [value for _, value in rates.included])
            for (place, _), share in zip(rates.included, shares, strict=True):
                self._amounts[place] += share
        for place, value in rates.added:
            self._amounts[place] += divide(net * value, MILLION)
        return net


def applies(tax: Tax, night: date, arrival: date, number: int) -> bool:
    """Whether this night is charged with the tax; fixed ones per stay or person never are."""
    if tax.charge_type in (PER_STAY, PER_PERSON):
        if tax.kind == "fixed" or not tax.in_effect(arrival):
            return False
    elif not tax.in_effect(night):
        return False
    return tax.max_nights is None or number < tax.max_nights


def _net(rates: _Rates, base: int) -> int:
    return divide(base * MILLION, MILLION + rates.included_ppm) if rates.included_ppm else base


def counted(tax: Tax, occupancy: Occupancy) -> int:
    """How many times a tax is charged, each night or once: the persons who count, or 1."""
    if tax.charge_type not in (PER_PERSON, PER_PERSON_PER_NIGHT):
        return 1
    if tax.exempt_below_age is None:
        return occupancy.persons
    # Adults have no age here and always count, whatever the limit.
    return occupancy.adults + sum([age >= tax.exempt_below_age for age in occupancy.children])


def _reduced(amounts: list[int], by: int) -> list[int]:
    """Take `by` from the amounts, first one first, and leave a discount, the last one, as it is.

    `by` is at most their sum, so what a discount leaves over is enough.
    """
    reduced = []
    for amount in amounts:
        taken = min(by, max(amount, 0))
        reduced.append(amount - taken)
        by -= taken
    return reduced


def split(total: int, weights: Sequence[int]) -> list[int]:
    """`total` split in proportion to `weights`, exactly: differences of the rounded running sums."""
    whole = sum(weights)
    shares = []
    weight = before = 0
    for part in weights:
        weight += part
        upto = divide(total * weight, whole)
        shares.append(upto - before)
        before = upto
    return shares


def tax_words(tax: Tax) -> tuple[str, str, bool, str, int | None]:
    """What a tax's line says beside its amount: code, label, whether prices include it, name, and its rate
    where it is a percentage and the name does not say it."""
    rate = None if tax.kind == "fixed" or "%" in tax.name else tax.value
    label = tax.name if rate is None else f"{tax.name} {wording.percent(rate)}"
    return tax.code, label, tax.included, tax.name, rate
