"""Reading accounts, of whichever kind, as far as signing in asks; their sessions and passkeys."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.core.email_address import email_keys
from hotel_booking.domains.authentication.kinds import AccountKind
from hotel_booking.domains.authentication.types import AccountHolder, OpenSession, Passkey

_COMPLETE = " AND level = 'full'"


async def holder_by_email(tx: Transaction, of: AccountKind, email: str) -> AccountHolder | None:
    """The account of an address, in whatever form it is written; None where it may not be entered."""
    return await _holder(tx, of, "a.email = ANY ($1::text[]) ORDER BY a.id LIMIT 1", email_keys(email))


async def holder_by_id(
    tx: Transaction, of: AccountKind, owner_id: int, *, lock: bool = False
) -> AccountHolder | None:
    """An account by its number, None where it may not be entered; locked until the transaction ends where
    asked."""
    if lock:
        # Its own statement: what a locking read joins may be older than what it waited for.
        await tx.execute(f"SELECT FROM {of.accounts} WHERE id = $1 FOR NO KEY UPDATE", owner_id)
    return await _holder(tx, of, "a.id = $1", owner_id)


async def _holder(tx: Transaction, of: AccountKind, condition: str, value: object) -> AccountHolder | None:
    return await tx.fetchrow_as(
        AccountHolder,
        f"SELECT a.id, a.email, a.password_hash, {of.about} AS about,"
        f"       CASE WHEN {of.second_factor} THEN 'password' ELSE 'full' END AS level"
        f"  FROM {of.accounts} a WHERE {of.open} AND {condition}",
        value,
    )


async def passkeys(tx: Transaction, of: AccountKind, owner_id: int) -> list[Passkey]:
    """An account's passkeys, oldest first."""
    return await tx.fetch_as(
        Passkey,
        f"SELECT id, name, created_at, last_used_at FROM {of.passkeys} WHERE {of.owner} = $1 ORDER BY id",
        owner_id,
    )


async def open_sessions(
    tx: Transaction, of: AccountKind, owner_id: int, *, now: datetime
) -> list[OpenSession]:
    """Where the account is signed in, last used first."""
    return await tx.fetch_as(
        OpenSession,
        f"SELECT id, created_at, last_seen_at, address, user_agent FROM {of.sessions}"
        f" WHERE {of.owner} = $1 AND last_seen_at > $2{_COMPLETE if of.steps else ''}"
        " ORDER BY last_seen_at DESC, id DESC LIMIT 100",
        owner_id,
        now - of.idle,
    )
