"""Holds that lapse and payments that a crash left open."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.bookings import mail, queries, service

tasks = Blueprint()

_ABANDONED = timedelta(minutes=1)  # longer than any gateway call may take
_KEPT_QUOTES = timedelta(days=7)
_BEFORE_ARRIVAL = timedelta(days=3)


@tasks.task(name="lapse", queue="bookings", pass_context=True, retry=jobs.PATIENT)
async def lapse(context: JobContext, booking_id: str) -> None:
    """Give one hold's nights back. A hold that a payment has prolonged is left to the sweep."""
    async with jobs.database(context).transaction() as tx:
        await service.lapse(tx, booking_id=UUID(booking_id), now=jobs.now(context))


@tasks.periodic(cron="* * * * *")
@tasks.task(name="sweep", queue="bookings", pass_context=True, queueing_lock="sweep")
async def sweep(context: JobContext, timestamp: int) -> None:
    """Finish or undo undecided payments, then give back every hold that has expired. One transaction a
    booking, so a large backlog neither locks nor grows memory."""
    del timestamp
    db, now = jobs.database(context), jobs.now(context)
    await service.finish_undecided(db, jobs.resource(context, "gateway"), now=now, older_than=_ABANDONED)
    while True:
        async with db.transaction() as tx:
            expired = await queries.expired_holds(tx, now=now, limit=200)
        for booking_id in expired:
            async with db.transaction() as tx:
                await service.lapse(tx, booking_id=booking_id, now=now)
        if len(expired) < 200:
            return


@tasks.periodic(cron="17 * * * *")
@tasks.task(name="purge_quotes", queue="bookings", pass_context=True, queueing_lock="purge_quotes")
async def purge_quotes(context: JobContext, timestamp: int) -> None:
    """Quotes that nobody booked are kept a week, then forgotten."""
    del timestamp
    async with jobs.database(context).transaction() as tx:
        await queries.purge_quotes(tx, before=jobs.now(context) - _KEPT_QUOTES)


@tasks.periodic(cron="23 * * * *")
@tasks.task(name="before_arrival", queue="bookings", pass_context=True, queueing_lock="before_arrival")
async def before_arrival(context: JobContext, timestamp: int) -> None:
    """Tell guests who booked a while ago that their stay begins in three days. One transaction a booking."""
    del timestamp
    db, now = jobs.database(context), jobs.now(context)
    while True:
        async with db.transaction() as tx:
            soon = await queries.arriving_untold(
                tx, until=now.date() + _BEFORE_ARRIVAL, booked_before=now - _BEFORE_ARRIVAL, limit=200
            )
        for booking_id in soon:
            async with db.transaction() as tx:
                await mail.before_arrival(tx, await queries.booking_by_id(tx, booking_id), now=now)
        if len(soon) < 200:
            return
