"""Health for load balancers: is the process alive, and should it get requests."""

from __future__ import annotations

import msgspec
from litestar import Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Database
from hotel_booking.http.access import public


class Health(msgspec.Struct, frozen=True):
    """`ok`, `draining` (about to stop) or `unavailable`; and what was checked."""

    status: str
    checks: dict[str, str] = {}


@get(
    "/health/live",
    opt=public(),
    tags=["Health"],
    summary="Is the process alive?",
)
async def live() -> Health:
    """Answers as long as the process can answer at all; looks at nothing else."""
    return Health("ok")


@get(
    "/health/ready",
    opt=public(),
    tags=["Health"],
    summary="Should this process get requests?",
)
async def ready(state: State) -> Response[Health]:
    """200 when the database answers; 503 while it does not, or while the process drains before stopping."""
    if state.draining:
        return Response(Health("draining"), status_code=503)
    database: Database = state.database
    try:
        async with database.transaction(wait=2.0) as tx:
            await tx.fetchval("SELECT 1")
    except Exception:  # whatever stops a SELECT 1, this process should get no requests
        return Response(Health("unavailable", {"database": "unreachable"}), status_code=503)
    return Response(Health("ok", {"database": "ok"}))
