"""Prices, fees and deposits are made as they can be charged, so that what is shown, owed and charged is one
amount; Stripe gets it as its page of currencies says."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from hotel_booking.core.iso_codes import CURRENCIES
from hotel_booking.core.money import step
from hotel_booking.domains.payments.errors import GatewayRefused
from hotel_booking.domains.rates.cancellation import due_now, fee_amount
from hotel_booking.domains.rates.pricing import night_totals, price
from hotel_booking.domains.rates.types import (
    PER_NIGHT,
    PER_PERSON_PER_NIGHT,
    PER_STAY,
    Adjustment,
    ChildBand,
    Deposit,
    Fee,
    NightPrice,
    Occupancy,
    Rules,
    Tax,
)
from hotel_booking.integrations.stripe_answers import from_stripe, to_stripe

RULES = Rules(
    currency="KWD",
    step=10,
    rounding="line",
    room_type="DBL",
    room_type_name="Double",
    rate_plan="FLEX",
    rate_plan_name="Flexible",
    extra_adult=5_550,
    child_bands=(ChildBand(11),),
    child_amounts=(3_330,),
    taxes=(
        Tax("VAT", "VAT", "percent", 77_000, PER_NIGHT, included=True),
        Tax("SERVICE", "Service", "percent", 123_400, PER_NIGHT, included=False),
        Tax("CITY", "City tax", "fixed", 250, PER_PERSON_PER_NIGHT, included=False),
        Tax("DEED", "Deed", "fixed", 1_110, PER_STAY, included=True),
    ),
)
FIRST = date(2030, 3, 1)


def nights(*amounts: int) -> list[NightPrice]:
    return [NightPrice(FIRST + timedelta(days=place), amount) for place, amount in enumerate(amounts)]


@given(
    st.sampled_from([("KWD", 10), ("MGA", 100), ("MRU", 20)]),
    st.lists(st.integers(0, 500_000), min_size=1, max_size=9),
    st.sampled_from(["line", "sum"]),
    st.sampled_from(
        [None, Adjustment("percent", -77_777), Adjustment("amount", -1_115), Adjustment("amount", 700, True)]
    ),
    st.integers(1, 4),
    st.lists(st.integers(0, 14), max_size=2),
)
def test_every_line_of_a_price_can_be_charged_and_they_add_up(
    currency: tuple[str, int],
    amounts: list[int],
    rounding: str,
    adjustment: Adjustment | None,
    adults: int,
    ages: list[int],
) -> None:
    code, least = currency
    rules = replace(RULES, currency=code, step=least, rounding=rounding, adjustment=adjustment)
    found = price(rules, nights(*amounts), Occupancy(adults, tuple(ages)))
    assert all(line.amount % least == 0 and line.gross % least == 0 for line in found.lines)
    assert found.total == found.net + found.tax == sum(line.amount for line in found.lines)
    shares = night_totals(found)
    assert sum(shares) == found.total
    assert all(share % least == 0 for share in shares)
    assert to_stripe(found.total, code) >= 0


def test_a_price_in_dinars_line_by_line() -> None:
    found = price(replace(RULES, taxes=RULES.taxes[:1]), nights(45_120, 45_130), Occupancy(2))
    assert [line.amount for line in found.lines] == [41_890, 41_900, 6_460]
    assert found.total == 90_250


def test_the_adjustment_is_called_by_what_it_is() -> None:
    rules = replace(RULES, adjustment=Adjustment("amount", -1_110), taxes=())
    found = price(rules, nights(45_120), Occupancy(2))
    assert [(line.label, line.amount) for line in found.lines] == [
        ("Double, Flexible", 45_120),
        ("Flexible, -KWD\u00a01.110 per night", -1_110),
    ]


def test_what_was_sold_before_there_were_steps_keeps_its_price() -> None:
    assert price(replace(RULES, step=1, taxes=()), nights(45_123), Occupancy(2)).total == 45_123


@pytest.mark.parametrize(("currency", "total"), [("KWD", 135_370), ("MGA", 12_345_600), ("MRU", 99_980)])
def test_fees_and_deposits_can_be_charged(currency: str, total: int) -> None:
    for ppm in range(0, 1_000_001, 33_331):
        fee = fee_amount(Fee("percent", ppm), total=total, night_totals=[total], currency=currency)
        due = due_now(Deposit("percent", ppm), total, [total], currency=currency)
        assert fee == due
        assert fee % step(currency) == 0
        assert abs(fee - total * ppm / 1_000_000) <= step(currency) / 2
    assert (
        fee_amount(Fee("percent", 1_000_000), total=total, night_totals=[total], currency=currency) == total
    )


@pytest.mark.parametrize(
    ("amount", "currency", "sent"),
    [
        (12_900, "EUR", 12_900),
        (500, "JPY", 500),
        (5, "ISK", 500),
        (5, "UGX", 500),
        (5_120, "KWD", 5_120),
        (500, "MGA", 5),
        (1_000, "HUF", 1_000),
        (80_045, "TWD", 80_045),
    ],
)
def test_stripe_gets_amounts_as_it_counts(amount: int, currency: str, sent: int) -> None:
    assert to_stripe(amount, currency) == sent
    assert from_stripe(sent, currency) == amount


def test_stripe_never_gets_an_amount_that_it_would_refuse() -> None:
    for amount, currency in [(5_124, "KWD"), (5_125, "BHD"), (250, "MGA"), (30, "MRU")]:
        with pytest.raises(GatewayRefused):
            to_stripe(amount, currency)
    for currency, count in product(sorted(CURRENCIES), (1, 7, 999)):
        amount = count * step(currency)
        assert from_stripe(to_stripe(amount, currency), currency) == amount
