"""Incidents by the clock, and what PagerDuty and Slack are told."""

from __future__ import annotations

import logging
from datetime import timedelta

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.core.breaker import BreakerOpen, breaker_of
from hotel_booking.core.job_queue import enqueue
from hotel_booking.core.sweeps import each
from hotel_booking.domains.incidents import queries, service
from hotel_booking.domains.incidents.service import outbox
from hotel_booking.domains.incidents.types import Chat, Delivery, Pager, Refused, Unavailable

tasks = Blueprint()
log = logging.getLogger(__name__)

_LOST_AFTER = timedelta(minutes=5)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="watch", queue="incidents", pass_context=True, queueing_lock="watch_incidents")
async def watch(context: JobContext, timestamp: int) -> None:
    """Each minute: what each lasting incident's clocks say, and deliveries whose job a killed worker took
    with it."""
    del timestamp
    db, now = jobs.database(context), jobs.now(context)
    async with db.reading() as tx:
        lasting = await queries.unresolved(tx)

    async def look(incident_id: int) -> None:
        async with db.transaction() as tx:
            await service.watch(tx, incident_id=incident_id, now=now)

    await each("incidents", lasting, look)
    async with db.transaction() as tx:
        for incident_id in await outbox.overdue(tx, before=now - _LOST_AFTER):
            await enqueue(tx, queue="incidents", task="incidents:deliver", incident_id=str(incident_id))


@tasks.task(name="deliver", queue="incidents", pass_context=True, retry=jobs.PATIENT)
async def deliver(context: JobContext, incident_id: str) -> None:
    """Tell PagerDuty and Slack what waits to be told of an incident, with no transaction open meanwhile."""
    db = jobs.database(context)
    while True:
        async with db.transaction() as tx:
            delivery = await outbox.take(tx, int(incident_id), now=jobs.now(context))
        if delivery is None:
            return
        failed: str | None = None
        again: Unavailable | None = None
        told = True
        try:
            told = await _tell(context, delivery)
        except Refused as error:
            failed = str(error)
            log.warning("incidents.refused target=%s reason=%s", delivery.target, error)
        except Unavailable as error:
            again = error
        except BreakerOpen as error:
            again = Unavailable(f"{error.party} does not answer and is left alone", after=error.seconds)
        async with db.transaction() as tx:
            now = jobs.now(context)
            if failed is not None:
                await outbox.given_up(tx, delivery, reason=failed)
            elif again is not None:
                await outbox.not_sent(tx, delivery, reason=str(again), now=now, after=again.after)
            elif told:
                await outbox.sent(tx, delivery, now=now)
            else:
                await outbox.drop(tx, delivery)


async def _tell(context: JobContext, delivery: Delivery) -> bool:
    """Whether it was told; False where nobody need be."""
    if delivery.target == "pagerduty":
        pager: Pager | None = jobs.resource(context, "pager")
        if pager is None:
            raise Refused("PagerDuty is not set up (HOTEL_PAGERDUTY_KEY)")
        secondary = delivery.key.endswith(outbox.SECONDARY)
        if secondary and not pager.wakes_secondary:
            return False
        with breaker_of(pager, "pagerduty").asking(Unavailable):
            await pager.send(
                act=delivery.act,
                key=delivery.key,
                payload=delivery.payload,
                secondary=secondary,
            )
        return True
    chat: Chat | None = jobs.resource(context, "chat")
    if chat is None:
        raise Refused("Slack is not set up (HOTEL_SLACK_TOKEN)")
    with breaker_of(chat, "slack").asking(Unavailable):
        await chat.post(
            channel=delivery.key,
            text=str(delivery.payload.get("text", "")),
            incident_id=delivery.incident_id if delivery.payload.get("link") else None,
        )
    return True
