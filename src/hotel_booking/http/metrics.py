"""What requests count, and what Prometheus scrapes at /metrics. core/metrics.py declares it all.

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
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram
from prometheus_client import generate_latest as render
from prometheus_client.multiprocess import MultiProcessCollector

from hotel_booking.core import metrics as declared
from hotel_booking.core.config import Settings
from hotel_booking.domains.identity.errors import MissingCredentials
from hotel_booking.domains.search.index.running import Doing, Figures
from hotel_booking.http.access import public

BookingOutcome = Literal["held", "sold_out", "confirmed", "declined", "cancelled", "expired"]

_OUTCOME_OF_CODE: dict[str, BookingOutcome] = {"sold_out": "sold_out", "payment_declined": "declined"}
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def note_booking(request: Request[Any, Any, State], outcome: BookingOutcome) -> None:
    """Say what the request does to a booking. It is counted once the answer is committed and below 400."""
    request.scope["state"]["booking_outcome"] = outcome


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


def began() -> None:
    """A request came in."""
    declared.IN_FLIGHT.inc()


def ended(scope: HTTPScope, *, status: int, seconds: float) -> None:
    """A request was answered (status 499: the client went away first)."""
    declared.IN_FLIGHT.dec()
    route = route_of(scope)
    method = scope["method"] if scope["method"] in _METHODS else "other"
    counter, histogram = _counters(method, route, status // 100)
    counter.inc()
    histogram.observe(seconds)
    state = scope["state"]
    outcome = state.get("booking_outcome") if status < 400 else _refusal(scope, route)
    if outcome is not None:
        declared.BOOKINGS.labels(outcome).inc()


@cache
def _counters(method: str, route: str, hundreds: int) -> tuple[Counter, Histogram]:
    """Those of a route: finding them by their labels takes longer than counting. They are few."""
    return declared.REQUESTS.labels(method, route, f"{hundreds}xx"), declared.REQUEST_DURATION.labels(
        method, route
    )


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
