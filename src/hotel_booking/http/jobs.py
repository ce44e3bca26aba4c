"""Old idempotency keys are forgotten."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.http import idempotency

tasks = Blueprint()

_BATCH = 1000


@tasks.periodic(cron="37 * * * *")
@tasks.task(name="purge_keys", queue="http", pass_context=True, queueing_lock="purge_keys")
async def purge_keys(context: JobContext, timestamp: int) -> None:
    """Forget keys older than a day, a thousand a transaction, with pauses."""
    del timestamp
    pace = jobs.Pace()
    while True:
        async with jobs.database(context).transaction() as tx:
            if await idempotency.purge(tx, limit=_BATCH) < _BATCH:
                return
        await pace.rest()
