"""What is told of a request once it is answered: its line of the access log, and its counts.

Of many requests at once, a tenth of a second later: by itself, after what a request does, telling takes
several times as long, because nothing that it needs is at hand. What is logged in between comes behind them.
Who kills the process with a signal that it cannot take loses that tenth of a second.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from functools import cache
from typing import Any, NamedTuple

from litestar.types import HTTPScope
from prometheus_client import Counter

from hotel_booking.core import metrics as declared
from hotel_booking.core.logging import Lines, write_first
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.guests.types import Account
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.http import metrics
from hotel_booking.http.access import caller_of
from hotel_booking.http.problems import ClosedForMaintenance

_EVERY = 0.1  # seconds
_MOST = 500  # requests that wait to be told, some 500 bytes each
_ACCESS = Lines("hotel_booking.access", "request")


class _Ended(NamedTuple):
    """A request that was answered. Nothing of it that could be large or holds a connection."""

    at: float  # by `perf_counter`
    seconds: float
    status: int
    method: str
    route: str
    caller: Caller
    guest: Account | None
    request_id: str
    booking: str | None
    typed: object  # what stands in the address where a booking's reference is to be
    code: str | None
    refused: bool  # a form, whose sender was sent back to its page


_ENDED: deque[_Ended] = deque()
# Who finds it taken waits until those lines are written, and so comes behind them. A signal's handler, which
# may log while its own thread is at it, does not wait.
_TELLING = threading.RLock()


def tell(scope: HTTPScope, *, status: int, started: float) -> None:
    """A request that came at this `perf_counter` was answered (status 499: the client went away first)."""
    metrics.ended(scope, status)
    state = scope["state"]
    at = time.perf_counter()
    params = scope.get("path_params")
    one = _Ended(
        at,
        at - started,
        status,
        metrics.method_of(scope),
        metrics.route_of(scope),
        caller_of(scope),
        state.get("guest"),
        state["request_id"],
        state.get("booking"),
        params and params.get("reference"),
        state.get("code"),
        state.get("refused", False),
    )
    if not _ACCESS.may_wait:
        _ACCESS.log([(_level(one), 0, _facts(one))])
    if not _ENDED:
        asyncio.get_running_loop().call_later(_EVERY, settle)
    _ENDED.append(one)
    if len(_ENDED) >= _MOST:
        settle()


def settle() -> None:
    """Tell what is not told yet. Any thread may."""
    with _TELLING:
        now = time.perf_counter()
        lines = []
        while _ENDED:
            one = _ENDED.popleft()
            requests, durations = _counters(one.method, one.route, _outcome(one))
            declared.COUNTED.append(requests)
            declared.MEASURED.append((durations, one.seconds))
            lines.append((_level(one), now - one.at, _facts(one)))
        if _ACCESS.may_wait:
            _ACCESS.log(lines)
        declared.settle()


write_first(settle)


def actor(caller: Caller, guest: Account | None) -> str:
    """Who sent it, by number alone: `staff:3`, `key:7`, `account:12` (a guest who is signed in), `guest` (who
    shows a booking's token) or `anonymous`."""
    if caller.kind == "anonymous" and guest is not None:
        return f"account:{guest.id}"
    return f"{caller.kind}:{caller.id}" if caller.id else caller.kind


def booking(noted: str | None, typed: object) -> str | None:
    """The booking that a request was about: the one that it noted, or that its address names, where that can
    be one: anybody may type anything there."""
    return noted or (normalise(typed) if isinstance(typed, str) else None)


def _level(one: _Ended) -> int:
    return logging.DEBUG if one.status < 400 and one.route.startswith("/health") else logging.INFO


def _facts(one: _Ended) -> dict[str, Any]:
    # The route's template, not the address: paths and queries hold references and search terms.
    return {
        "request_id": one.request_id,
        "method": one.method,
        "route": one.route,
        "status": one.status,
        "milliseconds": round(one.seconds * 1000, 2),
        "actor": actor(one.caller, one.guest),
        "booking": booking(one.booking, one.typed),
        "code": one.code,
    }


def _outcome(one: _Ended) -> str:
    if one.refused:
        return "4xx"
    return "closed" if one.code == ClosedForMaintenance.code else f"{one.status // 100}xx"


@cache
def _counters(method: str, route: str, outcome: str) -> tuple[Counter, declared.Durations]:
    """Those of a route: finding them by their labels takes longer than counting. They are few."""
    return declared.REQUESTS.labels(method, route, outcome), declared.REQUEST_DURATION.labels(method, route)
