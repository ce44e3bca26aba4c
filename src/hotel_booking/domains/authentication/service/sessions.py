"""Sessions: in PostgreSQL, known by a random token of which only the hash is stored."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol, TypeVar

import msgspec

from hotel_booking.core.db import Transaction, as_struct
from hotel_booking.domains.authentication import queries
from hotel_booking.domains.authentication.errors import ConfirmIdentity, SessionNotFound
from hotel_booking.domains.authentication.kinds import AccountKind
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.tokens import new_token, token_hash
from hotel_booking.domains.authentication.types import AccountHolder, CarriedSession, Level

T = TypeVar("T", bound=msgspec.Struct)
_SECOND_STEP_WITHIN = timedelta(minutes=10)
_FULL = "'full'"  # the level of a session whose table has none


class Proved(Protocol):
    """Somebody who may have proved who they are, and when they last did."""

    @property
    def confirmed_at(self) -> datetime | None:
        """When; None: never, or not completely."""


async def resolve(
    tx: Transaction, of: AccountKind, account: type[T], *, columns: str, token: str, now: datetime
) -> tuple[CarriedSession, T] | None:
    """The session of a cookie, and its account as a struct of the caller's, read by `columns` of the account
    `a`: constants of the caller's too. None where it has ended or never was. One statement by unique indexes;
    notes the use every few minutes."""
    row = await tx.fetchrow(
        f"SELECT s.id AS session_id, s.{of.owner} AS owner_id, {'s.level' if of.steps else _FULL} AS level,"
        f"       s.last_seen_at, s.expires_at, s.confirmed_at, {columns}"
        f"  FROM {of.sessions} s JOIN {of.accounts} a ON a.id = s.{of.owner}"
        f" WHERE s.token_hash = $1 AND {of.open}",
        token_hash(token),
    )
    if row is None:
        return None
    session = as_struct(CarriedSession, row)
    if session.expires_at <= now or now - session.last_seen_at > of.idle:
        return None
    if now - session.last_seen_at >= of.use_noted_every:
        await tx.execute(f"UPDATE {of.sessions} SET last_seen_at = $2 WHERE id = $1", session.session_id, now)
    return session, as_struct(account, row)


async def start(
    tx: Transaction,
    of: AccountKind,
    *,
    owner_id: int,
    visitor: Visitor,
    now: datetime,
    level: Level = "full",
    instead_of: int | None = None,
) -> str:
    """Open a session and give its token. `instead_of` is the session that this one takes the place of: a
    token never outlives a step of signing in, so one planted before is worth nothing after."""
    if instead_of is not None:
        await end(tx, of, session_id=instead_of)
    token = new_token()
    complete = level == "full"
    values: dict[str, object] = {
        "token_hash": token_hash(token),
        of.owner: owner_id,
        "created_at": now,
        "last_seen_at": now,
        "expires_at": now + (of.lifetime if complete else _SECOND_STEP_WITHIN),
        "confirmed_at": now if complete else None,
        "address": visitor.address,
        "user_agent": visitor.user_agent[:300],
        **({"level": level} if of.steps else {}),
    }
    places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
    await tx.execute(f"INSERT INTO {of.sessions} ({', '.join(values)}) VALUES ({places})", *values.values())
    if of.most_sessions is not None:
        await tx.execute(
            f"DELETE FROM {of.sessions} WHERE id IN (SELECT id FROM {of.sessions} WHERE {of.owner} = $1"
            " ORDER BY last_seen_at DESC, id DESC OFFSET $2)",
            owner_id,
            of.most_sessions,
        )
    return token


async def holder_of(tx: Transaction, of: AccountKind, *, session_id: int, owner_id: int) -> AccountHolder:
    """Whose session it is, locked, so that two steps of one session at once come one after the other; the
    second finds it ended. Raises the kind's `sign_in_required`."""
    holder = await queries.holder_by_id(tx, of, owner_id, lock=True)
    still = await tx.fetchval(f"SELECT true FROM {of.sessions} WHERE id = $1", session_id)
    if holder is None or not still:
        raise of.sign_in_required("this session has ended", fix="sign in again")
    return holder


def require_recent(of: AccountKind, proved: Proved, now: datetime) -> None:
    """Raise `ConfirmIdentity` unless they proved who they are within the last minutes: an unattended screen,
    or a stolen cookie, is not enough for what is dangerous."""
    if proved.confirmed_at is None or now - proved.confirmed_at > of.confirmed_for:
        raise ConfirmIdentity("please confirm it's you", fix="sign in again for this step")


async def end(tx: Transaction, of: AccountKind, *, session_id: int) -> None:
    """Sign one session out, for good."""
    await tx.execute(f"DELETE FROM {of.sessions} WHERE id = $1", session_id)


async def end_all(tx: Transaction, of: AccountKind, *, owner_id: int, but: int | None = None) -> int:
    """Sign somebody out everywhere, but for one session where named. How many were open."""
    return await tx.execute(
        f"DELETE FROM {of.sessions} WHERE {of.owner} = $1 AND id IS DISTINCT FROM $2", owner_id, but
    )


async def end_own(tx: Transaction, of: AccountKind, *, owner_id: int, session_id: int) -> None:
    """Sign one of somebody's own sessions out. Raises `SessionNotFound` for anybody else's."""
    if not await tx.execute(
        f"DELETE FROM {of.sessions} WHERE id = $1 AND {of.owner} = $2", session_id, owner_id
    ):
        raise SessionNotFound("there is no such session; it may have expired")


async def purge(tx: Transaction, of: AccountKind, *, now: datetime) -> int:
    """Remove the sessions that have ended by themselves."""
    return await tx.execute(
        f"DELETE FROM {of.sessions} WHERE expires_at <= $1 OR last_seen_at < $2", now, now - of.idle
    )
