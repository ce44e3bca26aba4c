"""What guests' accounts do by themselves: mailing the links that were asked for, forgetting who was told that
they are erased."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import link_requests, links
from hotel_booking.domains.guests import mail, queries
from hotel_booking.domains.notifications import erasure

tasks = Blueprint()


@tasks.periodic(cron="43 * * * *")
@tasks.task(name="purge", queue="guests", pass_context=True, queueing_lock="purge_guests")
async def purge_farewells(context: JobContext, timestamp: int) -> None:
    """The addresses of accounts that were told that they are erased."""
    del timestamp
    async with jobs.database(context).transaction() as tx:
        await erasure.forget_farewells(tx, now=jobs.now(context))


@tasks.task(name="mail_link", queue="guests", pass_context=True, retry=jobs.PATIENT)
async def mail_link(context: JobContext, request: str) -> None:
    """A link was asked for: mail it, where the address has an account, or wants one."""
    now = jobs.now(context)
    async with jobs.database(context).transaction() as tx:
        asked = await link_requests.take(tx, request=request)
        if asked is None:
            return
        link = await links.ask(tx, GUESTS, asked=asked.kind, email=asked.email, now=now)
        if link is None:
            return
        address = asked.address(link.kind, link.token)
        account = await queries.account_by_id(tx, link.owner_id) if link.owner_id is not None else None
        if account is None:
            await mail.send_verify(tx, email=asked.email, language=asked.language, link=address, now=now)
        else:
            why = "registered" if asked.kind == "register" else asked.kind
            await mail.send_sign_in(tx, account, language=asked.language, link=address, why=why, now=now)
