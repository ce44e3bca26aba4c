"""Messages leave the outbox, and are forgotten in the end."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from jinja2 import UndefinedError
from msgspec import structs
from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.core.breaker import Breaker, BreakerOpen, breaker_of
from hotel_booking.core.db import Transaction
from hotel_booking.domains.notifications import erasure, service
from hotel_booking.domains.notifications.rendering import rendered_message
from hotel_booking.domains.notifications.types import (
    Delivery,
    HotelAddress,
    Link,
    Mailer,
    Message,
    Rendered,
)

tasks = Blueprint()
log = logging.getLogger(__name__)

_FORGOTTEN = 1000  # messages in one transaction
_LOST_AFTER = timedelta(minutes=10)  # longer than all steps of a delivery with their time-outs


@tasks.task(name="deliver", queue="mail", pass_context=True, retry=jobs.PATIENT)
async def deliver(context: JobContext, message_id: str) -> None:
    """Try to send one message, with no transaction open meanwhile. Where no mail server is set it waits."""
    mailer: Mailer | None = jobs.resource(context, "mailer")
    if mailer is None:
        return
    db = jobs.database(context)
    link: Link = jobs.resource(context, "link")
    breaker = breaker_of(mailer, "smtp")
    if (seconds := breaker.wait()) > 0:
        # The server is down: this one waits, and no try of it is counted.
        async with db.transaction() as tx:
            at = jobs.now(context) + timedelta(seconds=seconds)
            await service.put_off(tx, message_id=UUID(message_id), at=at)
        return
    async with db.transaction() as tx:
        message = await service.begin(tx, message_id=UUID(message_id), now=jobs.now(context))
        reply_to = await _who_is_answered(context, tx, message)
    if message is None:
        return
    rendered: Rendered | None = None
    try:
        if _too_late(message, jobs.now(context)):
            delivery = Delivery("failed", "not sent: it was out of date before it could be sent")
        else:
            rendered = structs.replace(rendered_message(message, link), reply_to=reply_to)
    except (KeyError, UndefinedError, ValueError, TypeError) as error:
        # A newer release may have queued it, whose worker comes while it is rolled out.
        log.exception("a message cannot be written", extra={"message_id": message_id})
        reply = f"the message cannot be written by this release: {type(error).__name__}"
        delivery = Delivery("again", reply, unwritten=True)
    if rendered is not None:
        delivery = await _send(mailer, breaker, message, rendered)
    async with db.transaction() as tx:
        await service.finish(
            tx,
            message=message,
            subject=rendered.subject if rendered is not None else None,
            delivery=delivery,
            now=jobs.now(context),
        )


async def _who_is_answered(context: JobContext, tx: Transaction, message: Message | None) -> str | None:
    """Whom a guest reaches who answers a message about a booking: its hotel, where that has an address. What
    a guest wrote to the hotel is answered to the guest's own, which is not in it."""
    if message is None or message.booking_id is None or message.property_id is None:
        return None
    if message.template == "guest_message":
        return None
    of_hotel: HotelAddress = jobs.resource(context, "hotel_address")
    return await of_hotel(tx, message.property_id)


async def _send(mailer: Mailer, breaker: Breaker, message: Message, rendered: Rendered) -> Delivery:
    delivery = Delivery("again", "the mail server is not being contacted for a while")
    # Another may have opened it since we looked, or be the one that tries.
    with suppress(BreakerOpen, _Unreachable), breaker.asking(_Unreachable):
        delivery = await mailer.send(
            message_id=str(message.id), recipient=message.recipient, rendered=rendered
        )
        if delivery.unreachable:
            raise _Unreachable
    return delivery


class _Unreachable(Exception):
    """The mail server does not speak to us; for the breaker alone."""


def _too_late(message: Message, now: datetime) -> bool:
    expires = message.data.get("expires")
    return expires is not None and datetime.fromisoformat(expires) <= now


@tasks.periodic(cron="*/5 * * * *")
@tasks.task(name="sweep", queue="mail", pass_context=True, queueing_lock="mail_sweep")
async def sweep(context: JobContext, timestamp: int) -> None:
    """See to what killed workers left, and to messages that waited for a mail server to be set."""
    del timestamp
    if jobs.resource(context, "mailer") is None:
        return
    while True:
        async with jobs.database(context).transaction() as tx:
            found = await service.sweep(tx, now=jobs.now(context), lost_after=_LOST_AFTER, limit=500)
        if found < 500:
            return


@tasks.periodic(cron="53 3 * * *")
@tasks.task(name="forget_old", queue="mail", pass_context=True, queueing_lock="forget_old_mail")
async def forget_old(context: JobContext, timestamp: int) -> None:
    """What a message said and to whom is kept a year and a month; that one was sent stays."""
    del timestamp
    db, now, pace = jobs.database(context), jobs.now(context), jobs.Pace()
    gone = _FORGOTTEN
    while gone >= _FORGOTTEN:
        async with db.transaction() as tx:
            gone = await erasure.forget_old(tx, now=now, limit=_FORGOTTEN)
        await pace.rest()
