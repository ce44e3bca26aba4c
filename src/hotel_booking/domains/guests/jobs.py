"""What guests' accounts do by themselves: mailing the links that were asked for, clearing away what has
ended."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.authentication.service import link_requests
from hotel_booking.domains.guests import mail
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


@tasks.task(name="mail_link", queue="guests", pass_context=True, retry=jobs.PATIENT)
async def mail_link(context: JobContext, request: str) -> None:
    """A link was asked for: mail it, where the address has an account, or wants one."""
    now = jobs.now(context)
    async with jobs.database(context).transaction() as tx:
        asked_for = await link_requests.take(tx, request=request)
        if asked_for is None:
            return
        link = await links.ask(tx, kind=asked_for.kind, email=asked_for.email, now=now)
        if link is None:
            return
        address = asked_for.address(link.kind, link.token)
        if link.account is None:
            await mail.send_verify(
                tx, email=asked_for.email, language=asked_for.language, link=address, now=now
            )
        else:
            why = "registered" if asked_for.kind == "register" else asked_for.kind
            await mail.send_sign_in(
                tx, link.account, language=asked_for.language, link=address, why=why, now=now
            )
