"""What requests count, and what a web process tells of itself. core/metrics.py declares it all, and
core/metrics_listener.py tells it to Prometheus."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Literal, get_args

from litestar import Request
from litestar.datastructures import State
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import HTTPScope

from hotel_booking import __version__
from hotel_booking.core import metrics as declared
from hotel_booking.core.db import Database
from hotel_booking.core.schema import NEWEST
from hotel_booking.domains.search.index.running import Doing, Figures

BookingOutcome = Literal["held", "sold_out", "confirmed", "cancelled"]

_SURFACES: dict[str, declared.Surface] = {"api": "api", "admin": "panel"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def note_booking(
    request: Request[Any, Any, State], outcome: BookingOutcome, reference: str | None = None
) -> None:
    """Say what the request does to a booking, and log its reference. It is counted once the answer is
    committed and below 400; that it was sold out, in any case. How payments end is counted where they do
    (`bookings/tally.py`)."""
    state = request.scope["state"]
    state["booking_outcomes"] = (*state.get("booking_outcomes", ()), outcome)
    if reference is not None:
        state["booking"] = reference


def note_search_index(figures: Figures, *, applied: int) -> None:
    """What this process tells of its search index; `applied` of its changes were told before."""
    declared.INDEX_BEHIND.set(-1 if figures.behind is None else max(0, figures.behind))
    declared.INDEX_CHANGES.inc(figures.applied - applied)
    declared.INDEX_HOLDS.labels("properties").set(figures.properties)
    declared.INDEX_HOLDS.labels("room_types").set(figures.room_types)
    declared.INDEX_HOLDS.labels("nights").set(figures.nights)
    declared.INDEX_BYTES.set(figures.bytes)
    declared.INDEX_GENERATION.set(figures.generation)
    for state in get_args(Doing):
        declared.INDEX_PROCESSES.labels(state).set(state == figures.state)


def known_routes(routes: Iterable[BaseRoute]) -> None:
    """Have mistakes of every route counted from zero: a rate sees no first one otherwise."""
    for route in routes:
        if isinstance(route, HTTPRoute):
            for method in route.methods - {"OPTIONS"}:
                declared.REQUESTS.labels(method, route.path_format, "5xx")


async def tell_of(database: Database) -> None:
    """What the process tells of itself and of its connections, each second, for as long as it lives."""
    declared.BUILD.labels(__version__, NEWEST).set(1)
    declared.POOL_SIZE.set(database.size)
    while True:
        in_use, idle, waiting = database.figures()
        declared.POOL_CONNECTIONS.labels("in_use").set(in_use)
        declared.POOL_CONNECTIONS.labels("idle").set(idle)
        declared.POOL_WAITING.set(waiting)
        declared.IN_FLIGHT.set(_Open.requests)
        await asyncio.sleep(1)


class _Open:
    """How many requests are being answered: told each second, which costs a request nothing."""

    requests = 0


def began() -> None:
    """A request came in."""
    _Open.requests += 1


def ended(scope: HTTPScope, status: int) -> None:
    """It was answered: count what it did to bookings."""
    _Open.requests -= 1
    for outcome in scope["state"].get("booking_outcomes", ()):
        if status < 400 or outcome == "sold_out":
            declared.BOOKINGS.labels(_surface(scope), outcome).inc()
    if status == 409 and _is_sold_out(scope):
        declared.BOOKINGS.labels("api", "sold_out").inc()


def method_of(scope: HTTPScope) -> str:
    """The method; `other` where HTTP does not have it."""
    return scope["method"] if scope["method"] in _METHODS else "other"


def route_of(scope: HTTPScope) -> str:
    """The route's template: an address with its references and slugs would be a label per guest."""
    template: str = scope.get("path_template") or "none"
    return template


def _surface(scope: HTTPScope) -> declared.Surface:
    return _SURFACES.get(scope["path"].split("/", 2)[1], "site")


def _is_sold_out(scope: HTTPScope) -> bool:
    return (
        scope["method"] == "POST"
        and route_of(scope).startswith("/api/v1/bookings")
        and scope["state"].get("code") == "sold_out"
    )
