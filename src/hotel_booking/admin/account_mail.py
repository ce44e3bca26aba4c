"""What the owner of an account is told by mail, whoever did it: that sign-ins failed in their name, that
a recovery code was used."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.admin.staff_mail import send_notice
from hotel_booking.core.db import Database
from hotel_booking.domains.authentication.errors import FailedAttempt
from hotel_booking.domains.identity import accounts


async def tell_if_locked(database: Database, error: Exception, *, now: datetime) -> None:
    """Where a failed attempt has just locked an account, its owner hears of it: once, not for each failure
    after."""
    if not isinstance(error, FailedAttempt) or error.locked is None:
        return
    await tell(database, error.locked, "locked", now=now)


async def tell(database: Database, staff_id: int, what: str, *, now: datetime) -> None:
    """The owner of an account hears what happened to it."""
    async with database.transaction() as tx:
        member = await accounts.staff_by_id(tx, staff_id)
        if member is not None:
            await send_notice(tx, member, what=what, now=now)
