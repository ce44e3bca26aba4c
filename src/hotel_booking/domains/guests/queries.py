"""Reading guests' accounts: by address or number, with what they can sign in by."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.email_address import email_keys
from hotel_booking.domains.guests.types import Account, GuestPasskey, GuestSession, OpenGuestSession

_ACCOUNT = (
    "a.id, a.email, a.password_hash IS NOT NULL AS has_password,"
    " (SELECT count(*) FROM guest_passkey k WHERE k.account_id = a.id)::int AS passkeys,"
    " a.given_name, a.family_name, a.phone, a.country, a.wishes, a.language, a.currency, a.marketing,"
    " a.created_at, a.password_changed_at"
)


async def account_by_email(tx: Transaction, email: str) -> Account | None:
    """The account of an address, in whatever form it is written."""
    row = await tx.fetchrow(
        f"SELECT {_ACCOUNT} FROM guest_account a WHERE a.email = ANY ($1::text[]) ORDER BY a.id LIMIT 1",
        email_keys(email),
    )
    return Account(**row) if row else None


async def account_by_id(tx: Transaction, account_id: int, *, lock: bool = False) -> Account | None:
    """An account by its number; locked until the transaction ends where asked."""
    if lock:
        # Its own statement: what a locking read joins may be older than what it waited for.
        await tx.execute("SELECT FROM guest_account WHERE id = $1 FOR UPDATE", account_id)
    row = await tx.fetchrow(f"SELECT {_ACCOUNT} FROM guest_account a WHERE a.id = $1", account_id)
    return Account(**row) if row else None


async def password_hash(tx: Transaction, account_id: int) -> str | None:
    """What is stored of an account's password."""
    stored: str | None = await tx.fetchval(
        "SELECT password_hash FROM guest_account WHERE id = $1", account_id
    )
    return stored


async def session_by_hash(tx: Transaction, hashed: bytes) -> tuple[Row, GuestSession] | None:
    """A session with its account, in one statement by unique indexes; the row has its times."""
    row = await tx.fetchrow(
        f"SELECT s.id AS session_id, s.last_seen_at, s.expires_at, s.confirmed_at, {_ACCOUNT}"
        "  FROM guest_session s JOIN guest_account a ON a.id = s.account_id WHERE s.token_hash = $1",
        hashed,
    )
    if row is None:
        return None
    account = Account(**{name: row[name] for name in Account.__struct_fields__})
    return row, GuestSession(row["session_id"], account, row["confirmed_at"])


async def open_sessions(tx: Transaction, account_id: int, *, seen_since: datetime) -> list[OpenGuestSession]:
    """Where the account is signed in, last used first."""
    rows = await tx.fetch(
        "SELECT id, created_at, last_seen_at, address, user_agent FROM guest_session"
        " WHERE account_id = $1 AND last_seen_at > $2 ORDER BY last_seen_at DESC, id DESC LIMIT 100",
        account_id,
        seen_since,
    )
    return [OpenGuestSession(**row) for row in rows]


async def passkeys(tx: Transaction, account_id: int) -> list[GuestPasskey]:
    """An account's passkeys, oldest first."""
    rows = await tx.fetch(
        "SELECT id, name, created_at, last_used_at FROM guest_passkey WHERE account_id = $1 ORDER BY id",
        account_id,
    )
    return [GuestPasskey(**row) for row in rows]
