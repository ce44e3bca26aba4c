"""What staff are mailed by themselves: the links that they asked for (guests' own domain sees to theirs)."""

from __future__ import annotations

from uuid import uuid4

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import link_requests, links
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.notifications import service

tasks = Blueprint()


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
        member = await accounts.staff_by_id(tx, link.owner_id) if link is not None and link.owner_id else None
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
