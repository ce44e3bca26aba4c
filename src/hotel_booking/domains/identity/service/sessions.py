"""Sessions of staff: in PostgreSQL, known by a random token of which only the hash is stored."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.errors import SessionNotFound
from hotel_booking.domains.authentication.tokens import token_hash
from hotel_booking.domains.identity import queries
from hotel_booking.domains.identity.caller import ANONYMOUS, Caller, Grant
from hotel_booking.domains.identity.permissions import STRONG_ROLES, Role

LIFETIME = timedelta(hours=12)
IDLE = timedelta(hours=2)
_SECOND_STEP_WITHIN = timedelta(minutes=10)
_SEEN_NOTED_EVERY = timedelta(minutes=1)


class Session(msgspec.Struct, frozen=True):
    """A session that a request carries. Until `level` is full, `caller` is nobody: a factor is owed."""

    id: int
    staff_id: int
    level: Literal["password", "full"]
    caller: Caller
    email: str
    name: str
    language: str


async def resolve(tx: Transaction, *, token: str, now: datetime, mfa_required: bool) -> Session | None:
    """The session of a cookie; None where it has ended or never was. Notes its use once a minute."""
    row = await queries.session_by_hash(tx, token_hash(token))
    if row is None or row["expires_at"] <= now or now - row["last_seen_at"] > IDLE or not row["active"]:
        return None
    if now - row["last_seen_at"] >= _SEEN_NOTED_EVERY:
        await tx.execute("UPDATE staff_session SET last_seen_at = $2 WHERE id = $1", row["id"], now)
    grants = tuple(Grant(Role(role), number, slug) for role, number, slug in row["grants"])
    caller = ANONYMOUS
    if row["level"] == "full":
        caller = Caller(
            kind="staff",
            name=row["name"],
            staff_id=row["staff_id"],
            session_id=row["id"],
            grants=grants,
            confirmed_at=row["confirmed_at"],
            enrol=mfa_required
            and not row["second_factor"]
            and any(grant.role in STRONG_ROLES for grant in grants),
        )
    return Session(
        id=row["id"],
        staff_id=row["staff_id"],
        level=row["level"],
        caller=caller,
        email=row["email"],
        name=row["name"],
        language=row["language"],
    )


async def start(
    tx: Transaction,
    *,
    staff_id: int,
    level: Literal["password", "full"],
    now: datetime,
    address: str,
    user_agent: str,
    instead_of: int | None = None,
) -> str:
    """Open a session and give its token. `instead_of` is the session that this one takes the place of: a
    token never outlives a step of signing in, so one planted before is worth nothing after."""
    if instead_of is not None:
        await end(tx, session_id=instead_of)
    token = secrets.token_urlsafe(32)
    await tx.execute(
        "INSERT INTO staff_session (token_hash, staff_id, level, created_at, last_seen_at, expires_at,"
        "                           confirmed_at, address, user_agent)"
        " VALUES ($1, $2, $3, $4, $4, $5, $6, $7, $8)",
        token_hash(token),
        staff_id,
        level,
        now,
        now + (LIFETIME if level == "full" else _SECOND_STEP_WITHIN),
        now if level == "full" else None,
        address,
        user_agent[:300],
    )
    return token


async def end(tx: Transaction, *, session_id: int) -> None:
    """Sign one session out, for good."""
    await tx.execute("DELETE FROM staff_session WHERE id = $1", session_id)


async def end_all(tx: Transaction, *, staff_id: int, but: int | None = None) -> int:
    """Sign a member of staff out everywhere, but for one session where named. How many were open."""
    return await tx.execute(
        "DELETE FROM staff_session WHERE staff_id = $1 AND id IS DISTINCT FROM $2", staff_id, but
    )


async def end_own(tx: Transaction, *, staff_id: int, session_id: int) -> None:
    """Sign one of the member's own sessions out. Raises `SessionNotFound` for anybody else's."""
    if not await tx.execute(
        "DELETE FROM staff_session WHERE id = $1 AND staff_id = $2", session_id, staff_id
    ):
        raise SessionNotFound("there is no such session; it may have ended by itself")


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Remove the sessions that have ended by themselves."""
    return await tx.execute(
        "DELETE FROM staff_session WHERE expires_at <= $1 OR last_seen_at < $2", now, now - IDLE
    )
