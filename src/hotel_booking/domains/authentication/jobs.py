"""What authentication does by itself: clearing away what has ended."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.authentication.service.purge import purge

tasks = Blueprint()


@tasks.periodic(cron="37 * * * *")
@tasks.task(name="purge", queue="identity", pass_context=True, queueing_lock="purge_identity")
async def purge_ended(context: JobContext, timestamp: int) -> None:
    """Sessions, links, passkey challenges and counted failures that open or count for nothing any more."""
    del timestamp
    async with jobs.database(context).transaction() as tx:
        await purge(tx, now=jobs.now(context))
