"""Links by mail: an invitation to choose the first password, or a reset. Each opens once, for a while."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.authentication.errors import LinkNotValid
from hotel_booking.domains.authentication.service import lockout, passwords
from hotel_booking.domains.authentication.tokens import token_hash
from hotel_booking.domains.identity import accounts
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.service import sessions

Kind = Literal["invitation", "password_reset"]
LIFETIMES: dict[Kind, timedelta] = {"invitation": timedelta(days=7), "password_reset": timedelta(hours=1)}
_LONGEST = 100
_KEPT = timedelta(days=30)


async def issue(tx: Transaction, *, staff_id: int, kind: Kind, now: datetime) -> str:
    """A fresh link's token; earlier links of the kind open nothing any more. Only its hash is stored."""
    token = secrets.token_urlsafe(32)
    await tx.execute(
        "DELETE FROM staff_token WHERE staff_id = $1 AND kind = $2 AND used_at IS NULL", staff_id, kind
    )
    await tx.execute(
        "INSERT INTO staff_token (token_hash, staff_id, kind, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5)",
        token_hash(token),
        staff_id,
        kind,
        now,
        now + LIFETIMES[kind],
    )
    return token


async def ask_reset(tx: Transaction, *, email: str, now: datetime) -> tuple[Staff, str] | None:
    """The account whose password shall be reset and the link's token; None where there is no open account.
    Whoever asked must not learn which: count with `lockout.may_reset`, note it with `link_requests`, and let
    a job come here."""
    member = await accounts.by_email(tx, email)
    if member is None or not member.active:
        return None
    return member, await issue(tx, staff_id=member.id, kind="password_reset", now=now)


async def find(tx: Transaction, *, token: str, kind: Kind, now: datetime) -> Staff:
    """Whose link it is. Looking does not use it up: mail scanners look too. Raises `LinkNotValid`."""
    staff_id: int | None = None
    if 0 < len(token) <= _LONGEST and token.isascii():
        staff_id = await tx.fetchval(
            "SELECT staff_id FROM staff_token"
            " WHERE token_hash = $1 AND kind = $2 AND used_at IS NULL AND expires_at > $3",
            token_hash(token),
            kind,
            now,
        )
    member = await accounts.by_id(tx, staff_id) if staff_id is not None else None
    if member is None or not member.active:
        raise _not_valid(kind)
    return member


async def choose_password(db: Database, *, token: str, kind: Kind, password: object, now: datetime) -> Staff:
    """Use a link up: the account gets the password, is unlocked, and is signed out everywhere. Raises
    `LinkNotValid`, or `PasswordTooWeak`, which leaves the link good."""
    async with db.transaction() as tx:
        member = await find(tx, token=token, kind=kind, now=now)
    chosen = await passwords.judge(password, about_member(member))
    stored = await passwords.hashed(chosen)
    async with db.transaction() as tx:
        used = await tx.execute(
            "UPDATE staff_token SET used_at = $3"
            " WHERE token_hash = $1 AND kind = $2 AND used_at IS NULL AND expires_at > $3",
            token_hash(token),
            kind,
            now,
        )
        if not used:
            raise _not_valid(kind)
        await store_password(tx, member=member, stored=stored, now=now)
    return member


async def store_password(
    tx: Transaction, *, member: Staff, stored: str, now: datetime, but: int | None = None
) -> None:
    """A new password: links, failures and sessions (but one, where named) of the time before end."""
    await tx.execute(
        "UPDATE staff SET password_hash = $2, password_changed_at = $3 WHERE id = $1", member.id, stored, now
    )
    await tx.execute("DELETE FROM staff_token WHERE staff_id = $1 AND used_at IS NULL", member.id)
    await lockout.forget(tx, email=member.email)
    await sessions.end_all(tx, staff_id=member.id, but=but)


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Remove the links that lapsed a month ago."""
    return await tx.execute("DELETE FROM staff_token WHERE expires_at < $1", now - _KEPT)


def about_member(member: Staff) -> tuple[str, ...]:
    """What a guesser would try first."""
    return (member.email, member.name, "hotel", "booking", "panel")


def _not_valid(kind: Kind) -> LinkNotValid:
    if kind == "invitation":
        return LinkNotValid(
            "this invitation has lapsed or was used", fix="ask whoever invited you for another one"
        )
    return LinkNotValid("this link has lapsed or was used", fix="ask for another one on the sign-in page")
