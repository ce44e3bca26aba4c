"""Guests with accounts for tests, and the links that they are mailed."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, as_struct
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.queries import holder_by_email
from hotel_booking.domains.authentication.service import links
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.tokens import token_hash
from hotel_booking.domains.guests import queries
from hotel_booking.domains.guests.service import register
from hotel_booking.domains.guests.service.register import NewAccount, OpenedAccount
from hotel_booking.domains.guests.types import Account, GuestSession

EMAIL = "ana@example.com"
PASSWORD = "ochre lantern gravel tide"
HERE = Visitor("203.0.113.7", "203.0.113.7", "Mozilla/5.0 (X11; Linux) Firefox/140.0")


async def opened(
    db: Database, email: str = EMAIL, *, password: str = PASSWORD, now: datetime | None = None
) -> OpenedAccount:
    """An account of this address, and the session that it was opened with."""
    now = now or utc_now()
    async with db.transaction() as tx:
        asked = await links.ask(tx, GUESTS, asked="register", email=email, now=now)
    assert asked is not None
    return await register.open_account(
        db,
        token=asked.token,
        new=NewAccount("en", "Ana", "Example", password),
        visitor=HERE,
        instead_of=None,
        now=now,
    )


async def account_of(db: Database, email: str = EMAIL) -> Account | None:
    """The account as it stands."""
    async with db.transaction() as tx:
        holder = await holder_by_email(tx, GUESTS, email)
        return await queries.account_by_id(tx, holder.id) if holder is not None else None


async def session_of(db: Database, token: str) -> GuestSession:
    """The session of a token, however old."""
    async with db.transaction() as tx:
        row = await tx.fetchrow(
            f"SELECT s.id AS session_id, s.confirmed_at, {queries.ACCOUNT} FROM guest_session s"
            "  JOIN guest_account a ON a.id = s.account_id WHERE s.token_hash = $1",
            token_hash(token),
        )
    assert row is not None
    return GuestSession(row["session_id"], as_struct(Account, row), row["confirmed_at"])
