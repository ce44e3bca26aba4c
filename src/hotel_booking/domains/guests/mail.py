"""What guests are told about their accounts by mail. Addresses of links are the caller's: where
pages are is not known here."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from hotel_booking.core.db import Transaction
from hotel_booking.domains.guests.types import Account
from hotel_booking.domains.notifications import service


async def send_verify(tx: Transaction, *, email: str, language: str, link: str, now: datetime) -> None:
    """The link that proves an address: it opens an account, or becomes the address of one."""
    await service.queue(
        tx,
        event_key=f"guest:verify:{uuid4()}",
        template="guest_verify",
        language=language,
        recipient=email,
        data={"link": link},
        now=now,
    )


async def send_sign_in(
    tx: Transaction, account: Account, *, language: str, link: str, why: str, now: datetime
) -> None:
    """A link to sign in by. `why`: sign_in, registered (somebody wanted a second account), password."""
    await service.queue(
        tx,
        event_key=f"guest:sign_in:{uuid4()}",
        template="guest_sign_in",
        language=language,
        recipient=account.email,
        data={"name": account.name, "link": link, "why": why},
        now=now,
    )


async def send_notice(
    tx: Transaction, account: Account, *, what: str, now: datetime, to: str | None = None
) -> None:
    """That something changed which only its owner should change. `what` is a line of the templates' notices;
    `to` is another address than the account's, such as the one that it had before."""
    await service.queue(
        tx,
        event_key=f"guest:{account.id}:{what}:{uuid4()}",
        template="guest_notice",
        language=account.language,
        recipient=to or account.email,
        data={"name": account.name, "what": what, "at": now.isoformat()},
        now=now,
    )


async def send_erased(tx: Transaction, account: Account, *, bookings: int, now: datetime) -> None:
    """The last mail of an account. Its address is forgotten once it is sent (`notifications.erasure`)."""
    await service.queue(
        tx,
        event_key=f"guest:erased:{uuid4()}",
        template="guest_erased",
        language=account.language,
        recipient=account.email,
        data={"bookings": bookings},
        now=now,
    )
