"""What the audit log does by itself: taking in what operations noted on disk, and chaining its entries."""

from __future__ import annotations

from pathlib import Path

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.audit import chain, spooled

tasks = Blueprint()


@tasks.periodic(cron="* * * * *")
@tasks.task(name="seal", queue="identity", pass_context=True, queueing_lock="seal_audit_log")
async def seal(context: JobContext, timestamp: int) -> None:
    """Store what operations noted on disk, then chain what is not chained yet, some hundreds a transaction,
    with pauses: no sale waits for a burst."""
    del timestamp
    db = jobs.database(context)
    await spooled.drain(db, Path(jobs.resource(context, "spool_dir")))
    await chain.seal(db, pause=jobs.Pace().rest)
