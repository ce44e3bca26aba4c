"""Another password: by somebody who is signed in, or by a mailed link."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.authentication.errors import LinkNotValid
from hotel_booking.domains.authentication.service import lockout, passwords
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.guests import queries
from hotel_booking.domains.guests.errors import GuestSignInRequired
from hotel_booking.domains.guests.service import links, sessions
from hotel_booking.domains.guests.service.sign_in import SignedIn
from hotel_booking.domains.guests.types import Account, GuestSession


async def change(db: Database, *, session: GuestSession, password: object, now: datetime) -> Account:
    """Another password, or the first; the account's other sessions end. Raises `PasswordTooWeak`."""
    account = session.account
    stored = await passwords.hashed(await passwords.judge(password, _about(account)))
    async with db.transaction() as tx:
        if await queries.account_by_id(tx, account.id, lock=True) is None:
            raise GuestSignInRequired("this account is gone", fix="sign in again")
        await _store(tx, account, stored, now, but=session.id)
    return account


async def remove(tx: Transaction, *, account: Account, now: datetime) -> None:
    """Sign in by mailed links and passkeys alone."""
    await tx.execute(
        "UPDATE guest_account SET password_hash = NULL, password_changed_at = $2 WHERE id = $1",
        account.id,
        now,
    )


async def choose(
    db: Database, *, token: str, password: object, visitor: Visitor, instead_of: int | None, now: datetime
) -> SignedIn:
    """Use a link up: the account gets the password, is unlocked, signed out everywhere, and signed in here.
    Raises `LinkNotValid`, or `PasswordTooWeak`, which leaves the link good."""
    async with db.transaction() as tx:
        account = (await links.find(tx, token=token, kind="password", now=now)).account
    if account is None:
        raise LinkNotValid("this link has lapsed or was used", fix="ask for another one")
    stored = await passwords.hashed(await passwords.judge(password, _about(account)))
    async with db.transaction() as tx:
        await links.take(tx, token=token, kind="password", now=now)
        await _store(tx, account, stored, now, but=None)
        await lockout.opened(tx, email=account.email, visitor=visitor, now=now, door="guest_")
        started = await sessions.start(
            tx, account_id=account.id, visitor=visitor, now=now, instead_of=instead_of
        )
    return SignedIn(started, account)


async def _store(tx: Transaction, account: Account, stored: str, now: datetime, *, but: int | None) -> None:
    """Links, failures and sessions (but one, where named) of the time before end."""
    await tx.execute(
        "UPDATE guest_account SET password_hash = $2, password_changed_at = $3 WHERE id = $1",
        account.id,
        stored,
        now,
    )
    await links.forget(tx, email=account.email, account_id=account.id)
    await lockout.forget(tx, email=account.email, door="guest_")
    await sessions.end_all(tx, account_id=account.id, but=but)


def _about(account: Account) -> tuple[str, ...]:
    """What a guesser would try first."""
    return (account.email, account.given_name, account.family_name, "hotel", "booking")
