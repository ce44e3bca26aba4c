"""What the bench's web servers run: our application with one endpoint more, and Litestar with that alone.

The endpoint exists here only. In our application it lies behind every layer that a guest's call passes, with
the limits on and set higher than a loopback can send.
"""

from __future__ import annotations

import os
import sys

import msgspec
from litestar import Litestar, get

from hotel_booking.app import Application, build
from hotel_booking.core.environment import read_settings
from hotel_booking.core.metrics_listener import told_together
from hotel_booking.core.money import Money
from hotel_booking.http.access import public
from hotel_booking.http.serving import granian_options

PATH = "/bench/constant"


class Line(msgspec.Struct, frozen=True):
    """A line as an answer of the search has it."""

    slug: str
    name: str
    stars: int
    lat: float
    lon: float
    total: Money
    refundable: bool


class Constant(msgspec.Struct, frozen=True):
    """The fixed answer, of 1.3 kB of JSON."""

    lines: tuple[Line, ...]


_CONSTANT = Constant(
    tuple(
        Line(
            f"hotel-{i}",
            f"The constant hotel number {i}",
            4,
            48.13743,
            11.57549,
            Money(12900 + i, "EUR"),
            True,
        )
        for i in range(8)
    )
)


@get(PATH, opt=public(), include_in_schema=False)
async def constant() -> Constant:
    """Made into JSON for every request, as all answers are."""
    return _CONSTANT


@get("/health/ready", opt=public(), include_in_schema=False)
async def ready() -> dict[str, str]:
    """Litestar alone is ready at once."""
    return {"status": "ok"}


def create_ours() -> Application:
    """The whole application as the environment describes it, and the constant endpoint."""
    app = build(read_settings(os.environ))
    app.register(constant)
    return app


def create_bare() -> Litestar:
    """The limit of the floor: nothing but Litestar and the same endpoint."""
    return Litestar(route_handlers=[constant, ready], openapi_config=None)


def main() -> None:
    """`ours` or `bare`: served as `hotel-booking serve` does, on what the environment says."""
    from granian import Granian
    from granian.constants import Loops

    settings = read_settings(os.environ)
    with told_together(settings):
        Granian(
            f"hotel_booking.bench.applications:create_{sys.argv[1]}",
            factory=True,
            loop=Loops.uvloop,
            workers=settings.workers,
            workers_kill_timeout=5,
            **granian_options(settings),
        ).serve()
