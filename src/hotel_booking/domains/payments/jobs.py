"""Refunds on their way, the daily comparison with the gateways, and notices that are old."""

from __future__ import annotations

from uuid import UUID

from procrastinate import Blueprint, JobContext

from hotel_booking.core import job_queue, jobs
from hotel_booking.domains.payments import notices
from hotel_booking.domains.payments.reconcile import WINDOW, compare_one, listing_gateways
from hotel_booking.domains.payments.refunds import give_refunds

tasks = Blueprint()


@tasks.task(name="refund", queue="payments", pass_context=True, retry=jobs.PATIENT)
async def refund(context: JobContext, refund_id: str) -> None:
    """Send one refund to the gateway."""
    gateways = jobs.resource(context, "gateways")
    await give_refunds(jobs.database(context), gateways, now=jobs.now(context), refund_id=UUID(refund_id))


@tasks.periodic(cron="*/5 * * * *")
@tasks.task(name="sweep_refunds", queue="payments", pass_context=True, queueing_lock="sweep_refunds")
async def sweep_refunds(context: JobContext, timestamp: int) -> None:
    """Send every refund that is still due."""
    del timestamp
    await give_refunds(jobs.database(context), jobs.resource(context, "gateways"), now=jobs.now(context))


@tasks.periodic(cron="35 3 * * *")
@tasks.task(name="reconcile", queue="reconciliation", pass_context=True, queueing_lock="reconcile")
async def reconcile(context: JobContext, timestamp: int = 0) -> None:
    """Have the last weeks' payments compared with each gateway's own list: a job for each, so that one that
    does not answer keeps no other from it."""
    del timestamp
    async with jobs.database(context).transaction() as tx:
        for gateway in listing_gateways(jobs.resource(context, "gateways")):
            await job_queue.enqueue(
                tx, queue="reconciliation", task="payments:reconcile_one", gateway=gateway.name
            )


@tasks.task(name="reconcile_one", queue="reconciliation", pass_context=True, retry=jobs.PATIENT)
async def reconcile_one(context: JobContext, gateway: str) -> None:
    """Compare with one gateway's list, and store every difference. Repeated for a day while the gateway does
    not answer; nothing is stored of a comparison that could not be finished."""
    now = jobs.now(context)
    db, gateways = jobs.database(context), jobs.resource(context, "gateways")
    await compare_one(db, gateways.of(gateway), since=now - WINDOW, until=now, now=now)


@tasks.periodic(cron="41 4 * * *")
@tasks.task(name="purge_notices", queue="payments", pass_context=True, queueing_lock="purge_notices")
async def purge_notices(context: JobContext, timestamp: int) -> None:
    """What gateways told is kept for three months, then forgotten."""
    del timestamp
    now = jobs.now(context)
    async with jobs.database(context).transaction() as tx:
        await notices.purge(tx, before=now - notices.KEPT)
