"""Examples that explain rules to those who set them, computed by the same code that sells. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import msgspec

from hotel_booking.core.counting import count
from hotel_booking.core.dates import local_instant
from hotel_booking.core.formats import english
from hotel_booking.core.money import exponent
from hotel_booking.core.money import step as step_of
from hotel_booking.domains.rates import pricing, wording
from hotel_booking.domains.rates.cancellation import describe, due_now, fee_at
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.queries import Catalogue
from hotel_booking.domains.rates.types import (
    Adjustment,
    CancellationPolicy,
    Deposit,
    NightPrice,
    Occupancy,
    Price,
    Rules,
    Tax,
)

NIGHTS = 3
_AHEAD = 60  # days from today to the example's arrival: far enough for most deadlines to lie ahead
_COUPLE = Occupancy(2)


class PolicyExample(msgspec.Struct, frozen=True):
    """What a policy means for a stay: `sentences` as guests read them, and what cancelling costs at noon of
    some days around its deadlines."""

    arrival: date
    total: int
    sentences: tuple[str, ...]
    days: tuple[tuple[date, int], ...]
    no_show: int


def night_price(currency: str) -> int:
    """A round price of a night: 120.00, or 12,000 where the currency has no minor unit."""
    digits = exponent(currency)
    return 120 * 10**digits if digits else 12_000


def policy_example(policy: CancellationPolicy, *, currency: str, timezone: str, today: date) -> PolicyExample:
    """Three nights at a round price, booked today."""
    arrival = today + timedelta(days=_AHEAD)
    nightly = night_price(currency)
    totals = [nightly] * NIGHTS
    total = sum(totals)
    booked = local_instant(today, time(12), timezone)
    terms = describe(
        policy,
        arrival=arrival,
        timezone=timezone,
        currency=currency,
        total=total,
        night_totals=totals,
        at=booked,
    )
    shown = {today, arrival}
    for step in policy.steps:
        if step.days_before is not None:
            deadline = arrival - timedelta(days=step.days_before)
            shown |= {deadline - timedelta(days=1), deadline + timedelta(days=1)}
    days = [day for day in sorted(shown) if today <= day <= arrival]

    def fee(at: datetime) -> int:
        return fee_at(
            policy,
            arrival=arrival,
            timezone=timezone,
            total=total,
            night_totals=totals,
            at=at,
            currency=currency,
        )

    return PolicyExample(
        arrival=arrival,
        total=total,
        sentences=terms.text,
        days=tuple((day, fee(local_instant(day, time(12), timezone))) for day in days),
        no_show=terms.no_show,
    )


def tax_example(tax: Tax, *, currency: str, rounding: str, arrival: date) -> Price:
    """Three nights for two adults at a round price, with this tax alone."""
    nightly = night_price(currency)
    rules = Rules(
        currency=currency,
        step=step_of(currency),
        rounding="sum" if rounding == "sum" else "line",
        room_type="example",
        room_type_name="Example",
        rate_plan="example",
        rate_plan_name="Example",
        taxes=(tax,),
    )
    return pricing.price(rules, _nights(arrival, [nightly] * NIGHTS), _COUPLE)


class PlanExample(msgspec.Struct, frozen=True):
    """What a plan asks for one night of a room type where its parent, or it itself, asks `base`: what the
    guest pays with the taxes that are added, and of that on booking."""

    room_type: str
    base: int
    pays: int
    without: int
    due_now: int


def plan_example(catalogue: Catalogue, plan: RatePlan, *, night: date) -> PlanExample | None:
    """One night for as many adults as are in the price, in the first room type; None where there is none."""
    kind = next(iter(catalogue.room_types.values()), None)
    if kind is None:
        return None
    base = night_price(catalogue.property.currency)
    persons = Occupancy(kind.base_occupancy)
    nights = _nights(night, [base])
    rules = catalogue.rules(kind, plan)
    sold = pricing.price(rules, nights, persons)
    plain = pricing.price(msgspec.structs.replace(rules, adjustment=None), nights, persons)
    deposit: Deposit = plan.deposit
    return PlanExample(
        kind.name,
        base,
        sold.total,
        plain.total,
        due_now(deposit, sold.total, [sold.total], currency=sold.currency),
    )


def adjustment_words(adjustment: Adjustment, currency: str) -> str:
    """-10%, or -€5.00 per person and night."""
    value = adjustment.value
    sign = "+" if value > 0 else "−" if value < 0 else ""  # noqa: RUF001  # a minus sign, not a hyphen
    if adjustment.kind == "percent":
        return f"{sign}{wording.percent(abs(value))}"
    per = "person and night" if adjustment.per_person else "night"
    return f"{sign}{english(abs(value), currency)} per {per}"


def limits_in_words(
    min_advance: int | None, max_advance: int | None, min_stay: int | None, max_stay: int | None
) -> list[str]:
    """What a plan's limits do, in sentences."""
    words = []
    if min_advance:
        words.append(f"Booked at least {count(min_advance, 'day')} before arrival")
    if max_advance is not None:
        when = (
            f"at most {count(max_advance, 'day')} before arrival" if max_advance else "on the day of arrival"
        )
        words.append(f"Booked {when}")
    if min_stay is not None and min_stay > 1:
        words.append(f"For stays of {count(min_stay, 'night')} or more")
    if max_stay is not None:
        words.append(f"For stays of up to {count(max_stay, 'night')}")
    return words


def _nights(first: date, prices: Sequence[int]) -> list[NightPrice]:
    return [NightPrice(first + timedelta(days=offset), price) for offset, price in enumerate(prices)]
