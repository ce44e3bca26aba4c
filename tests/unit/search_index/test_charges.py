"""The totals of the search index are those of `rates.pricing`, to the minor unit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotel_booking.domains.rates.pricing import price
from hotel_booking.domains.rates.types import Adjustment, Occupancy, Rules, Tax, adult_age
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.charges import (
    LARGEST,
    Charges,
    TooLarge,
    divided,
    taxation,
    totals,
)
from tests.unit.test_pricing import ARRIVAL, any_rules, nights, rules, unhurried

occupancies = st.builds(Occupancy, st.integers(1, 4), st.lists(st.integers(0, 17), max_size=3).map(tuple))
prices = st.lists(st.integers(0, 400) | st.integers(0, 2**31 - 1), min_size=1, max_size=6)


def by_arrays(rules: Rules, amounts: Sequence[int], occupancy: Occupancy) -> int:
    """The total of one stay by the arrays' formulas, as one of three pairs that have nothing to do with each
    other."""
    kind, value = layout.NO_ADJUSTMENT, 0
    if rules.adjustment is not None:
        value = rules.adjustment.value
        kind = layout.PERCENT
        if rules.adjustment.kind == "amount":
            kind = layout.AMOUNT_PER_PERSON if rules.adjustment.per_person else layout.AMOUNT
    oldest = adult_age(rules.child_bands)
    adults = occupancy.adults + sum(age >= oldest for age in occupancy.children)
    extras = [max(0, adults - rules.base_occupancy) * rules.extra_adult]
    youngest = 0
    for place, band in enumerate(rules.child_bands):
        count = sum(youngest <= age <= band.max_age for age in occupancy.children)
        each = rules.child_amounts[place] if place < len(rules.child_amounts) else 0
        extras.append(count * each)
        youngest = band.max_age + 1
    charges = Charges(
        prices=np.array([[700, amount, 0] for amount in amounts], np.int32),
        extras=[np.array([0, extra, extra]) for extra in extras if extra],
        adjust_kind=np.array([layout.NO_ADJUSTMENT, kind, layout.PERCENT], np.uint8),
        adjust_value=np.array([0, value, -500_000]),
        persons=occupancy.persons,
    )
    taxes = taxation(rules.rounding, rules.taxes, ARRIVAL, len(amounts), occupancy, 1)
    return int(totals(charges, taxes)[1])


@unhurried
@given(any_rules(), prices, occupancies)
def test_every_total_is_the_price(rules: Rules, amounts: list[int], occupancy: Occupancy) -> None:
    if rules.step > 1:
        return
    try:
        found = by_arrays(rules, amounts, occupancy)
    except TooLarge:
        assert sum(amounts) * 10 > 10**9
        return
    assert found == price(rules, nights(*amounts), occupancy).total


@pytest.mark.parametrize("numerator", [-7, -5, -3, 0, 3, 5, 7])
def test_halves_are_rounded_away_from_zero(numerator: int) -> None:
    expected = (abs(numerator) + 1) // 2 * (1 if numerator > 0 else -1)
    assert divided(np.array([numerator]), 2).tolist() == [expected]


@pytest.mark.parametrize("rounding", ["line", "sum"])
@pytest.mark.parametrize("included", [True, False])
@pytest.mark.parametrize("amount", [331, 332, 333, 334])
def test_halves_of_a_tax_are_rounded_as_in_the_price(rounding: Any, included: bool, amount: int) -> None:
    tax = Tax("t", "T", "percent", 500_000, 19, included=included)
    more = Tax("m", "M", "percent", 250_000, 19, included=False)
    for adjustment in (None, Adjustment("percent", -500_000), Adjustment("percent", 500_000)):
        stay = rules(rounding=rounding, taxes=(tax, more), extra_adult=155, adjustment=adjustment)
        for occupancy in (Occupancy(2), Occupancy(3)):
            found = by_arrays(stay, [amount, amount + 1], occupancy)
            assert found == price(stay, nights(amount, amount + 1), occupancy).total


def test_amounts_that_leave_64_bits_are_left_to_whole_numbers() -> None:
    tax = Tax("fee", "Fee", "fixed", LARGEST, 12, included=False)
    with pytest.raises(TooLarge):
        taxation("line", (tax,), ARRIVAL, 2, Occupancy(2), 1)
    vat = Tax("vat", "VAT", "percent", 190_000, 19, included=True)
    huge = Charges(np.full((3, 1), 2**31 - 1), [np.array([LARGEST])], np.array([0]), np.array([0]), persons=2)
    with pytest.raises(TooLarge):
        totals(huge, taxation("sum", (vat,), ARRIVAL, 3, Occupancy(2), 1))


def test_dates_of_a_tax_count_night_by_night() -> None:
    tax = Tax("s", "S", "percent", 100_000, 19, included=False, valid_from=ARRIVAL + timedelta(days=1))
    charges = Charges(np.array([[1000], [1000]]), [], np.array([0]), np.array([0]), persons=2)
    assert totals(charges, taxation("line", (tax,), ARRIVAL, 2, Occupancy(2), 1)).tolist() == [2100]
