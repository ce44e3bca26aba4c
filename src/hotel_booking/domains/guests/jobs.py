"""What guests' accounts do by themselves: clearing away what has ended."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.guests.service import links, passkeys, sessions
from hotel_booking.domains.notifications import erasure

tasks = Blueprint()


@tasks.periodic(cron="43 * * * *")
@tasks.task(name="purge", queue="guests", pass_context=True, queueing_lock="purge_guests")
async def purge_ended(context: JobContext, timestamp: int) -> None:
    """Sessions, links and passkey challenges that open nothing any more, and the addresses of accounts that
    were told that they are erased."""
    del timestamp
    now = jobs.now(context)
    async with jobs.database(context).transaction() as tx:
        await sessions.purge(tx, now=now)
        await links.purge(tx, now=now)
        await passkeys.purge(tx, now=now)
        await erasure.forget_farewells(tx, now=now)
