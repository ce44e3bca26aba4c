"""Refunds on their way: each by its own job, and a sweep for those whose job was lost."""

from __future__ import annotations

from uuid import UUID

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
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
