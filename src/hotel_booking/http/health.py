"""Health for load balancers: is the process alive, and should it get requests.

Both answer within a second or two, whatever hangs. What the process can do without is told and does not keep
guests out: Redis, and a schema that the next release has expanded already.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec
from litestar import Response, get
from litestar.datastructures import State

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.operations_settings import Mode
from hotel_booking.core.pulse import NoPulse, Pulse
from hotel_booking.core.schema import FOUND, NEWEST, read, unfit
from hotel_booking.domains.incidents.maintenance import under_maintenance
from hotel_booking.http.access import public
from hotel_booking.http.limits import RedisLimiter

_DATABASE_WITHIN, _REDIS_WITHIN = 1.0, 0.5  # seconds
_LOOKED_EVERY = 15.0  # seconds: windows are announced days ahead


class Liveness(msgspec.Struct, frozen=True):
    """`ok`; nothing is checked."""

    status: str
    checks: dict[str, str] = {}


class Readiness(msgspec.Struct, frozen=True):
    """`ok`, `degraded` (something is missing that requests are answered without), `draining` (about to stop)
    or `unavailable`; the mode, `normal` or `maintenance`; and what was checked."""

    status: str
    mode: Mode
    checks: dict[str, str] = {}


@get(
    "/health/live",
    opt=public(),
    tags=["Health"],
    summary="Is the process alive?",
)
async def live() -> Liveness:
    """Answers as long as the process can answer at all; looks at nothing else."""
    return Liveness("ok")


@get(
    "/health/ready",
    opt=public(),
    tags=["Health"],
    summary="Should this process get requests?",
)
async def ready(state: State) -> Response[Readiness]:
    """200 when the database answers and has a schema that this release runs on, also in maintenance and
    without Redis; 503 while it does not, or while the process drains before stopping."""
    mode: Mode = state.mode if state.closed_until is None else "maintenance"
    if state.draining:
        return Response(Readiness("draining", mode), status_code=503)
    (usable, checks), redis = await asyncio.gather(_database(state.pulse), _redis(state.limiter))
    if redis is not None:
        checks["redis"] = redis
    if not usable:
        return Response(Readiness("unavailable", mode, checks), status_code=503)
    return Response(Readiness("degraded" if redis == "unreachable" else "ok", mode, checks))


async def look_for_maintenance(database: Database, state: State, mode: Mode) -> None:
    """Tell of maintenance while a window of it lasts, or always where the settings' `mode` says so."""
    if mode == "normal":
        with suppress(Exception):  # what is wrong with the database is told by itself
            async with database.reading() as tx:
                lasts = await under_maintenance(tx, utc_now())
            state.mode = "maintenance" if lasts else "normal"


async def follow_maintenance(database: Database, state: State, mode: Mode) -> None:
    """Look again every some seconds, for as long as the process lives."""
    while True:
        await asyncio.sleep(_LOOKED_EVERY)
        await look_for_maintenance(database, state, mode)


async def _database(pulse: Pulse) -> tuple[bool, dict[str, str]]:
    """Whether requests can be answered from it, and what was found."""
    try:
        found = str(await pulse.ask(FOUND, within=_DATABASE_WITHIN))
    except NoPulse:
        return False, {"database": "unreachable"}
    if (wrong := unfit(found)) is not None:
        return False, {"database": "ok", "schema": wrong}
    schema, _ = read(found)
    return True, {
        "database": "ok",
        "schema": schema if schema <= NEWEST else f"{schema} is newer than {NEWEST}",
    }


async def _redis(limiter: object) -> str | None:
    """None where none is configured."""
    if not isinstance(limiter, RedisLimiter):
        return None
    return "ok" if await limiter.answers(within=_REDIS_WITHIN) else "unreachable"
