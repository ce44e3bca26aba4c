"""What Prometheus scrapes at /metrics. Names start with `hotel_booking_`; durations are in seconds.

With several worker processes `PROMETHEUS_MULTIPROC_DIR` must name an empty folder before they start (the
client library reads it when it is imported); then any worker answers for all of them.
"""

from __future__ import annotations

import hmac
import os
from functools import cache
from typing import Any, Literal, get_args

from litestar import Request, Response, get
from litestar.datastructures import State
from litestar.types import HTTPScope
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client import generate_latest as render
from prometheus_client.multiprocess import MultiProcessCollector

from hotel_booking.core.config import Settings
from hotel_booking.domains.identity.errors import MissingCredentials
from hotel_booking.domains.search.index.running import Doing, Figures
from hotel_booking.http.access import public

BookingOutcome = Literal["held", "sold_out", "confirmed", "declined", "cancelled", "expired"]

_REQUESTS = Counter("hotel_booking_http_requests", "Requests answered.", ["method", "route", "status"])
_DURATION = Histogram(
    "hotel_booking_http_request_duration_seconds",
    "Time from the request's arrival to the end of its answer.",
    ["method", "route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_IN_FLIGHT = Gauge(
    "hotel_booking_http_requests_in_flight", "Requests being answered now.", multiprocess_mode="livesum"
)
_BOOKINGS = Counter("hotel_booking_bookings", "Bookings by what became of them.", ["outcome"])
_OUTCOMES: tuple[BookingOutcome, ...] = ("held", "sold_out", "confirmed", "declined", "cancelled", "expired")
for _outcome in _OUTCOMES:
    _BOOKINGS.labels(_outcome)  # a rate() needs the zero before the first one
_OUTCOME_OF_CODE: dict[str, BookingOutcome] = {"sold_out": "sold_out", "payment_declined": "declined"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def note_booking(request: Request[Any, Any, State], outcome: BookingOutcome) -> None:
    """Say what the request does to a booking. It is counted once the answer is committed and below 400."""
    request.scope["state"]["booking_outcome"] = outcome


_INDEX_BEHIND = Gauge(
    "hotel_booking_search_index_seconds_behind",
    "Since when the search index was last in step with the database; -1 without one.",
    multiprocess_mode="livemax",
)
_INDEX_CHANGES = Counter("hotel_booking_search_index_changes", "Changes that the search index has followed.")
_INDEX_HOLDS = Gauge(
    "hotel_booking_search_index_entries",
    "What the search index has columns for.",
    ["of"],
    multiprocess_mode="livemax",
)
_INDEX_BYTES = Gauge(
    "hotel_booking_search_index_bytes",
    "What its file takes, all processes share it.",
    multiprocess_mode="livemax",
)
_INDEX_GENERATION = Gauge(
    "hotel_booking_search_index_generation",
    "Which file of the search index counts.",
    multiprocess_mode="livemax",
)
_INDEX_PROCESSES = Gauge(
    "hotel_booking_search_index_processes",
    "Processes by what they do with the search index.",
    ["state"],
    multiprocess_mode="livesum",
)


def note_search_index(figures: Figures, *, applied: int) -> None:
    """What this process tells of its search index; `applied` of its changes were told before."""
    _INDEX_BEHIND.set(-1 if figures.behind is None else max(0, figures.behind))
    _INDEX_CHANGES.inc(figures.applied - applied)
    _INDEX_HOLDS.labels("properties").set(figures.properties)
    _INDEX_HOLDS.labels("room_types").set(figures.room_types)
    _INDEX_HOLDS.labels("nights").set(figures.nights)
    _INDEX_BYTES.set(figures.bytes)
    _INDEX_GENERATION.set(figures.generation)
    for state in get_args(Doing):
        _INDEX_PROCESSES.labels(state).set(state == figures.state)


def began() -> None:
    """A request came in."""
    _IN_FLIGHT.inc()


def ended(scope: HTTPScope, *, status: int, seconds: float) -> None:
    """A request was answered (status 499: the client went away first)."""
    _IN_FLIGHT.dec()
    route = route_of(scope)
    method = scope["method"] if scope["method"] in _METHODS else "other"
    counter, histogram = _counters(method, route, status // 100)
    counter.inc()
    histogram.observe(seconds)
    state = scope["state"]
    outcome = state.get("booking_outcome") if status < 400 else _refusal(scope, route)
    if outcome is not None:
        _BOOKINGS.labels(outcome).inc()


@cache
def _counters(method: str, route: str, hundreds: int) -> tuple[Counter, Histogram]:
    """Those of a route: finding them by their labels takes longer than counting. They are few."""
    return _REQUESTS.labels(method, route, f"{hundreds}xx"), _DURATION.labels(method, route)


def route_of(scope: HTTPScope) -> str:
    """The route's template: an address with its references and slugs would be a label per guest."""
    template: str = scope.get("path_template") or "none"
    return template


def _refusal(scope: HTTPScope, route: str) -> BookingOutcome | None:
    if scope["method"] != "POST" or "/bookings" not in route:
        return None
    return _OUTCOME_OF_CODE.get(scope["state"].get("code", ""))


@get("/metrics", opt=public(), include_in_schema=False, sync_to_thread=True)
def metrics(request: Request[Any, Any, State], settings: Settings) -> Response[bytes]:
    """The metrics in Prometheus' text format, for who shows HOTEL_METRICS_TOKEN. In production they tell the
    public nothing of sales; elsewhere anybody reads them where no token is set."""
    if settings.production or settings.metrics_token:
        _check_token(request.headers.get("authorization", ""), settings.metrics_token)
    registry: CollectorRegistry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        # Prometheus_client leaves it untyped.
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    # Litestar adds the charset to texts by itself.
    return Response(render(registry), media_type=CONTENT_TYPE_LATEST.removesuffix("; charset=utf-8"))


def _check_token(header: str, token: str | None) -> None:
    scheme, _, shown = header.partition(" ")
    good = token is not None and hmac.compare_digest(shown.strip().encode(), token.encode())
    if scheme.lower() != "bearer" or not good:
        raise MissingCredentials(
            "the metrics are for the hotel group's own Prometheus",
            fix="set HOTEL_METRICS_TOKEN, and send it as `Authorization: Bearer <token>`",
        )
