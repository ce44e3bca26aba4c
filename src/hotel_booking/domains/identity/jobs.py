"""What identity does by itself: clearing away what has ended, and chaining the audit log."""

from __future__ import annotations

from pathlib import Path

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.identity import audit_chain, spooled
from hotel_booking.domains.identity.service.purge import purge

tasks = Blueprint()


@tasks.periodic(cron="37 * * * *")
@tasks.task(name="purge", queue="identity", pass_context=True, queueing_lock="purge_identity")
async def purge_ended(context: JobContext, timestamp: int) -> None:
    """Sessions, links, passkey challenges and counted failures that open or count for nothing any more."""
    del timestamp
    async with jobs.database(context).transaction() as tx:
        await purge(tx, now=jobs.now(context))


@tasks.periodic(cron="* * * * *")
@tasks.task(name="seal", queue="identity", pass_context=True, queueing_lock="seal_audit_log")
async def seal(context: JobContext, timestamp: int) -> None:
    """Store what operations noted on disk, then chain what is not chained yet, some thousands a
    transaction."""
    del timestamp
    db = jobs.database(context)
    await spooled.drain(db, Path(jobs.resource(context, "spool_dir")))
    while True:
        async with db.transaction() as tx:
            if not await audit_chain.seal(tx):
                return
