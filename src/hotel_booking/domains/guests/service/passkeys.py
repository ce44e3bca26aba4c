"""Passkeys of guests, by identity's ceremonies."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.authentication.service import lockout, passkeys
from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.domains.authentication.service.passkeys import Holder, Keeping, Site
from hotel_booking.domains.guests.types import Account, GuestSession

GUESTS = Keeping("guest_passkey", "account_id", "guest_challenge", "guest", "Hotel Booking")


async def registration_options(tx: Transaction, *, session: GuestSession, site: Site, now: datetime) -> str:
    """What the browser has to be asked for to make a passkey, as JSON."""
    return await passkeys.registration_options(
        tx, GUESTS, holder=_holder(session.account), session_id=session.id, site=site, now=now
    )


async def register(
    tx: Transaction, *, session: GuestSession, credential: str, name: str, site: Site, now: datetime
) -> None:
    """Add the passkey that the browser has made. Raises `PasskeyRefused`."""
    await passkeys.register(
        tx,
        GUESTS,
        holder=_holder(session.account),
        session_id=session.id,
        credential=credential,
        name=name,
        site=site,
        now=now,
    )


async def sign_in_options(db: Database, *, visitor: Visitor, site: Site, now: datetime) -> str:
    """What the browser has to be asked for so that a passkey says who comes, as JSON. Raises `LockedOut`
    where the address has asked for many that nobody answered."""
    await lockout.may_ask(db, visitor=visitor, now=now, door="guest_")
    async with db.transaction() as tx:
        return await passkeys.sign_in_options(tx, GUESTS, site=site, now=now)


async def remove(tx: Transaction, *, account_id: int, passkey_id: int) -> str:
    """Take one of the guest's own passkeys away; its name. Raises `PasskeyNotFound`."""
    return await passkeys.remove(tx, GUESTS, owner_id=account_id, passkey_id=passkey_id)


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Forget the challenges that nobody answered."""
    return await passkeys.purge(tx, GUESTS, now=now)


def _holder(account: Account) -> Holder:
    return Holder(account.id, account.email, account.name, account.passkeys)
