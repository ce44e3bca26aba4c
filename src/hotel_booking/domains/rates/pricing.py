"""What a stay costs, line by line: a pure function of rules, nightly prices and persons.

How a price comes about, engine 1:

1. Each night is charged: its price, a line per kind of extra person, and for a derived plan the
   adjustment of those.
2. Fixed taxes that the prices include are taken out of the night's lines, first line first, and never
   more than there is; those per stay or person are taken from the first night on.
3. Percent taxes that the prices include are taken out of what remains: net = remainder / (1 + the sum
   of the rates in effect), rounded half away from zero per line. A night with an adjustment is one line
   here, and its last line holds the rest: rounded apart, a charge and its discount could make a dearer
   night cheaper by a minor unit.
4. Percent taxes apply to nets only, never to other taxes. Rounding `line` rounds each of them per line,
   so that with included taxes the guest pays the prices as they are; `sum` rounds each once, on the sum
   of the stay's nets, which can move the total by minor units (5 x 100.00 with 19 % inside is 420.15 net
   both ways, with 79.85 tax per line and 79.83 by the sum).
5. Where the currency is not charged to its last minor unit, all of this is done in units of its step.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from hotel_booking.core.errors import Invalid
from hotel_booking.core.formats import english
from hotel_booking.core.money import divide
from hotel_booking.domains.rates import steps, wording
from hotel_booking.domains.rates.stay_taxes import StayTaxes, TaxPlan, split
from hotel_booking.domains.rates.types import (
    ENGINE,
    MILLION,
    Adjustment,
    ChildBand,
    Line,
    LineKind,
    NightPrice,
    Occupancy,
    Price,
    Rules,
    adult_age,
)


def price(rules: Rules, nights: Sequence[NightPrice], occupancy: Occupancy) -> Price:
    """Price one room for `nights`, in any order; the earliest is the arrival.

    Raises `Invalid` where there is no night, a night comes twice, or the rules are of an engine that
    this version does not know.
    """
    return Pricing(rules, occupancy).price(nights)


class Pricing:
    """Prices by the same rules for the same persons: what depends on neither nights nor their prices is
    worked out once; what all of a hotel's pairs have alike, its `taxes` for these persons, once for all of
    them. Raises `Invalid` for an engine that this version does not know."""

    def __init__(self, rules: Rules, occupancy: Occupancy, taxes: TaxPlan | None = None) -> None:
        if rules.engine != ENGINE:
            raise Invalid(f"prices of engine {rules.engine} are not known here", field="engine")
        self._step = rules.step
        adjusted = adjustment_label(rules.rate_plan_name, rules.adjustment, rules.currency)
        if rules.step > 1:
            rules = steps.coarse(rules)
        self._currency = rules.currency
        label = f"{rules.room_type_name}, {rules.rate_plan_name}"
        self._night = Kind("night", rules.room_type, label, 1)
        self._extra_adult = rules.extra_adult
        self._child_amounts = rules.child_amounts
        self._adults, self._children = _extra_persons(rules, occupancy)
        self._adjustment = rules.adjustment
        self._adjusted = occupancy.persons if rules.adjustment and rules.adjustment.per_person else 1
        self._dearer = Kind("plan", rules.rate_plan, adjusted, self._adjusted)
        self._cheaper = Kind("discount", rules.rate_plan, adjusted, self._adjusted)
        self.taxes = TaxPlan(rules, occupancy) if taxes is None else taxes
        self._words = {THE_NIGHT: self._night, ADJUSTMENT: self._cheaper}
        if self._adults is not None:
            self._words[EXTRA_ADULT] = self._adults
        for band, kind in self._children:
            self._words[CHILDREN + band] = kind

    def price(self, nights: Sequence[NightPrice]) -> Price:
        """What the nights cost, line by line; see `pricing.price`."""
        ordered = self._in_order(nights)
        taxes = self._stay_taxes(ordered[0].night)
        lines: list[Line] = []
        nets: list[int] = []
        reached = [0]  # what the stay costs up to and with each night, but for taxes added once a stay
        net = 0
        for night in ordered:
            charges = self._charges(night)
            day = night.night
            parts = taxes.take(day, [amount for _, amount in charges])
            for (kind, amount), part in zip(charges, parts, strict=True):
                what, code, label, quantity, ages = kind
                lines.append(Line(what, day, code, label, quantity, part, amount, False, "", None, ages))
            nets.append(sum(parts))
            net += nets[-1]
            reached.append(net + taxes.so_far())
        lines += taxes.lines()
        tax = taxes.sum()
        by_night = [upto - before for before, upto in pairwise(reached)]
        if taxes.of_the_stay:
            shares = split(taxes.of_the_stay, nets if net else [1] * len(nets))
            by_night = [own + share for own, share in zip(by_night, shares, strict=True)]
        found = Price(self._currency, tuple(lines), net, tax, net + tax, tuple(by_night))
        return steps.fine(found, self._step) if self._step > 1 else found

    def told(self, nights: Sequence[date], amounts: Amounts) -> Price:
        """The price of `nights`, which rise, whose amounts are known: `price` of what they came of."""
        words = self._words
        lines = [
            Line(what, nights[number], code, label, quantity, net, gross, False, "", None, ages)
            for number, place, net, gross in amounts.lines
            for what, code, label, quantity, ages in (
                words[place] if place != ADJUSTMENT or gross < 0 else self._dearer,
            )
        ]
        lines += self.taxes.lines(amounts.taxes)
        total = amounts.net + amounts.tax
        return Price(self._currency, tuple(lines), amounts.net, amounts.tax, total, amounts.by_night)

    def total(self, nights: Sequence[NightPrice]) -> int:
        """The total of `price`, by the same steps, where no line of it is wanted."""
        ordered = self._in_order(nights)
        taxes = self._stay_taxes(ordered[0].night)
        net = 0
        for night in ordered:
            net += sum(taxes.take(night.night, [amount for _, amount in self._charges(night)]))
        return (net + taxes.sum()) * self._step

    def taxes_in_effect(self, night: date) -> tuple[bool, ...]:
        """Which taxes apply on the night; empty where that is the same every night. Single nights of equal
        amounts and taxes cost the same."""
        return self.taxes.in_effect(night)

    def charges(self, night: NightPrice) -> int:
        """What the night is charged before taxes are taken out or added."""
        if self._step > 1:
            night = steps.coarse_night(night, self._step)
        return sum([amount for _, amount in self._charges(night)]) * self._step

    def _stay_taxes(self, arrival: date) -> StayTaxes:
        return StayTaxes(self.taxes, arrival, night_is_one_line=self._adjustment is not None)

    def _in_order(self, nights: Sequence[NightPrice]) -> Sequence[NightPrice]:
        if self._step > 1:
            nights = [steps.coarse_night(night, self._step) for night in nights]
        if len(nights) == 1:
            return nights
        if not nights:
            raise Invalid("a price needs at least one night", field="nights")
        dates = [night.night for night in nights]
        rising = sorted(set(dates))
        if len(rising) != len(dates):
            raise Invalid("a night is priced once", field="nights")
        return nights if rising == dates else sorted(nights, key=lambda night: night.night)

    def _charges(self, night: NightPrice) -> list[tuple[Kind, int]]:
        """The night's lines before taxes; the first is its price, and extra persons who cost nothing have
        none."""
        charges = [(self._night, night.price)]
        if self._adults is not None:
            each = self._extra_adult if night.extra_adult is None else night.extra_adult
            if each:
                charges.append((self._adults, self._adults.quantity * each))
        if self._children:
            amounts = self._child_amounts if night.child_amounts is None else night.child_amounts
            for band, kind in self._children:
                if band < len(amounts) and amounts[band]:
                    charges.append((kind, kind.quantity * amounts[band]))
        if self._adjustment is not None:
            amount = self._adjust(self._adjustment, sum([amount for _, amount in charges]))
            if amount:
                charges.append((self._dearer if amount > 0 else self._cheaper, amount))
        return charges

    def _adjust(self, adjustment: Adjustment, charged: int) -> int:
        if adjustment.kind == "percent":
            return divide(charged * adjustment.value, MILLION)
        return max(adjustment.value * self._adjusted, -charged)


def night_totals(stay_price: Price) -> list[int]:
    """Each night's part of the total, oldest first: its charges and its own taxes, as a stay of the nights up
    to it costs more than one of those before. So the first night's is what that night alone would cost.

    Taxes that are added once for the stay or a person belong to no night and are spread in proportion; where
    nothing else is charged, all nights share alike. The parts sum to the total exactly.
    """
    return list(stay_price.by_night)


THE_NIGHT, EXTRA_ADULT, ADJUSTMENT, CHILDREN = 0, 1, 2, 3
"""What a line of a night can be for: its price, more adults, how the plan differs, and the children of the
first band (those of the next: one more)."""


class Amounts(NamedTuple):
    """What a stay comes to, without words, in minor units: net, tax, each night's part of the total, the
    amount and quantity of each tax of the rules, and of each line of a night its number from 0 on, what it is
    for, net and gross."""

    net: int
    tax: int
    by_night: tuple[int, ...]
    taxes: Sequence[tuple[int, int]]
    lines: Sequence[tuple[int, int, int, int]]


class Kind(NamedTuple):
    """What a line of a night is, besides its amount."""

    kind: LineKind
    code: str
    label: str
    quantity: int
    ages: tuple[int, int] | None = None


def extra_adults(number: int) -> Kind:
    """What the line of so many adults beyond the base is."""
    return Kind("extra_person", "extra_adult", "Extra adult", number)


def banded_children(bands: Sequence[ChildBand], children: Sequence[int]) -> list[tuple[int, Kind]]:
    """The children of these ages who are none of the adults: by the place of their band, what its line is."""
    banded: list[tuple[int, Kind]] = []
    youngest = 0
    for band, oldest in enumerate([band.max_age for band in bands] if children else ()):
        count = sum([youngest <= age <= oldest for age in children])
        if count:
            label = f"Child, {youngest} to {oldest} years" if youngest < oldest else f"Child, {oldest} years"
            code = f"child_{youngest}_{oldest}"
            banded.append((band, Kind("extra_person", code, label, count, (youngest, oldest))))
        youngest = oldest + 1
    return banded


def _extra_persons(rules: Rules, occupancy: Occupancy) -> tuple[Kind | None, list[tuple[int, Kind]]]:
    """The adults beyond the base, None where there are none; and the children by the place of their band."""
    adults, children = occupancy.adults, occupancy.children
    if children:
        adult_from = adult_age(rules.child_bands)
        adults += sum([age >= adult_from for age in children])
    extra = adults - rules.base_occupancy
    return extra_adults(extra) if extra > 0 else None, banded_children(rules.child_bands, children)


@lru_cache(maxsize=1024)
def adjustment_label(plan: str, adjustment: Adjustment | None, currency: str) -> str:
    """What the line of a plan's adjustment is called: Saver, -10%."""
    if adjustment is None:
        return plan
    if adjustment.kind == "percent":
        return f"{plan}, {'+' if adjustment.value > 0 else ''}{wording.percent(adjustment.value)}"
    per = "person and night" if adjustment.per_person else "night"
    return f"{plan}, {'+' if adjustment.value > 0 else ''}{english(adjustment.value, currency)} per {per}"
