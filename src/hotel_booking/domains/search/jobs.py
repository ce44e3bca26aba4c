"""Forgetting changes that everybody who follows has read."""

from __future__ import annotations

from datetime import timedelta

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.search.index import changes

KEPT = timedelta(hours=2)  # who was away for longer loads everything again, which takes seconds
_AT_ONCE = 5_000

tasks = Blueprint()


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="forget_changes", queue="search", pass_context=True, queueing_lock="forget_changes")
async def forget_changes(context: JobContext, timestamp: int = 0) -> None:
    """Delete old changes, some thousands in a transaction."""
    del timestamp
    database, now = jobs.database(context), jobs.now(context)
    async with database.transaction() as tx:
        await changes.mark_purged(tx, now=now, before=now - KEPT)
    deleted, pace = _AT_ONCE, jobs.Pace()
    while deleted == _AT_ONCE:
        async with database.transaction() as tx:
            deleted = await changes.forget(tx, limit=_AT_ONCE)
        await pace.rest()
