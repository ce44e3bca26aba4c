"""Messages leave the outbox; and staff are mailed the links that they asked for (guests' own domain sees to
theirs)."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from jinja2 import UndefinedError
from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.core.breaker import Breaker, BreakerOpen, breaker_of
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import link_requests, links
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.notifications import service
from hotel_booking.domains.notifications.rendering import rendered_message
from hotel_booking.domains.notifications.types import Delivery, Link, Mailer, Message, Rendered

tasks = Blueprint()
log = logging.getLogger(__name__)

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
    if message is None:
        return
    rendered: Rendered | None = None
    try:
        if _too_late(message, jobs.now(context)):
            delivery = Delivery("failed", "not sent: it had become pointless before it could go out")
        else:
            rendered = rendered_message(message, link)
    except (KeyError, UndefinedError, ValueError, TypeError) as error:
        log.exception("a message cannot be written", extra={"message_id": message_id})
        delivery = Delivery("failed", f"the message cannot be written: {type(error).__name__}")
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


@tasks.task(name="mail_reset", queue="mail", pass_context=True, retry=jobs.PATIENT)
async def mail_reset(context: JobContext, request: str) -> None:
    """Somebody has forgotten a password: where there is such a member of staff, mail a link that lets them
    choose another one."""
    now = jobs.now(context)
    async with jobs.database(context).transaction() as tx:
        asked = await link_requests.take(tx, request=request)
        if asked is None:
            return
        link = await links.ask(tx, STAFF, asked=asked.kind, email=asked.email, now=now)
        member = await accounts.by_id(tx, link.owner_id) if link is not None and link.owner_id else None
        if link is None or member is None:
            return
        await service.queue(
            tx,
            event_key=f"staff:{member.id}:password_reset:{uuid4()}",
            template="password_reset",
            language=member.language,
            recipient=member.email,
            data={"name": member.name, "link": asked.address(asked.kind, link.token)},
            staff_id=member.id,
            now=now,
        )


async def _send(mailer: Mailer, breaker: Breaker, message: Message, rendered: Rendered) -> Delivery:
    delivery = Delivery("again", "the mail server is left alone for a while")
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
