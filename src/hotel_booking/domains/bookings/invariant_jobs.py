"""The hourly check of what must always be true."""

from __future__ import annotations

import logging
from datetime import timedelta

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.bookings import invariant_results

tasks = Blueprint()
log = logging.getLogger(__name__)

_EVERY = timedelta(minutes=55)
_PRICES_AT = 3  # o'clock, UTC: recomputing every price takes minutes of a core in a large group
_KEPT = timedelta(days=90)
_FORGOTTEN = 1000


# Looked at often, so that a platform that was just started has not to wait for the hour to say anything.
@tasks.periodic(cron="*/5 * * * *")
@tasks.task(name="check_invariants", queue="invariants", pass_context=True, queueing_lock="check_invariants")
async def check_invariants(context: JobContext, timestamp: int) -> None:
    """Once an hour: check the invariants, and keep what was found."""
    del timestamp
    db, now = jobs.database(context), jobs.now(context)
    async with db.reading() as tx:
        last = await invariant_results.latest(tx)
    if last is not None and last.finished_at > now - _EVERY:
        return
    found = await invariant_results.run(db, prices=now.hour == _PRICES_AT, now=now)
    broken = {name: count for name, count in found.differences.items() if count}
    if broken:
        log.critical("invariants.broken %s", broken)
    async with db.transaction() as tx:
        await invariant_results.purge(tx, before=now - _KEPT, limit=_FORGOTTEN)
