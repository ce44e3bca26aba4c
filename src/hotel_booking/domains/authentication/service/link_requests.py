"""A link by mail is asked for: noted, and looked into by a job.

Whether there is an account must not be told by the time of the answer. So the request does the same for all,
and whoever drains this table (`bookings`, `guests`, `notifications`) looks up the account, makes the link
and writes the mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from hotel_booking.core import job_queue
from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_keys
from hotel_booking.domains.authentication.service import lockout

Kind = Literal["staff_password", "sign_in", "register", "password", "bookings"]
TOKEN = "{token}"  # noqa: S105  # where it goes in an address
_QUEUES: dict[Kind, tuple[str, str]] = {
    "staff_password": ("mail", "notifications:mail_reset"),
    "sign_in": ("guests", "guests:mail_link"),
    "register": ("guests", "guests:mail_link"),
    "password": ("guests", "guests:mail_link"),
    "bookings": ("bookings", "bookings:mail_list"),
}


class LinkRequest(msgspec.Struct, frozen=True):
    """What was asked for. `pages` are the addresses that its links may lead to, by the kind of link, with
    `{token}` in them."""

    kind: Kind
    email: str
    language: str
    pages: dict[str, str]

    def address(self, page: str, token: str) -> str:
        """The whole link to a page."""
        return self.pages[page].replace(TOKEN, token)


async def note(
    tx: Transaction, *, kind: Kind, email: str, language: str, pages: Mapping[str, str], now: datetime
) -> None:
    """Note it and have the job run after the commit: the same statements whoever asks. Who has asked for the
    very same half a minute ago has its mail already, or will in a moment: nothing is noted."""
    what = msgspec.json.encode((kind, *email_keys(email)[:1], language, pages), order="sorted").decode()
    if await lockout.asked_lately(tx, what=what, now=now):
        return
    number: int = await tx.fetchval(
        "INSERT INTO link_request (kind, email, language, pages, asked_at) VALUES ($1, $2, $3, $4, $5)"
        " RETURNING id",
        kind,
        email,
        language,
        dict(pages),
        now,
    )
    queue, task = _QUEUES[kind]
    await job_queue.enqueue(tx, queue=queue, task=task, request=str(number))


async def take(tx: Transaction, *, request: str) -> LinkRequest | None:
    """The request, which is gone from the table once this transaction is committed; None where it was seen to
    already."""
    row = await tx.fetchrow(
        "DELETE FROM link_request WHERE id = $1 RETURNING kind, email, language, pages", int(request)
    )
    return LinkRequest(**dict(row)) if row is not None else None
