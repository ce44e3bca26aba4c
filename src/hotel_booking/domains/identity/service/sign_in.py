"""Signing in, step by step, and proving again who one is.

Each step counts the attempt first (`lockout`), judges it without holding a connection, and then opens a new
session in place of the one before: no token outlives a step.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.email_address import email_key
from hotel_booking.domains.authentication.errors import PasskeyRefused, WrongCredentials, WrongFactor
from hotel_booking.domains.authentication.service import lockout, passwords
from hotel_booking.domains.authentication.service.lockout import Attempt, Visitor
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.errors import SignInRequired
from hotel_booking.domains.identity.service import (
    passkeys,
    second_factor,
    sessions,
    tokens,
)
from hotel_booking.domains.identity.service.passkeys import Site
from hotel_booking.domains.identity.service.sessions import Session


class SignedIn(msgspec.Struct, frozen=True):
    """A step that went well: the new session's token. At level 'password' a second factor is owed.
    `recovery_codes_left` is set where one was used."""

    token: str
    level: Literal["password", "full"]
    member: Staff
    recovery_codes_left: int | None = None


async def by_password(
    db: Database, *, email: str, password: object, visitor: Visitor, instead_of: int | None, now: datetime
) -> SignedIn:
    """The first step. Raises `LockedOut` or `WrongCredentials`; accounts that do not exist, are closed, or
    have no password yet are answered as if the password were wrong, after as long."""
    email = email_key(email)
    attempt = await lockout.attempt(db, email=email, visitor=visitor, now=now)
    async with db.transaction() as tx:
        member = await accounts.by_email(tx, email)
        if member is not None and not member.active:
            member = None
        stored = await accounts.password_hash(tx, member.id if member else 0)
    comparison = await passwords.compare(password, stored)
    if member is None or stored is None or not comparison.fits:
        raise _wrong(attempt, member)
    async with db.transaction() as tx:
        # Shared with nobody who changes the password meanwhile: their signing out everywhere comes after us,
        # or we see that the password is another one.
        if not await tx.fetchval(
            "SELECT true FROM staff WHERE id = $1 AND active AND password_hash = $2 FOR SHARE",
            member.id,
            stored,
        ):
            raise _wrong(attempt, member)
        level: Literal["password", "full"] = "password" if member.second_factor else "full"
        await lockout.succeeded(tx, attempt, completely=level == "full", now=now)
        token = await _open(tx, member, level, visitor, instead_of, now)
    if comparison.rehashed is not None:
        await _store_again(db, member.id, stored, comparison.rehashed)
    return SignedIn(token, level, member)


async def by_code(
    db: Database,
    *,
    session: Session,
    code: str,
    secret_key: str | None,
    visitor: Visitor,
    now: datetime,
) -> SignedIn:
    """The second step, by a code of the app or a recovery code. Raises `LockedOut` or `WrongFactor`."""
    attempt = await lockout.attempt(db, email=session.email, visitor=visitor, now=now, of="code")
    async with db.transaction() as tx:
        member = await _owner(tx, session)
        left = await _check_code(tx, member, attempt, code, secret_key, now)
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        token = await _open(tx, member, "full", visitor, session.id, now)
    return SignedIn(token, "full", member, recovery_codes_left=left)


async def by_passkey(
    db: Database, *, session: Session, credential: str, site: Site, visitor: Visitor, now: datetime
) -> SignedIn:
    """The second step, or a proof again, by a passkey. Raises `LockedOut` (of the address) or
    `PasskeyRefused`."""
    attempt = await lockout.attempt(db, email=None, visitor=visitor, now=now)
    async with db.transaction() as tx:
        member = await _owner(tx, session)
        await passkeys.prove(
            tx, staff_id=member.id, session_id=session.id, credential=credential, site=site, now=now
        )
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        await lockout.opened(tx, email=member.email, visitor=visitor, now=now)
        token = await _open(tx, member, "full", visitor, session.id, now)
    return SignedIn(token, "full", member)


async def by_passkey_alone(
    db: Database,
    *,
    credential: str,
    site: Site,
    visitor: Visitor,
    instead_of: int | None,
    now: datetime,
) -> SignedIn:
    """Both steps at once, without a name or a password. Raises `LockedOut` (of the address) or
    `PasskeyRefused`, also for a closed account."""
    attempt = await lockout.attempt(db, email=None, visitor=visitor, now=now)
    async with db.transaction() as tx:
        staff_id = await passkeys.whose(tx, credential=credential, site=site, now=now)
        member = await accounts.by_id(tx, staff_id)
        if member is None or not member.active:
            raise PasskeyRefused("this passkey opens nothing here", fix="use another one, or the password")
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        await lockout.answered(tx, visitor=visitor)
        await lockout.opened(tx, email=member.email, visitor=visitor, now=now)
        token = await _open(tx, member, "full", visitor, instead_of, now)
    return SignedIn(token, "full", member)


async def after_invitation(
    db: Database, *, member: Staff, visitor: Visitor, instead_of: int | None, now: datetime
) -> SignedIn:
    """Somebody has just chosen their password by a link: that is the first step."""
    level: Literal["password", "full"] = "password" if member.second_factor else "full"
    async with db.transaction() as tx:
        token = await _open(tx, member, level, visitor, instead_of, now)
    return SignedIn(token, level, member)


async def confirm(
    db: Database,
    *,
    session: Session,
    password: object,
    code: str,
    secret_key: str | None,
    visitor: Visitor,
    now: datetime,
) -> SignedIn:
    """Somebody signed in proves again who they are: the password, and a code where they have a second
    factor. Raises `LockedOut`, `WrongCredentials` or `WrongFactor`."""
    attempt = await lockout.attempt(db, email=session.email, visitor=visitor, now=now)
    async with db.transaction() as tx:
        member = await _owner(tx, session)
        stored = await accounts.password_hash(tx, member.id)
    comparison = await passwords.compare(password, stored)
    if not comparison.fits:
        raise WrongCredentials("the password is not right", field="password", locked=_locked(attempt, member))
    async with db.transaction() as tx:
        if member.second_factor:
            await _check_code(tx, member, attempt, code, secret_key, now)
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        token = await _open(tx, member, "full", visitor, session.id, now)
    return SignedIn(token, "full", member)


async def change_password(db: Database, *, session: Session, password: object, now: datetime) -> Staff:
    """Another password; the account's other sessions end. Raises `PasswordTooWeak`."""
    async with db.transaction() as tx:
        member = await _owner(tx, session)
    chosen = await passwords.judge(password, tokens.about_member(member))
    stored = await passwords.hashed(chosen)
    async with db.transaction() as tx:
        await tokens.store_password(tx, member=member, stored=stored, now=now, but=session.id)
    return member


async def _owner(tx: Transaction, session: Session) -> Staff:
    # Locked, so that two steps of one session at once come one after the other; the second finds it ended.
    member = await accounts.by_id(tx, session.staff_id, lock=True)
    still = await tx.fetchval("SELECT true FROM staff_session WHERE id = $1", session.id)
    if member is None or not member.active or not still:
        raise SignInRequired("this session has ended", fix="sign in again")
    return member


async def _check_code(
    tx: Transaction, member: Staff, attempt: Attempt, code: str, secret_key: str | None, now: datetime
) -> int | None:
    """None for a code of the app; for a recovery code, how many are left. Raises `WrongFactor`."""
    if await second_factor.check_totp(tx, member=member, code=code, secret_key=secret_key, now=now):
        return None
    if await second_factor.use_recovery_code(tx, staff_id=member.id, code=code, now=now):
        return await accounts.recovery_codes_left(tx, member.id)
    raise WrongFactor(
        "this code is not right, or was used already", field="code", locked=_locked(attempt, member)
    )


async def _open(
    tx: Transaction,
    member: Staff,
    level: Literal["password", "full"],
    visitor: Visitor,
    instead_of: int | None,
    now: datetime,
) -> str:
    return await sessions.start(
        tx,
        staff_id=member.id,
        level=level,
        now=now,
        address=visitor.address,
        user_agent=visitor.user_agent,
        instead_of=instead_of,
    )


async def _store_again(db: Database, staff_id: int, stored: str, rehashed: str) -> None:
    # The parameters of the hash have been raised since; only the hash changes, the password is the same.
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE staff SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
            staff_id,
            stored,
            rehashed,
        )


def _wrong(attempt: Attempt, member: Staff | None) -> WrongCredentials:
    return WrongCredentials(
        "e-mail address and password do not fit together",
        locked=_locked(attempt, member) if member else None,
    )


def _locked(attempt: Attempt, member: Staff) -> int | None:
    return member.id if attempt.locks_account else None
