"""What compiled code says that a room costs, line by line, is what `rates.pricing` says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hotel_booking.core.dates import Stay
from hotel_booking.core.money import step
from hotel_booking.domains.rates.pricing import Amounts, Pricing
from hotel_booking.domains.rates.types import MILLION, Adjustment, Occupancy, Price, Rules, Tax
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.compiled import Compiled
from hotel_booking.domains.search.index.library import LIBRARY
from hotel_booking.domains.search.index.priced import amounts_of
from tests.unit.search_index.test_charges import occupancies
from tests.unit.test_pricing import ARRIVAL, any_rules, nights, rules, unhurried

prices = st.lists(st.integers(0, 400) | st.integers(0, 10**8), min_size=1, max_size=9)


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> layout.Arrays:
    """An index of one room type on one plan, free on all nights."""
    path = tmp_path_factory.mktemp("index") / "1.index"
    layout.create(path, layout.Capacity(properties=1, types=1, rates=1, pairs=1, heap=1))
    made = layout.Arrays(path, writable=True)
    made["free"][...] = 9
    for name in ("types", "rates", "pairs"):
        made[name][0] = 1
    for name in ("max_occupancy", "max_adults", "max_children"):
        made[name][0] = 99
    for name in ("min_advance", "max_advance", "min_stay", "max_stay", "pair_own"):
        made[name][0] = layout.NONE
    return made


def told(
    arrays: layout.Arrays, rules: Rules, amounts: Sequence[int], kinds: Sequence[Occupancy]
) -> list[Amounts] | None:
    """What compiled code says of one pair with these rules."""
    assert LIBRARY is not None
    arrays["currency"][0] = layout.letters_code(rules.currency)
    arrays["base_occupancy"][0], arrays["extra_adult"][0] = rules.base_occupancy, rules.extra_adult
    arrays["child_amounts"][0] = 0
    arrays["child_amounts"][0, : len(rules.child_amounts)] = rules.child_amounts
    kind, value = layout.NO_ADJUSTMENT, 0
    if rules.adjustment is not None:
        kind, value = layout.PERCENT, rules.adjustment.value
        if rules.adjustment.kind == "amount":
            kind = layout.AMOUNT_PER_PERSON if rules.adjustment.per_person else layout.AMOUNT
    arrays["adjust_kind"][0], arrays["adjust_value"][0] = kind, value
    for number, amount in enumerate(amounts):
        arrays["price"][(ARRIVAL.toordinal() + number) % layout.ROWS, 0] = amount
    bands = tuple(band.max_age for band in rules.child_bands)
    lists = layout.Lists(taxes=((rules.rounding, rules.taxes),), bands=(bands,))
    stay, none = Stay(ARRIVAL, ARRIVAL + timedelta(days=len(amounts))), (np.zeros(1, bool),) * 3
    numbers = Compiled(arrays, LIBRARY).offers.told(lists, none, 0, stay, 2, 3, kinds)
    if numbers is None:
        return None
    assert numbers[:3] == [0, 0, 9]
    found, at = [], 3
    for _ in kinds:
        one, at = amounts_of(numbers, at, len(amounts), len(rules.taxes))
        found.append(one)
    assert at == len(numbers)
    return found


def priced(rules: Rules, amounts: Sequence[int], occupancy: Occupancy) -> Price:
    return Pricing(rules, occupancy).price(nights(*amounts))


@unhurried
@given(any_rules(), prices, st.lists(occupancies, min_size=1, max_size=3))
def test_every_line_is_the_price_s(
    arrays: layout.Arrays, rules: Rules, amounts: list[int], kinds: list[Occupancy]
) -> None:
    if len(rules.child_bands) > layout.BANDS:
        return  # such a hotel is left to SQL
    rules = replace(rules, step=step(rules.currency))
    days = [ARRIVAL + timedelta(days=number) for number in range(len(amounts))]
    found = told(arrays, rules, amounts, kinds)
    included = sum(tax.value for tax in rules.taxes if tax.included and tax.kind == "percent")
    assert found is not None or len(rules.taxes) > 8 or included > MILLION or sum(amounts) > 10**6
    for occupancy, one in zip(kinds, found or (), strict=False):
        assert Pricing(rules, occupancy).told(days, one) == priced(rules, amounts, occupancy)


def test_a_stay_of_many_nights_and_taxes_finds_room(arrays: layout.Arrays) -> None:
    shares = [Tax(f"S{n}", "S", "percent", 7_000 + n, 19, included=n % 2 == 0) for n in range(4)]
    fixed = [Tax(f"F{n}", "F", "fixed", 70 + n, 21, included=n % 2 == 0) for n in range(4)]
    taxes = (*shares, *fixed)
    stay = rules(taxes=taxes, extra_adult=155, adjustment=Adjustment("percent", -123_456))
    amounts = [10_000 + number for number in range(64)]
    kinds = [Occupancy(adults) for adults in range(1, 31)]
    found = told(arrays, stay, amounts, kinds)
    assert found is not None
    days = [ARRIVAL + timedelta(days=number) for number in range(64)]
    for occupancy, one in zip(kinds, found, strict=True):
        assert Pricing(stay, occupancy).told(days, one) == priced(stay, amounts, occupancy)


def test_what_it_does_not_know_is_left_to_others(arrays: layout.Arrays) -> None:
    nine = tuple(Tax(f"T{place}", "T", "fixed", 100, 19, included=False) for place in range(9))
    assert told(arrays, rules(taxes=nine), [100], [Occupancy(2)]) is None
    assert told(arrays, rules(), [100] * 65, [Occupancy(2)]) is None
    assert told(arrays, rules(), [100], [Occupancy(2)]) is not None
