"""Reading guests' accounts, with what they can sign in by. Whose an address is, authentication knows."""

from __future__ import annotations

from hotel_booking.core.db import Transaction
from hotel_booking.domains.guests.types import Account

# The columns of the account `a`.
ACCOUNT = (
    "a.id, a.email, a.password_hash IS NOT NULL AS has_password,"
    " (SELECT count(*) FROM guest_passkey k WHERE k.account_id = a.id)::int AS passkeys,"
    " a.given_name, a.family_name, a.phone, a.country, a.wishes, a.language, a.currency, a.marketing,"
    " a.created_at, a.password_changed_at"
)


async def account_by_id(tx: Transaction, account_id: int, *, lock: bool = False) -> Account | None:
    """An account by its number; locked until the transaction ends where asked."""
    if lock:
        # Its own statement: what a locking read joins may be older than what it waited for.
        await tx.execute("SELECT FROM guest_account WHERE id = $1 FOR UPDATE", account_id)
    return await tx.fetchrow_as(Account, f"SELECT {ACCOUNT} FROM guest_account a WHERE a.id = $1", account_id)
