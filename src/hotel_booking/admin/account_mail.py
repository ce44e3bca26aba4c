"""What the owner of an account is told by mail: a link for a new password, and that it was locked."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from hotel_booking.admin.staff_mail import send_notice
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.errors import FailedAttempt
from hotel_booking.domains.notifications import service as mail


async def send_reset(
    tx: Transaction, member: Staff, token: str, *, settings: Settings, now: datetime
) -> None:
    """The link that lets somebody choose another password, within the hour."""
    await mail.queue(
        tx,
        event_key=f"staff:{member.id}:password_reset:{uuid4()}",
        template="password_reset",
        language=member.language,
        recipient=member.email,
        data={"name": member.name, "link": f"{settings.public_url}/admin/password/{token}"},
        staff_id=member.id,
        now=now,
    )


async def tell_if_locked(database: Database, error: Exception, *, now: datetime) -> None:
    """Where a failed attempt has just locked an account, its owner hears of it: once, not for each failure
    after."""
    if not isinstance(error, FailedAttempt) or error.locked is None:
        return
    async with database.transaction() as tx:
        member = await accounts.by_id(tx, error.locked)
        if member is not None:
            await send_notice(tx, member, what="locked", now=now)
