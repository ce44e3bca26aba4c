"""A third party that fails again and again is left alone, tried by one, and asked by all again."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import REGISTRY

from hotel_booking.core.breaker import Breaker, BreakerOpen


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def shown(party: str) -> float | None:
    return REGISTRY.get_sample_value("hotel_booking_breaker_state", {"party": party})


def fail(breaker: Breaker) -> None:
    with pytest.raises(TimeoutError), breaker.asking(TimeoutError):
        raise TimeoutError


def test_failures_in_a_row_open_it_and_a_probe_closes_it() -> None:
    clock = Clock()
    breaker = Breaker("probe", failures=3, pause=10, clock=clock)
    fail(breaker)
    fail(breaker)
    with breaker.asking(TimeoutError):
        pass  # an answer in between: they were not in a row
    for _ in range(3):
        assert breaker.state == "closed"
        fail(breaker)
    assert (breaker.state, shown("probe")) == ("open", 2)
    with pytest.raises(BreakerOpen) as resting, breaker.asking(TimeoutError):
        raise AssertionError("it must not be asked")
    assert resting.value.seconds == 10
    clock.seconds += 10
    with breaker.asking(TimeoutError):
        assert (breaker.state, shown("probe")) == ("half-open", 1)
        with pytest.raises(BreakerOpen), breaker.asking(TimeoutError):
            raise AssertionError("one probe is enough")
    assert (breaker.state, shown("probe"), breaker.wait()) == ("closed", 0, 0)


def test_a_probe_that_fails_doubles_the_pause_and_one_that_is_given_up_says_nothing() -> None:
    clock = Clock()
    breaker = Breaker("doubling", failures=1, pause=10, clock=clock)
    fail(breaker)
    for pause in (20, 40, 80, 160, 300, 300):
        clock.seconds += breaker.wait()
        fail(breaker)
        assert breaker.wait() == pause
    clock.seconds += breaker.wait()
    with pytest.raises(asyncio.CancelledError), breaker.asking(TimeoutError):
        raise asyncio.CancelledError
    assert breaker.wait() == 0  # the next one may try


def test_a_refusal_is_an_answer() -> None:
    breaker = Breaker("refusing", failures=1)
    with pytest.raises(ValueError, match="no"), breaker.asking(TimeoutError):
        raise ValueError("no")
    assert breaker.state == "closed"


def test_late_failures_of_calls_from_before_do_not_lengthen_the_pause() -> None:
    clock = Clock()
    breaker = Breaker("late", failures=1, pause=10, clock=clock)
    slow = breaker.asking(TimeoutError)
    slow.__enter__()
    fail(breaker)
    assert breaker.wait() == 10
    clock.seconds += 4
    slow.__exit__(TimeoutError, TimeoutError(), None)
    assert breaker.wait() == 6
