"""Signing in: by password, by a mailed link, by a passkey. Each opens a new session in place of the one that
was carried."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Database
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.authentication.errors import (
    FailedAttempt,
    LinkNotValid,
    PasskeyRefused,
    WrongCredentials,
)
from hotel_booking.domains.authentication.service import lockout, passkeys, passwords
from hotel_booking.domains.authentication.service.lockout import Attempt, Visitor
from hotel_booking.domains.authentication.service.passkeys import Site
from hotel_booking.domains.guests import queries
from hotel_booking.domains.guests.service import links, sessions
from hotel_booking.domains.guests.service.passkeys import GUESTS
from hotel_booking.domains.guests.types import Account, normal_email


class SignedIn(msgspec.Struct, frozen=True):
    """The new session's token, and whose it is."""

    token: str
    account: Account


async def by_password(
    db: Database, *, email: str, password: object, visitor: Visitor, instead_of: int | None, now: datetime
) -> SignedIn:
    """Raises `LockedOut` or `WrongCredentials`; accounts that do not exist, or have no password, are answered
    as if the password were wrong, after as long."""
    try:
        email = normal_email(email)
    except Invalid:
        email = ""  # nobody's; counted and compared all the same
    attempt = await lockout.attempt(db, email=email, visitor=visitor, now=now, door="guest_")
    async with db.transaction() as tx:
        account = await queries.account_by_email(tx, email)
        stored = await queries.password_hash(tx, account.id if account else 0)
    comparison = await passwords.compare(password, stored)
    if account is None or stored is None or not comparison.fits:
        raise _wrong(attempt, account)
    async with db.transaction() as tx:
        # Who changes the password meanwhile signs out everywhere after us, or we see another password.
        if not await tx.fetchval(
            "SELECT true FROM guest_account WHERE id = $1 AND password_hash = $2 FOR SHARE",
            account.id,
            stored,
        ):
            raise _wrong(attempt, account)
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        token = await sessions.start(
            tx, account_id=account.id, visitor=visitor, now=now, instead_of=instead_of
        )
    if comparison.rehashed is not None:
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE guest_account SET password_hash = $3 WHERE id = $1 AND password_hash = $2",
                account.id,
                stored,
                comparison.rehashed,
            )
    return SignedIn(token, account)


async def by_link(
    db: Database, *, token: str, visitor: Visitor, instead_of: int | None, now: datetime
) -> SignedIn:
    """Use a mailed link up. It opens a locked account too: it cannot be guessed. Raises `LinkNotValid`."""
    async with db.transaction() as tx:
        link = await links.take(tx, token=token, kind="sign_in", now=now)
        if link.account is None:
            raise LinkNotValid("this link has lapsed or was used", fix="ask for another one")
        await lockout.opened(tx, email=link.email, visitor=visitor, now=now, door="guest_")
        started = await sessions.start(
            tx, account_id=link.account.id, visitor=visitor, now=now, instead_of=instead_of
        )
    return SignedIn(started, link.account)


async def by_passkey(
    db: Database, *, credential: str, site: Site, visitor: Visitor, instead_of: int | None, now: datetime
) -> SignedIn:
    """Without a name or a password. Raises `LockedOut` (of the address) or `PasskeyRefused`."""
    attempt = await lockout.attempt(db, email=None, visitor=visitor, now=now, door="guest_")
    async with db.transaction() as tx:
        account_id = await passkeys.whose(tx, GUESTS, credential=credential, site=site, now=now)
        account = await queries.account_by_id(tx, account_id)
        if account is None:
            raise PasskeyRefused("this passkey opens nothing here", fix="use another one, or the password")
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        await lockout.answered(tx, visitor=visitor, door="guest_")
        await lockout.opened(tx, email=account.email, visitor=visitor, now=now, door="guest_")
        token = await sessions.start(
            tx, account_id=account.id, visitor=visitor, now=now, instead_of=instead_of
        )
    return SignedIn(token, account)


def _wrong(attempt: Attempt, account: Account | None) -> FailedAttempt:
    return WrongCredentials(
        "e-mail address and password do not fit together",
        locked=account.id if account is not None and attempt.locks_account else None,
    )
