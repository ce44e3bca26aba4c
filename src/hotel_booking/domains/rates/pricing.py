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
from hotel_booking.core.formats import coded
from hotel_booking.core.money import divide
from hotel_booking.domains.rates import steps, wording
from hotel_booking.domains.rates.types import (
    ENGINE,
    MILLION,
    PER_PERSON,
    PER_PERSON_PER_NIGHT,
    PER_STAY,
    Adjustment,
    Line,
    LineKind,
    NightPrice,
    Occupancy,
    Price,
    Rules,
    Tax,
    adult_age,
)


def price(rules: Rules, nights: Sequence[NightPrice], occupancy: Occupancy) -> Price:
    """Price one room for `nights`, in any order; the earliest is the arrival.

    Raises `Invalid` where there is no night, a night comes twice, or the rules are of an engine that
    this version does not know.
    """
    if rules.engine != ENGINE:
        raise Invalid(f"prices of engine {rules.engine} are not known here", field="engine")
    if rules.step > 1:
        label = _adjustment_label(rules.rate_plan_name, rules.adjustment, rules.currency)
        return steps.fine(price(*steps.coarse(rules, nights), occupancy), rules, label)
    ordered = _in_order(nights)
    party = _party(rules, occupancy)
    taxes = _StayTaxes(rules, occupancy, ordered[0].night)
    lines: list[Line] = []
    nets: list[int] = []
    reached = [0]  # what the stay costs up to and with each night, but for taxes that are added once a stay
    net = 0
    for night in ordered:
        charges = _charges(rules, night, party)
        parts = taxes.take(night.night, charges)
        for charge, part in zip(charges, parts, strict=True):
            lines.append(
                Line(
                    charge.kind,
                    night.night,
                    charge.code,
                    charge.label,
                    charge.quantity,
                    part,
                    charge.amount,
                    ages=charge.ages,
                )
            )
        nets.append(sum(parts))
        net += nets[-1]
        reached.append(net + taxes.so_far())
    tax_lines = taxes.lines()
    tax = sum([line.amount for line in tax_lines])
    by_night = [upto - before for before, upto in pairwise(reached)]
    if taxes.of_the_stay:
        shares = _share(taxes.of_the_stay, nets if net else [1] * len(nets))
        by_night = [own + share for own, share in zip(by_night, shares, strict=True)]
    return Price(rules.currency, (*lines, *tax_lines), net, tax, net + tax, tuple(by_night))


def night_totals(stay_price: Price) -> list[int]:
    """Each night's part of the total, oldest first: its charges and its own taxes, as a stay of the nights up
    to it costs more than one of those before. So the first night's is what that night alone would cost.

    Taxes that are added once for the stay or a person belong to no night and are spread in proportion; where
    nothing else is charged, all nights share alike. The parts sum to the total exactly.
    """
    return list(stay_price.by_night)


class _Charge(NamedTuple):
    """One line of a night before taxes."""

    kind: LineKind
    code: str
    label: str
    quantity: int
    amount: int
    ages: tuple[int, int] | None = None


class _Party(NamedTuple):
    """The persons as the prices see them."""

    persons: int
    extra_adults: int
    children: list[tuple[int, int, str, tuple[int, int]]]  # band, how many, label, ages


class _Rates(NamedTuple):
    """The taxes that are in effect on a night, as (place in the rules, value or amount)."""

    included_ppm: int
    included: list[tuple[int, int]]
    added: list[tuple[int, int]]
    included_fixed: list[tuple[int, int]]
    added_fixed: list[tuple[int, int]]


def _in_order(nights: Sequence[NightPrice]) -> Sequence[NightPrice]:
    if not nights:
        raise Invalid("a price needs at least one night", field="nights")
    dates = [night.night for night in nights]
    rising = sorted(set(dates))
    if len(rising) != len(dates):
        raise Invalid("a night is priced once", field="nights")
    return nights if rising == dates else sorted(nights, key=lambda night: night.night)


def _party(rules: Rules, occupancy: Occupancy) -> _Party:
    children = occupancy.children
    if not children:
        return _Party(occupancy.adults, max(0, occupancy.adults - rules.base_occupancy), [])
    adult_from = adult_age(rules.child_bands)
    adults = occupancy.adults + sum([age >= adult_from for age in children])
    banded: list[tuple[int, int, str, tuple[int, int]]] = []
    youngest = 0
    for band, oldest in enumerate([band.max_age for band in rules.child_bands]):
        count = sum([youngest <= age <= oldest for age in children])
        if count:
            label = f"Child, {youngest} to {oldest} years" if youngest < oldest else f"Child, {oldest} years"
            banded.append((band, count, label, (youngest, oldest)))
        youngest = oldest + 1
    return _Party(occupancy.persons, max(0, adults - rules.base_occupancy), banded)


def _charges(rules: Rules, night: NightPrice, party: _Party) -> list[_Charge]:
    """The night's lines; the first is its price, and extra persons who cost nothing have none."""
    label = f"{rules.room_type_name}, {rules.rate_plan_name}"
    charges = [_Charge("night", rules.room_type, label, 1, night.price)]
    if party.extra_adults:
        each = rules.extra_adult if night.extra_adult is None else night.extra_adult
        if each:
            count = party.extra_adults
            charges.append(_Charge("extra_person", "extra_adult", "Extra adult", count, count * each))
    if party.children:
        amounts = rules.child_amounts if night.child_amounts is None else night.child_amounts
        for band, count, band_label, ages in party.children:
            if band < len(amounts) and amounts[band]:
                code, amount = f"child_{ages[0]}_{ages[1]}", count * amounts[band]
                charges.append(_Charge("extra_person", code, band_label, count, amount, ages))
    if rules.adjustment is not None:
        charge = _adjust(rules, rules.adjustment, sum([c.amount for c in charges]), party.persons)
        if charge.amount:
            charges.append(charge)
    return charges


def _adjust(rules: Rules, adjustment: Adjustment, charged: int, persons: int) -> _Charge:
    quantity = persons if adjustment.per_person else 1
    if adjustment.kind == "percent":
        amount = divide(charged * adjustment.value, MILLION)
    else:
        amount = max(adjustment.value * quantity, -charged)
    label = _adjustment_label(rules.rate_plan_name, adjustment, rules.currency)
    return _Charge("plan" if amount > 0 else "discount", rules.rate_plan, label, quantity, amount)


class _StayTaxes:
    """Takes the taxes of one stay out of its charges, night by night, and remembers their sums."""

    def __init__(self, rules: Rules, occupancy: Occupancy, arrival: date) -> None:
        taxes = rules.taxes
        self._taxes = taxes
        self._per_line = rules.rounding == "line"
        self._night_is_one_line = rules.adjustment is not None
        self._arrival = arrival
        self._night_number = 0
        self._amounts = [0] * len(taxes)
        self.of_the_stay = 0  # added, fixed, per stay or person: no night's own
        self._bases = [0] * len(taxes)  # the nets that a percent tax applies to
        self._quantities = [0] * len(taxes)
        self._counted = [_counted(tax, occupancy) for tax in taxes]
        self._stay_due: list[tuple[int, int]] = []  # included, fixed, per stay or person: still to take
        self._same_every_night = all(
            tax.max_nights is None and tax.valid_from is None and tax.valid_to is None for tax in taxes
        )
        self._rates: _Rates | None = None
        for place, tax in enumerate(taxes):
            if tax.kind == "fixed" and tax.charge_type in (PER_STAY, PER_PERSON) and tax.in_effect(arrival):
                self._quantities[place] = self._counted[place]
                due = tax.value * self._counted[place]
                if tax.included:
                    self._stay_due.append((place, due))
                else:
                    self._amounts[place] = due
                    self.of_the_stay += due

    def so_far(self) -> int:
        """The taxes of the nights that were taken, without those that are added once for the stay."""
        if self._per_line:
            return sum(self._amounts) - self.of_the_stay
        return sum([self._amount(place) for place in range(len(self._taxes))]) - self.of_the_stay

    def _amount(self, place: int) -> int:
        """What one tax comes to by now."""
        tax = self._taxes[place]
        if tax.kind == "percent" and not self._per_line:
            return divide(self._bases[place] * tax.value, MILLION)
        return self._amounts[place]

    def take(self, night: date, charges: list[_Charge]) -> list[int]:
        """The nets of a night's charges. Call for the nights in order."""
        rates = self._rates
        if rates is None or not self._same_every_night:
            rates = self._rates = self._rates_on(night)
        self._night_number += 1
        for place, _ in (*rates.included, *rates.added):
            self._quantities[place] += 1
        for place, amount in rates.added_fixed:
            self._quantities[place] += self._counted[place]
            self._amounts[place] += amount
        bases = [charge.amount for charge in charges]
        if rates.included_fixed or self._stay_due:
            bases = _reduced(bases, self._take_fixed(rates, sum(bases)))
        if len(bases) == 1 or not self._night_is_one_line:
            return [self._take_percent(rates, base) for base in bases]
        nets = [_net(rates, base) for base in bases[:-1]]
        return [*nets, self._take_percent(rates, sum(bases)) - sum(nets)]

    def lines(self) -> list[Line]:
        """One line per tax that comes to anything."""
        lines: list[Line] = []
        for place, tax in enumerate(self._taxes):
            amount = self._amount(place)
            if amount:
                quantity = self._quantities[place]
                rate = _rate_to_say(tax)
                label = tax.name if rate is None else f"{tax.name} {wording.percent(rate)}"
                lines.append(
                    Line("tax", None, tax.code, label, quantity, amount, amount, tax.included, tax.name, rate)
                )
        return lines

    def _rates_on(self, night: date) -> _Rates:
        rates = _Rates(0, [], [], [], [])
        for place, tax in enumerate(self._taxes):
            if not self._applies(tax, night):
                continue
            if tax.kind == "percent":
                (rates.included if tax.included else rates.added).append((place, tax.value))
            else:
                due = tax.value * self._counted[place]
                (rates.included_fixed if tax.included else rates.added_fixed).append((place, due))
        return rates._replace(included_ppm=sum([value for _, value in rates.included]))

    def _applies(self, tax: Tax, night: date) -> bool:
        """Whether this night is charged with the tax; fixed ones per stay or person never are."""
        if tax.charge_type in (PER_STAY, PER_PERSON):
            if tax.kind == "fixed" or not tax.in_effect(self._arrival):
                return False
        elif not tax.in_effect(night):
            return False
        return tax.max_nights is None or self._night_number < tax.max_nights

    def _take_fixed(self, rates: _Rates, there_is: int) -> int:
        """Take the night's fixed taxes, then those of the stay, from what there is; the sum taken."""
        left = there_is
        for place, due in rates.included_fixed:
            taken = min(due, left)
            self._amounts[place] += taken
            self._quantities[place] += self._counted[place]
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
            for place, _ in (*rates.included, *rates.added):
                self._bases[place] += net
            return net
        if len(rates.included) == 1:
            self._amounts[rates.included[0][0]] += base - net
        elif rates.included_ppm:
            shares = _share(base - net, [value for _, value in rates.included])
            for (place, _), share in zip(rates.included, shares, strict=True):
                self._amounts[place] += share
        for place, value in rates.added:
            self._amounts[place] += divide(net * value, MILLION)
        return net


def _net(rates: _Rates, base: int) -> int:
    return divide(base * MILLION, MILLION + rates.included_ppm) if rates.included_ppm else base


def _counted(tax: Tax, occupancy: Occupancy) -> int:
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


def _share(total: int, weights: list[int]) -> list[int]:
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


@lru_cache(maxsize=1024)
def _adjustment_label(plan: str, adjustment: Adjustment | None, currency: str) -> str:
    if adjustment is None:
        return plan
    if adjustment.kind == "percent":
        return f"{plan}, {'+' if adjustment.value > 0 else ''}{wording.percent(adjustment.value)}"
    per = "person and night" if adjustment.per_person else "night"
    return f"{plan}, {'+' if adjustment.value > 0 else ''}{coded(adjustment.value, currency)} per {per}"


def _rate_to_say(tax: Tax) -> int | None:
    """The rate where it is a percentage and the name does not say it."""
    return None if tax.kind == "fixed" or "%" in tax.name else tax.value
