"""Refunds on their way, the daily comparison with the gateways, and notices that are old."""

from __future__ import annotations

from uuid import UUID

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.payments import notices
from hotel_booking.domains.payments.reconcile import WINDOW
from hotel_booking.domains.payments.reconcile import reconcile as compare
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
@tasks.task(name="reconcile", queue="payments", pass_context=True, queueing_lock="reconcile")
async def reconcile(context: JobContext, timestamp: int = 0) -> None:
    """Compare the last weeks' payments with the gateways' own lists, and store every difference."""
    del timestamp
    now = jobs.now(context)
    db, gateways = jobs.database(context), jobs.resource(context, "gateways")
    await compare(db, gateways, since=now - WINDOW, until=now, now=now)


@tasks.periodic(cron="41 4 * * *")
@tasks.task(name="purge_notices", queue="payments", pass_context=True, queueing_lock="purge_notices")
async def purge_notices(context: JobContext, timestamp: int) -> None:
    """What gateways told is kept for three months, then forgotten."""
    del timestamp
    now = jobs.now(context)
    async with jobs.database(context).transaction() as tx:
        await notices.purge(tx, before=now - notices.KEPT)
