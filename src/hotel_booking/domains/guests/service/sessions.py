"""Sessions of guests: in PostgreSQL, known by a random token of which only the hash is stored."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.errors import ConfirmIdentity, SessionNotFound
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.tokens import token_hash
from hotel_booking.domains.guests import queries
from hotel_booking.domains.guests.types import GuestSession

LIFETIME = timedelta(days=30)
IDLE = timedelta(days=14)
CONFIRMED_FOR = timedelta(minutes=15)
_SEEN_NOTED_EVERY = timedelta(minutes=5)
_MOST = 50  # of one account: the longest unused ones end


async def resolve(tx: Transaction, *, token: str, now: datetime) -> GuestSession | None:
    """The session of a cookie; None where it has ended or never was. Notes its use every few minutes."""
    found = await queries.session_by_hash(tx, token_hash(token))
    if found is None:
        return None
    row, session = found
    if row["expires_at"] <= now or now - row["last_seen_at"] > IDLE:
        return None
    if now - row["last_seen_at"] >= _SEEN_NOTED_EVERY:
        await tx.execute("UPDATE guest_session SET last_seen_at = $2 WHERE id = $1", session.id, now)
    return session


async def start(
    tx: Transaction, *, account_id: int, visitor: Visitor, now: datetime, instead_of: int | None = None
) -> str:
    """Open a session and give its token. `instead_of` is the session that this one takes the place of: a
    token never outlives a sign-in, so one planted before is worth nothing after."""
    if instead_of is not None:
        await end(tx, session_id=instead_of)
    token = secrets.token_urlsafe(32)
    await tx.execute(
        "INSERT INTO guest_session (token_hash, account_id, created_at, last_seen_at, expires_at,"
        "                           confirmed_at, address, user_agent)"
        " VALUES ($1, $2, $3, $3, $4, $3, $5, $6)",
        token_hash(token),
        account_id,
        now,
        now + LIFETIME,
        visitor.address,
        visitor.user_agent[:300],
    )
    await tx.execute(
        "DELETE FROM guest_session WHERE id IN (SELECT id FROM guest_session WHERE account_id = $1"
        " ORDER BY last_seen_at DESC, id DESC OFFSET $2)",
        account_id,
        _MOST,
    )
    return token


def require_recent(session: GuestSession, now: datetime) -> None:
    """Raise `ConfirmIdentity` unless the guest proved who they are within the last minutes: a telephone left
    lying about, or a stolen cookie, is not enough for what is dangerous."""
    if now - session.confirmed_at > CONFIRMED_FOR:
        raise ConfirmIdentity("please prove that it is you", fix="sign in again for this step")


async def end(tx: Transaction, *, session_id: int) -> None:
    """Sign one session out, for good."""
    await tx.execute("DELETE FROM guest_session WHERE id = $1", session_id)


async def end_all(tx: Transaction, *, account_id: int, but: int | None = None) -> int:
    """Sign a guest out everywhere, but for one session where named. How many were open."""
    return await tx.execute(
        "DELETE FROM guest_session WHERE account_id = $1 AND id IS DISTINCT FROM $2", account_id, but
    )


async def end_own(tx: Transaction, *, account_id: int, session_id: int) -> None:
    """Sign one of the guest's own sessions out. Raises `SessionNotFound` for anybody else's."""
    if not await tx.execute(
        "DELETE FROM guest_session WHERE id = $1 AND account_id = $2", session_id, account_id
    ):
        raise SessionNotFound("there is no such session; it may have ended by itself")


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Remove the sessions that have ended by themselves."""
    return await tx.execute(
        "DELETE FROM guest_session WHERE expires_at <= $1 OR last_seen_at < $2", now, now - IDLE
    )
