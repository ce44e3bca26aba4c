"""What every job is handed: procrastinate's context carries the process's resources."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from procrastinate import JobContext, RetryStrategy

from hotel_booking.core import tracing
from hotel_booking.core.db import Database, Origin

# 2, 4, 8 ... seconds between attempts, for about a day; a job that still fails stays in the table as failed.
PATIENT = RetryStrategy(max_attempts=16, exponential_wait=2)


def database(context: JobContext) -> Database:
    """The worker's database; what the job changes is noted as the job's."""
    database = cast("Database", context.additional_context["db"])
    return database.acting(
        Origin(
            "job",
            id=str(context.job.id or ""),
            name=context.job.task_name,
            traceparent=tracing.traceparent(),
        )
    )


def now(context: JobContext) -> datetime:
    """The instant at which the job runs, UTC."""
    return cast("Callable[[], datetime]", context.additional_context["clock"])()


def resource(context: JobContext, name: str) -> Any:
    """Another resource that the composition root put there, such as the payment gateway."""
    return context.additional_context[name]


class Pace:
    """How background work yields: after each batch it rests three times as long as the batch took, so that it
    never has more than a quarter of a core, and at most two seconds, so that it is done some time."""

    def __init__(self) -> None:
        self._since = asyncio.get_running_loop().time()

    async def rest(self) -> None:
        """Pause after a batch."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(min(3 * (loop.time() - self._since), 2.0))
        self._since = loop.time()
