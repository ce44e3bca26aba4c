"""Opening an account. It begins with the link that was mailed to its address, and the password is chosen
behind that link: nobody can put theirs on somebody else's address and wait."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Database
from hotel_booking.domains.authentication.errors import LinkNotValid
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import links, lockout, passwords, sessions
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.guests import queries
from hotel_booking.domains.guests.service.details import name_part
from hotel_booking.domains.guests.types import Account


class NewAccount(msgspec.Struct, frozen=True):
    """What somebody says of themselves as they open an account. Without a password they sign in by mailed
    links, or by a passkey."""

    language: str
    given_name: str = ""
    family_name: str = ""
    password: str = ""
    marketing: bool = False


class OpenedAccount(msgspec.Struct, frozen=True):
    """An account that was just opened, and the token of its first session."""

    token: str
    account: Account


async def open_account(
    db: Database, *, token: str, new: NewAccount, visitor: Visitor, instead_of: int | None, now: datetime
) -> OpenedAccount:
    """Use the link up, open the account and sign in. Raises `LinkNotValid`, or `PasswordTooWeak` and
    `InvalidAccount`, which leave the link good."""
    given, family = name_part(new.given_name, "given_name"), name_part(new.family_name, "family_name")
    async with db.transaction() as tx:
        email = (await links.find(tx, GUESTS, token=token, kind="register", now=now)).email
    stored = None
    if new.password:
        chosen = await passwords.judge(new.password, (email, given, family, *GUESTS.guessed))
        stored = await passwords.hashed(chosen)
    async with db.transaction() as tx:
        await links.take(tx, GUESTS, token=token, kind="register", now=now)
        account_id = await tx.fetchval(
            "INSERT INTO guest_account (email, email_verified_at, password_hash, password_changed_at,"
            "   given_name, family_name, language, marketing, marketing_at, created_at)"
            " VALUES ($1, $2, $3, CASE WHEN $3::text IS NULL THEN NULL ELSE $2::timestamptz END, $4, $5, $6,"
            "         $7, CASE WHEN $7 THEN $2::timestamptz END, $2)"
            " ON CONFLICT (email) DO NOTHING RETURNING id",
            email,
            now,
            stored,
            given,
            family,
            new.language,
            new.marketing,
        )
        if account_id is None:  # by another link of the same address, a moment ago
            raise LinkNotValid("this link has expired or has already been used", fix="sign in")
        await links.forget(tx, GUESTS, owner_id=None, email=email)
        await lockout.opened(tx, email=email, visitor=visitor, now=now, door=GUESTS.door)
        account = await queries.account_by_id(tx, account_id)
        assert account is not None  # noqa: S101  # just made
        started = await sessions.start(
            tx, GUESTS, owner_id=account_id, visitor=visitor, now=now, instead_of=instead_of
        )
    return OpenedAccount(started, account)


async def use_new_email(db: Database, *, token: str, now: datetime) -> tuple[Account, str]:
    """The account's next address is proved; it, and the address before. Raises `LinkNotValid`, also where
    the address has got another account meanwhile: who reads its mail can sign in there."""
    async with db.transaction() as tx:
        link = await links.take(tx, GUESTS, token=token, kind="new_email", now=now)
        assert link.holder is not None  # noqa: S101  # these links have one
        changed = await tx.execute(
            "UPDATE guest_account SET email = $2, email_verified_at = $3 WHERE id = $1"
            "   AND NOT EXISTS (SELECT FROM guest_account WHERE email = $2)",
            link.holder.id,
            link.email,
            now,
        )
        if not changed:
            raise LinkNotValid("there is already an account for this address", fix="sign in there")
        await links.forget(tx, GUESTS, owner_id=link.holder.id, email=link.holder.email)
        account = await queries.account_by_id(tx, link.holder.id)
        assert account is not None  # noqa: S101  # locked above
    return account, link.holder.email
