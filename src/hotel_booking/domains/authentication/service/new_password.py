"""Another password, or the first: by somebody who is signed in, or by a mailed link. Links, failures and
sessions of the time before end with it."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.authentication.kinds import AccountKind
from hotel_booking.domains.authentication.service import links, lockout, passwords, sessions
from hotel_booking.domains.authentication.service.links import MailedLink
from hotel_booking.domains.authentication.types import AccountHolder


async def change(
    db: Database, of: AccountKind, *, owner_id: int, session_id: int, password: object, now: datetime
) -> None:
    """Somebody signed in chooses another; the account's other sessions end. Raises `PasswordTooWeak`, or the
    kind's `sign_in_required` where the session has ended."""
    async with db.transaction() as tx:
        holder = await sessions.holder_of(tx, of, session_id=session_id, owner_id=owner_id)
    stored = await _judged(of, holder, password)
    async with db.transaction() as tx:
        holder = await sessions.holder_of(tx, of, session_id=session_id, owner_id=owner_id)
        await _store(tx, of, holder, stored, now, but=session_id)


async def choose(
    db: Database, of: AccountKind, *, token: str, kind: str, password: object, now: datetime
) -> int:
    """Use a link of the kind up: its account gets the password, is unlocked, and is signed out everywhere.
    Whose it is. Raises `LinkNotValid`, or `PasswordTooWeak`, which leaves the link good."""
    async with db.transaction() as tx:
        link = await links.find(tx, of, token=token, kind=kind, now=now)
    stored = await _judged(of, _holder(of, link), password)
    async with db.transaction() as tx:
        holder = _holder(of, await links.take(tx, of, token=token, kind=kind, now=now))
        await _store(tx, of, holder, stored, now, but=None)
    return holder.id


async def remove(tx: Transaction, of: AccountKind, *, owner_id: int, now: datetime) -> None:
    """The account is entered by mailed links and passkeys alone."""
    await tx.execute(
        f"UPDATE {of.accounts} SET password_hash = NULL, password_changed_at = $2 WHERE id = $1",
        owner_id,
        now,
    )


def _holder(of: AccountKind, link: MailedLink) -> AccountHolder:
    if link.holder is None:
        raise links.not_valid(of, link.kind)
    return link.holder


async def _judged(of: AccountKind, holder: AccountHolder, password: object) -> str:
    return await passwords.hashed(await passwords.judge(password, (*holder.about, *of.guessed)))


async def _store(
    tx: Transaction, of: AccountKind, holder: AccountHolder, stored: str, now: datetime, *, but: int | None
) -> None:
    await tx.execute(
        f"UPDATE {of.accounts} SET password_hash = $2, password_changed_at = $3 WHERE id = $1",
        holder.id,
        stored,
        now,
    )
    await links.forget(tx, of, owner_id=holder.id, email=holder.email)
    await lockout.forget(tx, email=holder.email, door=of.door)
    await sessions.end_all(tx, of, owner_id=holder.id, but=but)
