"""Links by mail, each good once and for a while: to open an account, to sign in, to choose another password,
to prove another address. Only their hashes are stored.

Whoever asks for a link must not learn whether there is an account: count with `may_ask`, note the request
(`authentication.service.link_requests`), and answer the same; a job makes the link.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.authentication.errors import LinkNotValid
from hotel_booking.domains.authentication.service import lockout
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.tokens import token_hash
from hotel_booking.domains.guests import queries
from hotel_booking.domains.guests.types import Account

Kind = Literal["register", "sign_in", "password", "new_email"]
LIFETIMES: dict[Kind, timedelta] = {
    "register": timedelta(days=1),
    "sign_in": timedelta(minutes=30),
    "password": timedelta(hours=1),
    "new_email": timedelta(days=1),
}
_LONGEST = 100


class MailedLink(msgspec.Struct, frozen=True):
    """A link that is good: what it opens, the address it went to, and the account where there is one."""

    kind: Kind
    email: str
    account: Account | None


class Asked(msgspec.Struct, frozen=True):
    """A fresh link to be mailed."""

    kind: Kind
    token: str
    account: Account | None


async def may_ask(db: Database, *, email: str, visitor: Visitor, now: datetime) -> bool:
    """Count that a link was asked for; whether the address may be sent one more mail. Raises `LockedOut`
    where the visitor has asked too often, whoever for."""
    return await lockout.may_reset(db, email=email, visitor=visitor, now=now, door="guest_")


async def ask(tx: Transaction, *, kind: str, email: str, now: datetime) -> Asked | None:
    """A fresh link: to `sign_in`, to choose another `password`, or to `register`, which where there is an
    account signs in to it. None where a link would open nothing."""
    account = await queries.account_by_email(tx, email)
    match kind, account:
        case "register", None:
            return Asked("register", await _issue(tx, "register", email, None, now), None)
        case (("register" | "sign_in"), Account()):
            return Asked("sign_in", await _issue(tx, "sign_in", email, account.id, now), account)
        case "password", Account():
            return Asked("password", await _issue(tx, "password", email, account.id, now), account)
    return None


async def ask_new_email(tx: Transaction, *, account: Account, email: str, now: datetime) -> Asked:
    """A link that proves the address which the account is to have from now on."""
    return Asked("new_email", await _issue(tx, "new_email", email, account.id, now), account)


async def find(tx: Transaction, *, token: str, kind: Kind, now: datetime) -> MailedLink:
    """Whose link it is. Looking does not use it up: mail scanners look too. Raises `LinkNotValid`."""
    row = None
    if _plausible(token):
        row = await tx.fetchrow(
            "SELECT email, account_id FROM guest_token"
            " WHERE token_hash = $1 AND kind = $2 AND expires_at > $3",
            token_hash(token),
            kind,
            now,
        )
    if row is None:
        raise _not_valid()
    account = await queries.account_by_id(tx, row["account_id"]) if row["account_id"] else None
    return MailedLink(kind, row["email"], account)


async def take(tx: Transaction, *, token: str, kind: Kind, now: datetime) -> MailedLink:
    """Use a link up. Of two who use it at once, one does. Raises `LinkNotValid`."""
    link = await find(tx, token=token, kind=kind, now=now)
    account = None
    if link.account is not None:
        account = await queries.account_by_id(tx, link.account.id, lock=True)
        # What is mailed to an address is worth nothing once the account has another one.
        if account is None or (kind != "new_email" and account.email != link.email):
            raise _not_valid()
    # The account first, then all links that its use makes void, in their order: two links that are used at
    # once wait for each other one way only.
    await tx.execute(
        "SELECT FROM guest_token WHERE email = $1 OR account_id = $2 ORDER BY token_hash FOR UPDATE",
        link.email,
        account.id if account else None,
    )
    if not await tx.execute("DELETE FROM guest_token WHERE token_hash = $1", token_hash(token)):
        raise _not_valid()
    return MailedLink(kind, link.email, account)


async def forget(tx: Transaction, *, email: str, account_id: int | None = None) -> None:
    """No link that was mailed before opens anything any more."""
    await tx.execute("DELETE FROM guest_token WHERE email = $1 OR account_id = $2", email, account_id)


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Remove the links that have lapsed."""
    return await tx.execute("DELETE FROM guest_token WHERE expires_at <= $1", now)


async def _issue(tx: Transaction, kind: Kind, email: str, account_id: int | None, now: datetime) -> str:
    # Earlier links of the kind stay good until they lapse: mails overtake each other.
    token = secrets.token_urlsafe(32)
    await tx.execute(
        "INSERT INTO guest_token (token_hash, kind, email, account_id, created_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        token_hash(token),
        kind,
        email,
        account_id,
        now,
        now + LIFETIMES[kind],
    )
    return token


def _plausible(token: str) -> bool:
    return 0 < len(token) <= _LONGEST and token.isascii()


def _not_valid() -> LinkNotValid:
    return LinkNotValid("this link has lapsed or was used", fix="ask for another one on the sign-in page")
