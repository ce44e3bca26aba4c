"""Signing in: by password, by a mailed link, by a passkey alone.

Each counts the attempt first (`lockout`), judges it without holding a connection, and then opens a new
session in place of the one that was carried: no token outlives a step. Where a second factor is owed, the
session opens nothing until the step after.
"""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.email_address import email_key
from hotel_booking.domains.authentication import queries
from hotel_booking.domains.authentication.errors import PasskeyRefused, WrongCredentials
from hotel_booking.domains.authentication.kinds import AccountKind
from hotel_booking.domains.authentication.service import (
    links,
    lockout,
    new_password,
    passkeys,
    passwords,
    sessions,
)
from hotel_booking.domains.authentication.service.lockout import SignInAttempt, Visitor
from hotel_booking.domains.authentication.service.passkeys import Site
from hotel_booking.domains.authentication.types import AccountHolder, SignedIn


async def by_password(
    db: Database,
    of: AccountKind,
    *,
    email: str,
    password: object,
    visitor: Visitor,
    instead_of: int | None,
    now: datetime,
) -> SignedIn:
    """Raises `LockedOut` or `WrongCredentials`; accounts that do not exist, are closed, or have no password
    are answered as if the password were wrong, after as long."""
    email = email_key(email)
    attempt = await lockout.attempt(db, email=email, visitor=visitor, now=now, door=of.door)
    async with db.transaction() as tx:
        holder = await queries.holder_by_email(tx, of, email)
    stored = holder.password_hash if holder is not None else None
    comparison = await passwords.compare(password, stored)
    if holder is None or stored is None or not comparison.fits:
        raise _wrong(attempt, holder)
    async with db.transaction() as tx:
        # Shared with nobody who changes the password meanwhile: their signing out everywhere comes after us,
        # or we see that the password is another one.
        if not await tx.fetchval(
            f"SELECT true FROM {of.accounts} a WHERE a.id = $1 AND a.password_hash = $2 AND {of.open}"
            "   FOR SHARE",
            holder.id,
            stored,
        ):
            raise _wrong(attempt, holder)
        await lockout.succeeded(tx, attempt, completely=holder.level == "full", now=now)
        done = await _enter(tx, of, holder, visitor, instead_of, now)
    if comparison.rehashed is not None:
        # The parameters of the hash have been raised since; the password is the same.
        async with db.transaction() as tx:
            await tx.execute(
                f"UPDATE {of.accounts} SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                holder.id,
                stored,
                comparison.rehashed,
            )
    return done


async def by_link(
    db: Database, of: AccountKind, *, token: str, visitor: Visitor, instead_of: int | None, now: datetime
) -> SignedIn:
    """Use a link of the kind sign_in up. It opens a locked account too: it cannot be guessed. Raises
    `LinkNotValid`."""
    async with db.transaction() as tx:
        link = await links.take(tx, of, token=token, kind="sign_in", now=now)
        return await _proved(tx, of, link.holder, link.kind, visitor, instead_of, now)


async def by_new_password(
    db: Database,
    of: AccountKind,
    *,
    token: str,
    kind: str,
    password: object,
    visitor: Visitor,
    instead_of: int | None,
    now: datetime,
) -> SignedIn:
    """Choose a password by a mailed link, and enter with it. Raises as `new_password.choose`."""
    owner_id = await new_password.choose(db, of, token=token, kind=kind, password=password, now=now)
    async with db.transaction() as tx:
        holder = await queries.holder_by_id(tx, of, owner_id)
        return await _proved(tx, of, holder, kind, visitor, instead_of, now)


async def by_passkey(
    db: Database,
    of: AccountKind,
    *,
    credential: str,
    site: Site,
    visitor: Visitor,
    instead_of: int | None,
    now: datetime,
) -> SignedIn:
    """Without a name or a password, all steps at once. Raises `LockedOut` (of the address) or
    `PasskeyRefused`, also for a closed account."""
    attempt = await lockout.attempt(db, email=None, visitor=visitor, now=now, door=of.door)
    async with db.transaction() as tx:
        owner_id = await passkeys.owner_of(tx, of, credential=credential, site=site, now=now)
        holder = await queries.holder_by_id(tx, of, owner_id)
        if holder is None:
            raise PasskeyRefused(
                "this passkey doesn't belong to an account here", fix="use another one, or the password"
            )
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        await lockout.answered(tx, visitor=visitor, door=of.door)
        await lockout.opened(tx, email=holder.email, visitor=visitor, now=now, door=of.door)
        token = await sessions.start(
            tx, of, owner_id=owner_id, visitor=visitor, now=now, instead_of=instead_of
        )
    return SignedIn(token, owner_id, "full")


async def _proved(
    tx: Transaction,
    of: AccountKind,
    holder: AccountHolder | None,
    kind: str,
    visitor: Visitor,
    instead_of: int | None,
    now: datetime,
) -> SignedIn:
    # By what cannot be guessed: the account is unlocked and the device known, unless a step is owed yet.
    if holder is None:
        raise links.not_valid(of, kind)
    if holder.level == "full":
        await lockout.opened(tx, email=holder.email, visitor=visitor, now=now, door=of.door)
    return await _enter(tx, of, holder, visitor, instead_of, now)


async def _enter(
    tx: Transaction,
    of: AccountKind,
    holder: AccountHolder,
    visitor: Visitor,
    instead_of: int | None,
    now: datetime,
) -> SignedIn:
    token = await sessions.start(
        tx, of, owner_id=holder.id, level=holder.level, visitor=visitor, now=now, instead_of=instead_of
    )
    return SignedIn(token, holder.id, holder.level)


def _wrong(attempt: SignInAttempt, holder: AccountHolder | None) -> WrongCredentials:
    return WrongCredentials(
        "the email address or the password is wrong",
        locked=attempt.locks(holder.id) if holder is not None else None,
    )
