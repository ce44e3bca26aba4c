"""What staff prove beside the password: the second step of signing in, and again before a dangerous act.

The first step is everybody's (`authentication.service.sign_in`). Here too each step counts the attempt first,
and opens a new session in place of the one before.
"""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.authentication.errors import WrongCredentials, WrongFactor
from hotel_booking.domains.authentication.kinds import STAFF
from hotel_booking.domains.authentication.service import lockout, passkeys, passwords, sessions
from hotel_booking.domains.authentication.service.lockout import SignInAttempt, Visitor
from hotel_booking.domains.authentication.service.passkeys import Site
from hotel_booking.domains.authentication.types import AccountHolder, SignedIn
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.service import second_factor
from hotel_booking.domains.identity.service.sessions import Session


class SecondStep(SignedIn, frozen=True):
    """The second step went well. `recovery_codes_left` is set where one was used."""

    recovery_codes_left: int | None = None


async def by_code(
    db: Database,
    *,
    session: Session,
    code: str,
    secret_key: str | None,
    visitor: Visitor,
    now: datetime,
) -> SecondStep:
    """The second step, by a code of the app or a recovery code. Raises `LockedOut` or `WrongFactor`."""
    attempt = await lockout.attempt(db, email=session.email, visitor=visitor, now=now, of="code")
    async with db.transaction() as tx:
        holder = await _holder(tx, session)
        left = await _check_code(tx, holder, attempt, code, secret_key, now)
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        token = await _go_on(tx, session, visitor, now)
    return SecondStep(token, holder.id, "full", recovery_codes_left=left)


async def by_passkey(
    db: Database, *, session: Session, credential: str, site: Site, visitor: Visitor, now: datetime
) -> SecondStep:
    """The second step, or a proof again, by a passkey. Raises `LockedOut` (of the address) or
    `PasskeyRefused`."""
    attempt = await lockout.attempt(db, email=None, visitor=visitor, now=now)
    async with db.transaction() as tx:
        holder = await _holder(tx, session)
        await passkeys.prove(
            tx,
            STAFF,
            owner_id=holder.id,
            session_id=session.id,
            credential=credential,
            site=site,
            now=now,
        )
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        await lockout.opened(tx, email=holder.email, visitor=visitor, now=now)
        token = await _go_on(tx, session, visitor, now)
    return SecondStep(token, holder.id, "full")


async def confirm(
    db: Database,
    *,
    session: Session,
    password: object,
    code: str,
    secret_key: str | None,
    visitor: Visitor,
    now: datetime,
) -> SecondStep:
    """Somebody signed in proves again who they are: the password, and a code where they have a second
    factor. Raises `LockedOut`, `WrongCredentials` or `WrongFactor`."""
    attempt = await lockout.attempt(db, email=session.email, visitor=visitor, now=now)
    async with db.transaction() as tx:
        holder = await _holder(tx, session)
    comparison = await passwords.compare(password, holder.password_hash)
    if not comparison.fits:
        raise WrongCredentials("the password is wrong", field="password", locked=attempt.locks(holder.id))
    async with db.transaction() as tx:
        if holder.level != "full":
            await _check_code(tx, holder, attempt, code, secret_key, now)
        await lockout.succeeded(tx, attempt, completely=True, now=now)
        token = await _go_on(tx, session, visitor, now)
    return SecondStep(token, holder.id, "full")


async def _holder(tx: Transaction, session: Session) -> AccountHolder:
    return await sessions.holder_of(tx, STAFF, session_id=session.id, owner_id=session.staff_id)


async def _check_code(
    tx: Transaction,
    holder: AccountHolder,
    attempt: SignInAttempt,
    code: str,
    secret_key: str | None,
    now: datetime,
) -> int | None:
    """None for a code of the app; for a recovery code, how many are left. Raises `WrongFactor`."""
    if await second_factor.check_totp(tx, staff_id=holder.id, code=code, secret_key=secret_key, now=now):
        return None
    if await second_factor.use_recovery_code(tx, staff_id=holder.id, code=code, now=now):
        return await accounts.recovery_codes_left(tx, holder.id)
    raise WrongFactor(
        "this code is wrong or has already been used", field="code", locked=attempt.locks(holder.id)
    )


async def _go_on(tx: Transaction, session: Session, visitor: Visitor, now: datetime) -> str:
    return await sessions.start(
        tx, STAFF, owner_id=session.staff_id, visitor=visitor, now=now, instead_of=session.id
    )
