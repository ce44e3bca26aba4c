"""Prices: what always holds (hypothesis), and examples worked out by hand."""

from __future__ import annotations

import random
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hotel_booking.core.errors import Invalid
from hotel_booking.domains.rates.pricing import Pricing, night_totals, price
from hotel_booking.domains.rates.types import (
    PER_NIGHT,
    PER_PERSON,
    PER_PERSON_PER_NIGHT,
    PER_STAY,
    Adjustment,
    ChildBand,
    Line,
    NightPrice,
    Occupancy,
    Price,
    Rules,
    Tax,
)

# A busy machine is no failure: these tests are about figures, not about time.
unhurried = settings(deadline=None)

ARRIVAL = date(2027, 3, 8)
COUPLE = Occupancy(2)
VAT_19 = Tax("vat", "VAT", "percent", 190_000, PER_NIGHT, included=True)


def rules(**changes: Any) -> Rules:
    given_rules: dict[str, Any] = {
        "currency": "EUR",
        "rounding": "line",
        "room_type": "double",
        "room_type_name": "Double room",
        "rate_plan": "flexible",
        "rate_plan_name": "Flexible",
    }
    return Rules(**{**given_rules, **changes})


def nights(*prices: int, arrival: date = ARRIVAL) -> list[NightPrice]:
    return [NightPrice(arrival + timedelta(days=i), amount) for i, amount in enumerate(prices)]


def tax_lines(result: Price) -> dict[str, tuple[int, int]]:
    """Quantity and amount of each tax, by code."""
    return {line.code: (line.quantity, line.amount) for line in result.lines if line.kind == "tax"}


def charge_lines(result: Price) -> list[Line]:
    return [line for line in result.lines if line.kind != "tax"]


# --- what always holds -----------------------------------------------------------------------------

amounts = st.integers(0, 300) | st.integers(0, 10_000_000)
days = st.dates(ARRIVAL - timedelta(days=3), ARRIVAL + timedelta(days=12))


@st.composite
def taxes(draw: st.DrawFn, code: str = "tax") -> Tax:
    start = draw(st.none() | days)
    end = draw(st.none() | days)
    if start and end and end <= start:
        end = None
    if draw(st.booleans()):
        return Tax(
            code,
            code,
            "percent",
            draw(st.integers(0, 1_000_000)),
            draw(st.sampled_from((PER_STAY, PER_NIGHT))),
            included=draw(st.booleans()),
            max_nights=draw(st.none() | st.integers(1, 9)),
            valid_from=start,
            valid_to=end,
        )
    return Tax(
        code,
        code,
        "fixed",
        draw(st.integers(0, 5_000)),
        draw(st.sampled_from((PER_STAY, PER_NIGHT, PER_PERSON, PER_PERSON_PER_NIGHT))),
        included=draw(st.booleans()),
        exempt_below_age=draw(st.none() | st.integers(1, 18)),
        max_nights=draw(st.none() | st.integers(1, 9)),
        valid_from=start,
        valid_to=end,
    )


@st.composite
def any_rules(draw: st.DrawFn) -> Rules:
    bands = sorted(draw(st.sets(st.integers(0, 17), max_size=3)))
    adjustment = draw(
        st.none()
        | st.builds(Adjustment, st.just("percent"), st.integers(-1_000_000, 1_000_000))
        | st.builds(Adjustment, st.just("amount"), st.integers(-20_000, 20_000), st.booleans())
    )
    return rules(
        currency=draw(st.sampled_from(("EUR", "JPY", "KWD"))),
        rounding=draw(st.sampled_from(("line", "sum"))),
        base_occupancy=draw(st.integers(1, 3)),
        extra_adult=draw(amounts),
        child_bands=tuple(ChildBand(age) for age in bands),
        child_amounts=tuple(draw(st.lists(amounts, max_size=3))),
        adjustment=adjustment,
        taxes=tuple(draw(taxes(f"tax{i}")) for i in range(draw(st.integers(0, 4)))),
    )


any_occupancy = st.builds(Occupancy, st.integers(1, 5), st.lists(st.integers(0, 17), max_size=4).map(tuple))


@st.composite
def any_nights(draw: st.DrawFn) -> list[NightPrice]:
    return [
        NightPrice(
            ARRIVAL + timedelta(days=i),
            draw(amounts),
            draw(st.none() | amounts),
            draw(st.none() | st.lists(amounts, max_size=3).map(tuple)),
        )
        for i in range(draw(st.integers(1, 9)))
    ]


def without_stay_terms(given_rules: Rules) -> Rules:
    """The rules with every tax charged by the night alone, whichever nights those are."""
    return msgspec.structs.replace(
        given_rules,
        taxes=tuple(
            msgspec.structs.replace(tax, max_nights=None)
            for tax in given_rules.taxes
            if tax.charge_type in (PER_NIGHT, PER_PERSON_PER_NIGHT)
        ),
    )


def undated(given_rules: Rules) -> Rules:
    return msgspec.structs.replace(
        given_rules,
        taxes=tuple(
            msgspec.structs.replace(tax, valid_from=None, valid_to=None) for tax in given_rules.taxes
        ),
    )


@unhurried
@given(any_rules(), any_nights(), any_occupancy, st.sampled_from((1, 10)))
def test_a_total_alone_is_that_of_the_price_and_no_less_than_its_charges_but_for_rounding(
    any_of: Rules, stay: list[NightPrice], occupancy: Occupancy, step: int
) -> None:
    pricing = Pricing(msgspec.structs.replace(any_of, step=step), occupancy)
    whole = pricing.price(stay)
    assert whole == price(msgspec.structs.replace(any_of, step=step), stay, occupancy)
    assert pricing.total(stay) == whole.total
    # Again, and of single nights: nothing of the stay before is left in what is kept.
    assert [pricing.total([night]) for night in stay] == [pricing.price([night]).total for night in stay]
    for night in stay:
        slack = (3 + len(occupancy.children)) * (2 + len(any_of.taxes)) * step
        slack *= 1 if step == 1 else occupancy.persons
        assert pricing.charges(night) - slack <= pricing.total([night])


@unhurried
@given(any_rules(), any_nights(), any_occupancy)
def test_lines_sum_to_the_total_and_nothing_is_negative_or_no_integer(
    given_rules: Rules, given_nights: list[NightPrice], occupancy: Occupancy
) -> None:
    result = price(given_rules, given_nights, occupancy)
    assert sum(line.amount for line in result.lines) == result.total == result.net + result.tax
    assert sum(line.amount for line in result.lines if line.kind == "tax") == result.tax
    assert result.net >= 0
    assert result.tax >= 0
    assert all(line.amount > 0 for line in result.lines if line.kind == "tax")
    assert all(line.gross < 0 for line in result.lines if line.kind == "discount")
    figures = [result.net, result.tax, result.total]
    figures += [figure for line in result.lines for figure in (line.amount, line.gross, line.quantity)]
    assert {type(figure) for figure in figures} == {int}
    assert {line.night for line in charge_lines(result)} == {night.night for night in given_nights}
    gross = sum(line.gross for line in charge_lines(result))
    included = [line for line in result.lines if line.kind == "tax" and line.included]
    if given_rules.rounding == "line":
        # What the prices include is in them to the cent.
        assert gross == result.net + sum(line.amount for line in included)


@unhurried
@given(any_rules(), any_nights(), any_occupancy)
def test_json_keeps_the_price(
    given_rules: Rules, given_nights: list[NightPrice], occupancy: Occupancy
) -> None:
    stored = msgspec.json.encode((given_rules, given_nights, occupancy))
    read = msgspec.json.decode(stored, type=tuple[Rules, list[NightPrice], Occupancy])
    assert price(*read) == price(given_rules, given_nights, occupancy)


@unhurried
@given(any_rules(), any_nights(), any_occupancy, st.randoms(use_true_random=False))
def test_the_order_of_the_nights_does_not_matter(
    given_rules: Rules, given_nights: list[NightPrice], occupancy: Occupancy, shuffle: random.Random
) -> None:
    shuffled = list(given_nights)
    shuffle.shuffle(shuffled)
    assert price(given_rules, shuffled, occupancy) == price(given_rules, given_nights, occupancy)


@unhurried
@given(any_rules(), any_nights(), any_occupancy, st.randoms(use_true_random=False))
def test_which_night_has_which_price_does_not_matter_to_rules_without_dates(
    given_rules: Rules, given_nights: list[NightPrice], occupancy: Occupancy, shuffle: random.Random
) -> None:
    """In both roundings; taxes must not depend on dates or on the number of the night."""
    free = undated(without_stay_terms(given_rules))
    shuffled = list(given_nights)
    shuffle.shuffle(shuffled)
    moved = [
        msgspec.structs.replace(n, night=old.night) for n, old in zip(shuffled, given_nights, strict=True)
    ]
    one, other = price(free, given_nights, occupancy), price(free, moved, occupancy)
    assert (one.net, one.tax, one.total) == (other.net, other.tax, other.total)
    assert tax_lines(one) == tax_lines(other)


@unhurried
@given(any_rules(), any_nights(), any_occupancy, st.data())
def test_two_parts_of_a_stay_cost_what_the_whole_does(
    given_rules: Rules, given_nights: list[NightPrice], occupancy: Occupancy, data: st.DataObject
) -> None:
    """Exactly when rounded per line. On the sum, nets and fixed taxes are exact, and each percent tax,
    rounded once in the whole and once in each part, differs by at most 1 minor unit."""
    assume(len(given_nights) > 1)
    by_night = without_stay_terms(given_rules)
    at = data.draw(st.integers(1, len(given_nights) - 1))
    whole = price(by_night, given_nights, occupancy)
    parts = [price(by_night, part, occupancy) for part in (given_nights[:at], given_nights[at:])]
    assert charge_lines(whole) == charge_lines(parts[0]) + charge_lines(parts[1])
    assert whole.net == sum(part.net for part in parts)
    for tax in by_night.taxes:
        together = tax_lines(whole).get(tax.code, (0, 0))[1]
        apart = sum(tax_lines(part).get(tax.code, (0, 0))[1] for part in parts)
        slack = 1 if by_night.rounding == "sum" and tax.kind == "percent" else 0
        assert abs(together - apart) <= slack
    if by_night.rounding == "line":
        assert whole.total == sum(part.total for part in parts)


@unhurried
@given(any_rules(), any_nights(), any_occupancy)
def test_the_two_roundings_differ_by_no_more_than_rounding(
    given_rules: Rules, given_nights: list[NightPrice], occupancy: Occupancy
) -> None:
    """The nets are the same. Included taxes: a net is off by at most 1/2, the tax on it by (1 + rate)/2
    per line, and each tax's own rounding by 1/2. Added taxes: 1/2 per line, and 1/2 once."""
    per_line = price(msgspec.structs.replace(given_rules, rounding="line"), given_nights, occupancy)
    by_sum = price(msgspec.structs.replace(given_rules, rounding="sum"), given_nights, occupancy)
    assert charge_lines(per_line) == charge_lines(by_sum)
    percents = [tax for tax in given_rules.taxes if tax.kind == "percent"]
    included = Fraction(sum(tax.value for tax in percents if tax.included), 1_000_000)
    lines = len(charge_lines(per_line))
    bound = lines * (1 + included) / 2 if included else Fraction(0)
    bound += Fraction(sum(1 for tax in percents if not tax.included) * lines, 2) + Fraction(len(percents), 2)
    assert abs(per_line.total - by_sum.total) <= bound


@unhurried
@given(any_rules(), any_nights(), any_occupancy, st.data(), st.integers(1, 3) | st.integers(1, 100_000))
def test_a_dearer_night_never_makes_the_stay_cheaper(
    given_rules: Rules,
    given_nights: list[NightPrice],
    occupancy: Occupancy,
    data: st.DataObject,
    rise: int,
) -> None:
    place = data.draw(st.integers(0, len(given_nights) - 1))
    dearer = list(given_nights)
    dearer[place] = msgspec.structs.replace(dearer[place], price=dearer[place].price + rise)
    before, after = price(given_rules, given_nights, occupancy), price(given_rules, dearer, occupancy)
    assert after.total >= before.total
    assert after.net >= before.net


@unhurried
@given(any_rules(), any_nights(), any_occupancy)
def test_the_nights_shares_sum_to_the_total(
    given_rules: Rules, given_nights: list[NightPrice], occupancy: Occupancy
) -> None:
    result = price(given_rules, given_nights, occupancy)
    shares = night_totals(result)
    assert len(shares) == len(given_nights)
    assert sum(shares) == result.total
    assert min(shares) >= 0


# --- rounding and percent taxes ----------------------------------------------------------------------


def test_the_invoice_of_five_nights_at_100_with_19_percent_inside() -> None:
    stay = nights(*[100_00] * 5)
    per_line = price(rules(taxes=(VAT_19,)), stay, COUPLE)
    assert (per_line.net, per_line.tax, per_line.total) == (420_15, 79_85, 500_00)
    by_sum = price(rules(taxes=(VAT_19,), rounding="sum"), stay, COUPLE)
    assert (by_sum.net, by_sum.tax, by_sum.total) == (420_15, 79_83, 499_98)
    assert [line.amount for line in per_line.lines] == [84_03] * 5 + [79_85]
    assert per_line.lines[-1] == Line("tax", None, "vat", "VAT 19%", 5, 79_85, 79_85, True, "VAT", 190_000)
    assert per_line.lines[0] == Line("night", ARRIVAL, "double", "Double room, Flexible", 1, 84_03, 100_00)


def test_an_added_percentage_is_on_the_net_and_not_on_other_taxes() -> None:
    taxes = (
        VAT_19,
        Tax("service", "Service charge", "percent", 100_000, PER_STAY, included=False),
        Tax("city", "City tax", "fixed", 3_00, PER_NIGHT, included=False),
    )
    result = price(rules(taxes=taxes), nights(119_00, 119_00), COUPLE)
    assert result.net == 200_00
    assert tax_lines(result) == {"vat": (2, 38_00), "service": (2, 20_00), "city": (2, 6_00)}
    assert result.total == 264_00


def test_several_included_taxes_share_what_is_inside_exactly() -> None:
    taxes = tuple(
        Tax(code, code, "percent", value, PER_NIGHT, included=True)
        for code, value in (("state", 70_000), ("county", 35_000), ("city", 15_000))
    )
    result = price(rules(taxes=taxes), nights(100_00), COUPLE)
    # 100.00 / 1.12 = 89.29 net, 10.71 tax; running sums 6.2475, 9.37125 and 10.71 round to 6.25, 9.37, 10.71.
    assert result.net == 89_29
    assert tax_lines(result) == {"state": (1, 6_25), "county": (1, 3_12), "city": (1, 1_34)}
    assert result.total == 100_00
    by_sum = price(rules(taxes=taxes, rounding="sum"), nights(100_00), COUPLE)
    assert tax_lines(by_sum) == {"state": (1, 6_25), "county": (1, 3_13), "city": (1, 1_34)}


def test_yen_have_no_decimals() -> None:
    taxes = (
        Tax("ct", "Consumption tax", "percent", 100_000, PER_NIGHT, included=True),
        Tax("onsen", "Bathing tax", "fixed", 150, PER_PERSON_PER_NIGHT, included=False),
    )
    result = price(
        rules(currency="JPY", taxes=taxes, adjustment=Adjustment("amount", 2_500, per_person=True)),
        nights(12_345, 12_345),
        COUPLE,
    )
    # (12345 + 5000) / 1.1 = 15768.18 net a night
    assert result.net == 2 * 15_768
    assert tax_lines(result) == {"ct": (2, 2 * 1_577), "onsen": (4, 600)}
    assert result.total == 2 * 17_345 + 600
    assert "Flexible, +JP¥2,500 per person and night" in [line.label for line in result.lines]


# --- charge types, exemptions, dates -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("charge_type", "quantity"),
    [(PER_STAY, 1), (PER_NIGHT, 3), (PER_PERSON, 4), (PER_PERSON_PER_NIGHT, 12)],
)
@pytest.mark.parametrize("included", [False, True])
def test_fixed_taxes_by_charge_type(charge_type: int, quantity: int, included: bool) -> None:
    tax = Tax("city", "City tax", "fixed", 2_00, charge_type, included=included)
    result = price(rules(taxes=(tax,)), nights(*[100_00] * 3), Occupancy(2, (3, 9)))
    assert tax_lines(result) == {"city": (quantity, quantity * 2_00)}
    assert result.total == 300_00 + (0 if included else quantity * 2_00)


@pytest.mark.parametrize("charge_type", [PER_STAY, PER_NIGHT])
def test_percent_taxes_by_charge_type(charge_type: int) -> None:
    tax = Tax("fee", "Fee", "percent", 50_000, charge_type, included=False)
    assert tax_lines(price(rules(taxes=(tax,)), nights(100_00, 200_00), COUPLE)) == {"fee": (2, 15_00)}


@pytest.mark.parametrize("charge_type", [PER_PERSON, PER_PERSON_PER_NIGHT])
def test_persons_younger_than_the_limit_are_exempt(charge_type: int) -> None:
    tax = Tax("city", "City tax", "fixed", 2_00, charge_type, included=False, exempt_below_age=12)
    family = Occupancy(2, (11, 12))
    assert tax_lines(price(rules(taxes=(tax,)), nights(100_00), family)) == {"city": (3, 6_00)}
    children = Occupancy(0, (11, 4))
    assert tax_lines(price(rules(taxes=(tax,)), nights(100_00), children)) == {}


def test_adults_are_never_exempt() -> None:
    tax = Tax("city", "City tax", "fixed", 2_00, PER_PERSON, included=False, exempt_below_age=21)
    assert tax_lines(price(rules(taxes=(tax,)), nights(100_00), COUPLE)) == {"city": (2, 4_00)}


def test_only_the_first_nights_are_taxed() -> None:
    capped = Tax("city", "City tax", "fixed", 2_00, PER_PERSON_PER_NIGHT, included=False, max_nights=7)
    assert tax_lines(price(rules(taxes=(capped,)), nights(*[1] * 7), COUPLE)) == {"city": (14, 28_00)}
    assert tax_lines(price(rules(taxes=(capped,)), nights(*[1] * 9), COUPLE)) == {"city": (14, 28_00)}
    percent = Tax("fee", "Fee", "percent", 100_000, PER_NIGHT, included=False, max_nights=1)
    stay = nights(100_00, 300_00)
    assert tax_lines(price(rules(taxes=(percent,)), stay, COUPLE)) == {"fee": (1, 10_00)}
    assert tax_lines(price(rules(taxes=(percent,)), stay[::-1], COUPLE)) == {"fee": (1, 10_00)}


@pytest.mark.parametrize("rounding", ["line", "sum"])
def test_a_tax_that_changes_during_the_stay(rounding: Literal["line", "sum"]) -> None:
    change = ARRIVAL + timedelta(days=2)
    taxes = (
        Tax("vat-7", "VAT", "percent", 70_000, PER_NIGHT, included=True, valid_to=change),
        Tax("vat-19", "VAT", "percent", 190_000, PER_NIGHT, included=True, valid_from=change),
        Tax("old", "Levy", "fixed", 1_00, PER_STAY, included=False, valid_to=change),
        Tax("new", "Levy", "fixed", 9_00, PER_STAY, included=False, valid_from=change),
        Tax("head", "Levy per head", "fixed", 5_00, PER_PERSON, included=False, valid_from=change),
        Tax("fee", "Fee", "percent", 10_000, PER_STAY, included=False, valid_to=change),
    )
    result = price(rules(taxes=taxes, rounding=rounding), nights(107_00, 107_00, 119_00), COUPLE)
    assert result.net == 300_00
    # Taxes per stay and per person go by the arrival, and a percentage of the stay then takes all of it.
    assert tax_lines(result) == {
        "vat-7": (2, 14_00),
        "vat-19": (1, 19_00),
        "old": (1, 1_00),
        "fee": (3, 3_00),
    }


def test_included_fixed_taxes_come_out_before_percentages() -> None:
    city = Tax("city", "City tax", "fixed", 6_00, PER_PERSON_PER_NIGHT, included=True)
    result = price(rules(taxes=(VAT_19, city)), nights(131_00), COUPLE)
    assert (result.net, result.total) == (100_00, 131_00)
    assert tax_lines(result) == {"vat": (1, 19_00), "city": (2, 12_00)}
    assert result.lines[0].gross == 131_00


def test_an_included_tax_takes_no_more_than_there_is() -> None:
    city = Tax("city", "City tax", "fixed", 6_00, PER_PERSON_PER_NIGHT, included=True)
    stay_fee = Tax("fee", "Fee", "fixed", 10_00, PER_STAY, included=True)
    result = price(
        rules(taxes=(city, stay_fee), base_occupancy=1, extra_adult=3_00),
        nights(4_00, 20_00),
        COUPLE,
    )
    # First night 7.00 is all city tax; second 23.00 less 12.00 leaves 11.00, of which 10.00 for the stay.
    assert [line.amount for line in result.lines] == [0, 0, 0, 1_00, 19_00, 10_00]
    assert result.total == 30_00


# --- persons -----------------------------------------------------------------------------------------

FAMILY_RULES = rules(
    base_occupancy=2,
    extra_adult=30_00,
    child_bands=(ChildBand(2), ChildBand(11)),
    child_amounts=(0, 12_00),
)


def test_extra_persons_have_their_lines() -> None:
    result = price(FAMILY_RULES, nights(100_00), Occupancy(2, (1, 3, 11, 12)))
    assert [(line.code, line.label, line.quantity, line.amount) for line in result.lines] == [
        ("double", "Double room, Flexible", 1, 100_00),
        ("extra_adult", "Extra adult", 1, 30_00),  # the child of 12, older than the last band
        ("child_3_11", "Child, 3 to 11 years", 2, 24_00),
    ]


def test_children_take_no_base_place() -> None:
    assert price(FAMILY_RULES, nights(100_00), Occupancy(1, (5,))).total == 112_00
    assert price(FAMILY_RULES, nights(100_00), Occupancy(1, (15,))).total == 100_00


def test_a_night_can_have_its_own_amounts() -> None:
    stay = [
        NightPrice(ARRIVAL, 100_00),
        NightPrice(ARRIVAL + timedelta(days=1), 100_00, extra_adult=50_00, child_amounts=(5_00,)),
    ]
    result = price(FAMILY_RULES, stay, Occupancy(3, (1, 5)))
    assert [line.amount for line in result.lines] == [100_00, 30_00, 12_00, 100_00, 50_00, 5_00]


def test_without_bands_every_child_is_an_adult() -> None:
    assert price(rules(extra_adult=10_00), nights(100_00), Occupancy(2, (0, 7))).total == 120_00


# --- derived plans -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("adjustment", "kind", "label", "amount", "quantity"),
    [
        (Adjustment("percent", -100_000), "discount", "Flexible, -10%", -13_00, 1),
        (Adjustment("percent", 75_000), "plan", "Flexible, +7.5%", 9_75, 1),
        (Adjustment("amount", 15_00), "plan", "Flexible, +€15.00 per night", 15_00, 1),
        (
            Adjustment("amount", 15_00, per_person=True),
            "plan",
            "Flexible, +€15.00 per person and night",
            60_00,
            4,
        ),
        (Adjustment("amount", -500_00), "discount", "Flexible, -€500.00 per night", -130_00, 1),
    ],
)
def test_a_derived_plan_changes_the_whole_night(
    adjustment: Adjustment, kind: str, label: str, amount: int, quantity: int
) -> None:
    derived = msgspec.structs.replace(FAMILY_RULES, adjustment=adjustment)
    result = price(derived, nights(100_00), Occupancy(3, (1,)))
    assert result.lines[-1] == Line(
        kind,  # type: ignore[arg-type]  # each case is one of them
        ARRIVAL,
        "flexible",
        label,
        quantity,
        amount,
        amount,
    )
    assert result.total == 130_00 + amount


def test_an_adjusted_night_is_rounded_as_one_line() -> None:
    """By lines apart, 0.35 would cost a cent less than 0.34 here: both cost 0.31 after the discount, but
    the discount's own tax would round from 0.375 to 0 and from 0.5 to 1."""
    discounted = rules(
        adjustment=Adjustment("percent", -100_000),
        taxes=(Tax("fee", "Fee", "percent", 125_000, PER_NIGHT, included=False),),
    )
    assert price(discounted, nights(34), COUPLE).total == 31 + 4
    assert price(discounted, nights(35), COUPLE).total == 31 + 4


# --- shares, refusals --------------------------------------------------------------------------------


def test_a_night_carries_its_own_taxes() -> None:
    """The first night is 166.00 with 6 % inside and 4.00 for each of two guests: 174.00 to the cent."""
    vat = Tax("vat", "VAT", "percent", 60_000, PER_NIGHT, included=True)
    city = Tax("city", "City tax", "fixed", 4_00, PER_PERSON_PER_NIGHT, included=False)
    stay = nights(166_00, 149_00, 131_00)
    for rounding in ("line", "sum"):
        given_rules = rules(taxes=(vat, city), rounding=rounding)
        own = night_totals(price(given_rules, stay, COUPLE))
        assert own[0] == price(given_rules, stay[:1], COUPLE).total
        assert sum(own[:2]) == price(given_rules, stay[:2], COUPLE).total
    assert night_totals(price(rules(taxes=(vat, city)), stay, COUPLE)) == [174_00, 157_00, 139_00]


def test_a_tax_for_some_nights_is_those_nights_own() -> None:
    short = Tax("city", "City tax", "fixed", 5_00, PER_NIGHT, included=False, max_nights=1)
    late = Tax(
        "late", "Late", "percent", 100_000, PER_NIGHT, included=False, valid_from=nights(0, 0)[1].night
    )
    assert night_totals(price(rules(taxes=(short, late)), nights(100_00, 200_00), COUPLE)) == [105_00, 220_00]
    # Inside the prices and once a stay: guests pay each night as it is written.
    once = Tax("once", "Once", "fixed", 30_00, PER_STAY, included=True)
    assert night_totals(price(rules(taxes=(once,)), nights(100_00, 200_00), COUPLE)) == [100_00, 200_00]


def test_taxes_of_the_stay_as_a_whole_are_spread_in_proportion() -> None:
    fee = Tax("fee", "Cleaning", "fixed", 30_00, PER_STAY, included=False)
    assert night_totals(price(rules(taxes=(fee,)), nights(100_00, 200_00), COUPLE)) == [110_00, 220_00]
    assert night_totals(price(rules(taxes=(fee,)), nights(0, 0), COUPLE)) == [15_00, 15_00]


def test_what_cannot_be_priced() -> None:
    with pytest.raises(Invalid):
        price(rules(), [], COUPLE)
    with pytest.raises(Invalid):
        price(rules(), [*nights(1), *nights(1)], COUPLE)
    with pytest.raises(Invalid):
        price(rules(engine=2), nights(1), COUPLE)


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("charge_type", {"kind": "percent", "charge_type": PER_PERSON}),
        ("charge_type", {"kind": "percent", "charge_type": PER_PERSON_PER_NIGHT}),
        ("charge_type", {"charge_type": 13}),
        ("exempt_below_age", {"kind": "percent", "exempt_below_age": 12}),
        ("value", {"kind": "percent", "value": 1_000_001}),
        ("value", {"value": -1}),
        ("kind", {"kind": "share"}),
        ("max_nights", {"max_nights": 0}),
        ("valid_to", {"valid_from": ARRIVAL, "valid_to": ARRIVAL}),
    ],
)
def test_taxes_that_make_no_sense(field: str, changes: dict[str, Any]) -> None:
    sound: dict[str, Any] = {
        "code": "t",
        "name": "T",
        "kind": "fixed",
        "value": 1,
        "charge_type": PER_NIGHT,
        "included": False,
    }
    with pytest.raises(Invalid) as refused:
        Tax(**{**sound, **changes})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("adults", "children", "field"),
    [(-1, (), "adults"), (0, (), "adults"), (101, (), "adults"), (1, (5, 18), "children[1]")],
)
def test_parties_that_cannot_be(adults: int, children: tuple[int, ...], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Occupancy(adults, children)
    assert refused.value.field == field


def test_child_bands_rise() -> None:
    with pytest.raises(Invalid) as refused:
        rules(child_bands=(ChildBand(11), ChildBand(2)))
    assert refused.value.field == "child_bands"
