"""Examples in the OpenAPI document: requests of the demo's hotel that work when they are sent as they stand.

    @post("/quotes", opt=public() | example(lambda today: {"property": HOTEL, **stay(today), ...}))

They are made for the day on which the document is asked for, since a stay in the past is refused. A test
sends every one of them to the demo's hotels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

OPT = "example"
HOTEL = "wayfinch-grand-lisbon"
ARRIVAL = 60  # days from today

# What a parameter's example is where its call says nothing else.
_NAMED: dict[str, Any] = {
    "slug": HOTEL,
    "reference": "7KQ2M-XW9DC",
    "key_id": 1,
    "block_id": 1,
    "number": "101",
}

Made = Callable[[date], Any]


def example(body: Made | None = None, parameters: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """`opt` of a route: its body, made for today, and its parameters' values (or what makes them)."""
    return {OPT: (body, parameters or {})}


def example_day(today: date) -> date:
    """The day that examples count from: today, or two weeks on where the stay would fall into the days around
    New Year, with rules of their own everywhere."""
    arrival = today + timedelta(days=ARRIVAL)
    around = (arrival.month, arrival.day) >= (12, 22) or (arrival.month, arrival.day) <= (1, 4)
    return today + timedelta(days=14) if around else today


def later(today: date, days: int) -> str:
    """A night so many days ahead."""
    return (today + timedelta(days=days)).isoformat()


def stay(today: date) -> dict[str, str]:
    """The nights that the examples ask for."""
    return {"arrival": later(today, ARRIVAL), "departure": later(today, ARRIVAL + 2)}


def stay_parameters() -> dict[str, Made]:
    """The same in a query."""
    return {
        "arrival": lambda today: later(today, ARRIVAL),
        "departure": lambda today: later(today, ARRIVAL + 2),
    }


def body_of(opt: Mapping[str, Any], today: date) -> Any:
    """The body's example; None where there is none."""
    make, _ = opt.get(OPT, (None, {}))
    return None if make is None else make(today)


def parameter_of(opt: Mapping[str, Any], name: str, today: date) -> Any:
    """A parameter's example; None where there is none."""
    value = opt.get(OPT, (None, {}))[1].get(name, _NAMED.get(name))
    return value(today) if callable(value) else value
