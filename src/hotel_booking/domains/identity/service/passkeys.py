"""Passkeys of staff: adding them, and proving with one who somebody is. `ceremonies` does the work."""

from __future__ import annotations

from datetime import datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.authentication.service import passkeys
from hotel_booking.domains.authentication.service.passkeys import Holder, Keeping, Site
from hotel_booking.domains.identity.accounts import Staff
from hotel_booking.domains.identity.service.second_factor import drop_unneeded_recovery_codes

__all__ = ["Site"]

_STAFF = Keeping("staff_passkey", "staff_id", "staff_challenge", "staff", "Hotel panel")


async def registration_options(
    tx: Transaction, *, member: Staff, session_id: int, site: Site, now: datetime
) -> str:
    """What the browser has to be asked for to make a passkey, as JSON."""
    return await passkeys.registration_options(
        tx, _STAFF, holder=_holder(member), session_id=session_id, site=site, now=now
    )


async def register(
    tx: Transaction,
    *,
    member: Staff,
    session_id: int,
    credential: str,
    name: str,
    site: Site,
    now: datetime,
) -> None:
    """Add the passkey that the browser has made. Raises `PasskeyRefused`."""
    await passkeys.register(
        tx,
        _STAFF,
        holder=_holder(member),
        session_id=session_id,
        credential=credential,
        name=name,
        site=site,
        now=now,
    )


async def proof_options(tx: Transaction, *, staff_id: int, session_id: int, site: Site, now: datetime) -> str:
    """What the browser has to be asked for so that a known member of staff proves who they are, as JSON."""
    return await passkeys.proof_options(
        tx, _STAFF, owner_id=staff_id, session_id=session_id, site=site, now=now
    )


async def prove(
    tx: Transaction, *, staff_id: int, session_id: int, credential: str, site: Site, now: datetime
) -> None:
    """A known member of staff has one of their passkeys at hand. Raises `PasskeyRefused`."""
    await passkeys.prove(
        tx, _STAFF, owner_id=staff_id, session_id=session_id, credential=credential, site=site, now=now
    )


async def sign_in_options(tx: Transaction, *, site: Site, now: datetime) -> str:
    """What the browser has to be asked for so that a passkey alone says who comes, as JSON."""
    return await passkeys.sign_in_options(tx, _STAFF, site=site, now=now)


async def whose(tx: Transaction, *, credential: str, site: Site, now: datetime) -> int:
    """The member of staff whom a passkey alone proves: its holder was verified by it too (a fingerprint, a
    PIN), which makes two factors. Raises `PasskeyRefused`."""
    return await passkeys.whose(tx, _STAFF, credential=credential, site=site, now=now)


async def remove(tx: Transaction, *, staff_id: int, passkey_id: int) -> str:
    """Take one of the member's own passkeys away; its name. Raises `PasskeyNotFound`."""
    name = await passkeys.remove(tx, _STAFF, owner_id=staff_id, passkey_id=passkey_id)
    await drop_unneeded_recovery_codes(tx, staff_id=staff_id)
    return name


async def purge(tx: Transaction, *, now: datetime) -> int:
    """Forget the challenges that nobody answered."""
    return await passkeys.purge(tx, _STAFF, now=now)


def _holder(member: Staff) -> Holder:
    return Holder(member.id, member.email, member.name, member.passkeys)
