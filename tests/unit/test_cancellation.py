"""Cancellation fees, their deadlines on the property's clocks, and deposits."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotel_booking.core.errors import Invalid
from hotel_booking.domains.rates.cancellation import (
    deadlines,
    describe,
    due_now,
    fee_amount,
    fee_at,
)
from hotel_booking.domains.rates.types import CancellationPolicy, Deposit, Fee, Step

LISBON = "Europe/Lisbon"
BERLIN = "Europe/Berlin"
# A busy machine is no failure: these tests are about figures, not about time.
unhurried = settings(deadline=None)

ARRIVAL = date(2027, 3, 10)
TOTAL = 300_00
NIGHTS = [120_00, 80_00, 100_00]
ALL = Fee("percent", 1_000_000)
FIRST_NIGHT = Fee("nights", 1)

FLEXIBLE = CancellationPolicy(
    "flex",
    "Flexible",
    (Step(2, time(18), FIRST_NIGHT), Step(0, time(18), ALL)),
    ALL,
)
NON_REFUNDABLE = CancellationPolicy("nr", "Non-refundable", (Step(None, time(0), ALL),), ALL)
EARLY = datetime(2027, 1, 1, tzinfo=UTC)


def fee(policy: CancellationPolicy, at: datetime, arrival: date = ARRIVAL, timezone: str = LISBON) -> int:
    return fee_at(
        policy, arrival=arrival, timezone=timezone, total=TOTAL, night_totals=NIGHTS, at=at, currency="EUR"
    )


def terms(policy: CancellationPolicy, at: datetime) -> Any:
    return describe(
        policy,
        arrival=ARRIVAL,
        timezone=LISBON,
        currency="EUR",
        total=TOTAL,
        night_totals=NIGHTS,
        at=at,
    )


def test_the_fee_applies_at_the_deadline_itself() -> None:
    first = datetime(2027, 3, 8, 18, tzinfo=UTC)
    last = datetime(2027, 3, 10, 18, tzinfo=UTC)
    instant = timedelta(microseconds=1)
    assert [
        fee(FLEXIBLE, at) for at in (EARLY, first - instant, first, last - instant, last, last + instant)
    ] == [0, 0, 120_00, 120_00, 300_00, 300_00]
    assert fee(NON_REFUNDABLE, EARLY) == 300_00


@pytest.mark.parametrize(
    ("kind", "value", "amount"),
    [
        ("percent", 500_000, 150_00),
        ("percent", 333_333, 100_00),
        ("percent", 0, 0),
        ("nights", 0, 0),
        ("nights", 1, 120_00),
        ("nights", 2, 200_00),
        ("nights", 9, 300_00),
        ("fixed", 50_00, 50_00),
        ("fixed", 999_00, 300_00),
    ],
)
def test_fees_and_deposits_of_one_kind_are_one_amount(
    kind: Literal["percent", "nights", "fixed"], value: int, amount: int
) -> None:
    assert fee_amount(Fee(kind, value), total=TOTAL, night_totals=NIGHTS, currency="EUR") == amount
    assert due_now(Deposit(kind, value), TOTAL, NIGHTS, currency="EUR") == amount


def test_deposits_of_nothing_and_of_everything() -> None:
    assert due_now(Deposit("none"), TOTAL, NIGHTS, currency="EUR") == 0
    assert due_now(Deposit("full"), TOTAL, NIGHTS, currency="EUR") == TOTAL


@pytest.mark.parametrize(
    ("arrival", "at", "utc"),
    [
        # The clocks of Berlin go forward on 28 March 2027 at 2:00 and back on 31 October 2027 at 3:00.
        (date(2027, 3, 28), time(18), datetime(2027, 3, 28, 16, tzinfo=UTC)),
        (date(2027, 3, 27), time(18), datetime(2027, 3, 27, 17, tzinfo=UTC)),
        (date(2027, 3, 28), time(2, 30), datetime(2027, 3, 28, 1, 30, tzinfo=UTC)),  # never shown
        (date(2027, 10, 31), time(2, 30), datetime(2027, 10, 31, 0, 30, tzinfo=UTC)),  # shown twice
        (date(2027, 10, 31), time(18), datetime(2027, 10, 31, 17, tzinfo=UTC)),
    ],
)
@pytest.mark.parametrize("days_before", [0, 3])
def test_deadlines_keep_their_hour_when_the_clocks_change(
    arrival: date, at: time, utc: datetime, days_before: int
) -> None:
    policy = CancellationPolicy("p", "P", (Step(days_before, at, ALL),), ALL)
    stay_arrival = arrival + timedelta(days=days_before)
    assert deadlines(policy, stay_arrival, BERLIN) == [(utc, ALL)]
    assert fee(policy, utc - timedelta(seconds=1), stay_arrival, BERLIN) == 0
    assert fee(policy, utc, stay_arrival, BERLIN) == TOTAL


def test_two_steps_in_a_skipped_hour_do_not_swap() -> None:
    """2:30 does not exist and becomes 3:30 summer time, after 3:15 summer time."""
    policy = CancellationPolicy(
        "p", "P", (Step(0, time(2, 30), Fee("fixed", 1)), Step(0, time(3, 15), Fee("fixed", 2))), ALL
    )
    arrival = date(2027, 3, 28)
    instant = datetime(2027, 3, 28, 1, 30, tzinfo=UTC)
    assert [since for since, _ in deadlines(policy, arrival, BERLIN)] == [instant, instant]
    assert fee(policy, instant - timedelta(seconds=1), arrival, BERLIN) == 0
    assert fee(policy, instant, arrival, BERLIN) == 2
    seen = describe(
        policy,
        arrival=arrival,
        timezone=BERLIN,
        currency="EUR",
        total=TOTAL,
        night_totals=NIGHTS,
        at=EARLY,
    )
    assert [(stage.since, stage.amount) for stage in seen.stages] == [(None, 0), (instant, 2)]


def test_a_policy_in_sentences() -> None:
    seen = terms(FLEXIBLE, EARLY)
    assert seen.text == (
        "Free cancellation until 8 March 2027, 18:00 (Lisbon time)",
        "From 8 March 2027, 18:00 (Lisbon time) cancelling costs €120.00",
        "From 10 March 2027, 18:00 (Lisbon time) cancelling costs the full price, €300.00",
        "Not arriving costs the full price, €300.00",
    )
    assert (seen.fee_now, seen.free_until, seen.no_show) == (0, datetime(2027, 3, 8, 18, tzinfo=UTC), TOTAL)
    assert [stage.amount for stage in seen.stages] == [0, 120_00, 300_00]


def test_deadlines_that_have_passed_are_not_promised() -> None:
    seen = terms(FLEXIBLE, datetime(2027, 3, 9, tzinfo=UTC))
    assert seen.free_until is None
    assert seen.text[:2] == (
        "Cancelling costs €120.00 until 10 March 2027, 18:00 (Lisbon time)",
        "From 10 March 2027, 18:00 (Lisbon time) cancelling costs the full price, €300.00",
    )


def test_other_policies_in_sentences() -> None:
    seen = terms(NON_REFUNDABLE, EARLY)
    assert (seen.fee_now, seen.free_until) == (TOTAL, None)
    assert seen.text[0] == "Non-refundable: cancelling costs the full price, €300.00"
    always_free = CancellationPolicy("free", "Free", (), Fee("fixed", 0))
    assert terms(always_free, EARLY).text == ("Free cancellation", "Not arriving is free")
    partly = CancellationPolicy("half", "Half", (Step(None, time(0), Fee("percent", 500_000)),), ALL)
    assert terms(partly, EARLY).text[0] == "Cancelling costs €150.00"


@pytest.mark.parametrize(
    "steps",
    [
        (Step(0, time(18), ALL), Step(2, time(18), ALL)),
        (Step(2, time(18), ALL), Step(2, time(18), ALL)),
        (Step(2, time(18), ALL), Step(2, time(12), ALL)),
        (Step(2, time(18), ALL), Step(None, time(0), ALL)),
        (Step(None, time(0), ALL), Step(None, time(0), ALL)),
    ],
)
def test_steps_come_in_order(steps: tuple[Step, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        CancellationPolicy("p", "P", steps, ALL)
    assert refused.value.field == "steps[1]"


def test_values_that_make_no_sense() -> None:
    attempts: list[Any] = [
        lambda: Fee("percent", 1_000_001),
        lambda: Fee("fixed", -1),
        lambda: Deposit("nights", -1),
        lambda: Deposit("percent", 2_000_000),
        lambda: Step(-1, time(18), ALL),
        lambda: Step(1, time(18, tzinfo=UTC), ALL),
    ]
    for attempt in attempts:
        with pytest.raises(Invalid):
            attempt()


policies = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.times().map(lambda at: at.replace(microsecond=0)),
        st.builds(Fee, st.sampled_from(("percent", "nights", "fixed")), st.integers(0, 1_000_000)),
    ),
    max_size=4,
    unique_by=lambda step: step[:2],
).map(
    lambda steps: CancellationPolicy(
        "p",
        "P",
        tuple(Step(*step) for step in sorted(steps, key=lambda step: (-step[0], step[1]))),
        ALL,
    )
)


@unhurried
@given(
    policies,
    st.dates(date(2027, 3, 20), date(2027, 11, 20)),
    st.sampled_from((BERLIN, LISBON, "Pacific/Apia", "Australia/Lord_Howe", "America/New_York")),
    st.integers(-40 * 24 * 60, 2 * 24 * 60),
)
def test_fees_and_terms_agree_and_survive_json(
    policy: CancellationPolicy, arrival: date, timezone: str, minutes: int
) -> None:
    at = datetime(arrival.year, arrival.month, arrival.day, tzinfo=UTC) + timedelta(minutes=minutes)
    stored = msgspec.json.decode(msgspec.json.encode(policy), type=CancellationPolicy)
    assert stored == policy
    now = fee(policy, at, arrival, timezone)
    assert type(now) is int
    assert 0 <= now <= TOTAL
    seen = describe(
        stored,
        arrival=arrival,
        timezone=timezone,
        currency="EUR",
        total=TOTAL,
        night_totals=NIGHTS,
        at=at,
    )
    assert seen.fee_now == now == seen.stages[0].amount
    for stage in seen.stages[1:]:
        assert stage.since is not None
        assert stage.since > at
        assert fee(policy, stage.since, arrival, timezone) == stage.amount
        assert fee(policy, stage.since - timedelta(microseconds=1), arrival, timezone) != stage.amount
