"""Part 1, the floor: what a request costs that does nothing."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hotel_booking.bench.applications import PATH, Constant
from hotel_booking.bench.context import Context
from hotel_booking.bench.figures import Figure
from hotel_booking.bench.generator import Request
from hotel_booking.bench.measuring import Target
from hotel_booking.bench.requests import get
from hotel_booking.bench.servers import Server

BARE, OURS = "bare Litestar", "constant endpoint"
SHARE = 0.6


def measure(context: Context) -> Iterator[Figure]:
    """Litestar alone and our whole application, with the same answer."""
    url = context.empty()
    with context.server("bare", url) as bare, context.server("ours", url) as ours:
        yield from context.session.measure(
            "floor",
            [
                Target(name=BARE, server=bare, requests=[get("constant", PATH)], check=check),
                constant(ours, limit=BARE, least=SHARE),
            ],
        )


def constant(server: Server, *, limit: str | None = None, least: float | None = None) -> Target:
    """Our endpoint that does nothing: the limit of the other parts."""
    return Target(
        name=OURS,
        server=server,
        requests=[get("constant", PATH)],
        check=check,
        limit=limit,
        least=least,
    )


def check(_request: Request, status: int, body: bytes) -> str | None:
    """The answer is whole, and as long as it is said to be."""
    if status != 200:
        return f"status {status}"
    if not 1250 <= len(body) <= 1350:
        return f"{len(body)} bytes"
    msgspec.json.decode(body, type=Constant)
    return None
