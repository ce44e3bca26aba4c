"""Maintenance by the calendar, and probes that are forgotten."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import maintenance, status_probes, subscriptions, webhooks
from hotel_booking.domains.incidents.types import Refused, Unavailable
from hotel_booking.domains.notifications.types import Link

tasks = Blueprint()
log = logging.getLogger(__name__)

_PROBES_KEPT = timedelta(days=3)
_FORGOTTEN = 5000


@tasks.periodic(cron="*/10 * * * *")
@tasks.task(name="maintain", queue="incidents", pass_context=True, queueing_lock="maintain")
async def maintain(context: JobContext, timestamp: int) -> None:
    """Propose the next monthly maintenance window, and announce those whose seven days have come."""
    del timestamp
    now = jobs.now(context)
    async with jobs.database(context).transaction() as tx:
        proposed = await maintenance.propose(tx, now=now)
        announced = await maintenance.announce(tx, now=now)
    for window_id in announced:
        log.info("maintenance.announced id=%s", window_id)
    if proposed is not None:
        log.info("maintenance.proposed id=%s", proposed)


@tasks.periodic(cron="* * * * *")
@tasks.task(name="tell_subscribers", queue="incidents", pass_context=True, queueing_lock="tell_subscribers")
async def tell_subscribers(context: JobContext, timestamp: int) -> None:
    """Each minute: tell subscribers of what was published, some at a time."""
    del timestamp
    db, now, pace = jobs.database(context), jobs.now(context), jobs.Pace()
    async with db.transaction() as tx:
        await subscriptions.note_events(tx, now=now)
        await subscriptions.purge(tx, now=now)
    more = True
    while more:
        async with db.transaction() as tx:
            more = await subscriptions.tell_some(tx, now=now, say=jobs.resource(context, "say"))
        await pace.rest()


@tasks.periodic(cron="* * * * *")
@tasks.task(name="deliver_webhooks", queue="status", pass_context=True, queueing_lock="deliver_webhooks")
async def deliver_webhooks(context: JobContext, timestamp: int) -> None:
    """Each minute: tell programs what is due, several at once, with no transaction open meanwhile."""
    del timestamp
    poster: webhooks.Poster | None = jobs.resource(context, "webhooks")
    link: Link = jobs.resource(context, "link")
    if poster is None:
        return
    db = jobs.database(context)
    while True:
        async with db.transaction() as tx:
            due = await webhooks.take(tx, now=jobs.now(context))
        if not due:
            return
        await asyncio.gather(*(_deliver(db, poster, link, delivery, jobs.now(context)) for delivery in due))


async def _deliver(
    db: Database, poster: webhooks.Poster, link: Link, one: webhooks.WebhookDelivery, now: datetime
) -> None:
    path = webhooks.own_path(one.webhook_id)
    answer, problem = None, ""
    try:
        body = {**one.payload, "unsubscribe": link(path)}
        if one.event_key == webhooks.CONFIRM:
            body["secret"] = poster.secret(path)
        answer = await poster.post(path=path, url=one.url, body=body, now=now)
    except (Refused, Unavailable) as error:
        problem = str(error)
    async with db.transaction() as tx:
        await webhooks.finish(tx, one, answer=answer, problem=problem, now=now)


@tasks.periodic(cron="13 * * * *")
@tasks.task(name="forget_probes", queue="incidents", pass_context=True, queueing_lock="forget_probes")
async def forget_probes(context: JobContext, timestamp: int) -> None:
    """Single probes are kept some days, to look into; their days stay."""
    del timestamp
    db, now, pace = jobs.database(context), jobs.now(context), jobs.Pace()
    gone = _FORGOTTEN
    while gone >= _FORGOTTEN:
        async with db.transaction() as tx:
            gone = await status_probes.purge(tx, before=now - _PROBES_KEPT, limit=_FORGOTTEN)
        await pace.rest()
