"""A guest's right to their data: a copy of all of it, and to be forgotten.

Amounts, days, rooms and the country stay: the hotel's books and the law need them. Who it was does not. It
cannot be undone, and nothing of it is done while a stay is to come or money is open.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.domains.authentication import queries as credentials
from hotel_booking.domains.authentication.errors import GuestSignInRequired
from hotel_booking.domains.authentication.kinds import GUESTS
from hotel_booking.domains.authentication.service import links, lockout
from hotel_booking.domains.bookings import browsers, overrides
from hotel_booking.domains.bookings.guest_bookings import details_of, ids_of, ids_of_address, messages_of
from hotel_booking.domains.guests import mail, queries
from hotel_booking.domains.guests.errors import EmailNotTheSame, NotToBeErasedYet
from hotel_booking.domains.guests.service import details
from hotel_booking.domains.guests.types import Account, normal_email
from hotel_booking.domains.notifications import erasure as messages
from hotel_booking.domains.payments import service as payments

ERASED_EMAIL = messages.NOBODY
ERASED_NAME = ("Erased", "guest")


async def export(tx: Transaction, account: Account, *, now: datetime) -> bytes:
    """All that is kept about the guest, as JSON for people and machines."""
    everything: dict[str, Any] = {
        "made_at": now,
        "account": {
            name: getattr(account, name)
            for name in Account.__struct_fields__
            if name not in ("id", "has_password", "passkeys")
        },
        "signs_in_by": {
            "password": account.has_password,
            "passkeys": await credentials.passkeys(tx, GUESTS, account.id),
        },
        "sessions": await credentials.open_sessions(tx, GUESTS, account.id, now=now),
        "bookings": await details_of(tx, account),
        "messages": await messages_of(tx, account),
    }
    return msgspec.json.format(msgspec.json.encode(everything), indent=2)


async def blockers(tx: Transaction, account: Account, *, now: datetime) -> dict[str, list[str]]:
    """Why the account cannot be erased yet: references of bookings whose `stays` are to come or going on, and
    of those with `money` open (a fee to pay, a payment under way, a refund on its way or failed)."""
    return await _blocking(tx, await ids_of(tx, account), now)


async def _blocking(tx: Transaction, bookings: list[UUID], now: datetime) -> dict[str, list[str]]:
    rows = await tx.fetch(
        "SELECT b.reference, b.status, e.departure, p.timezone, p.day_end_time,"
        "       b.status = 'checked_in' OR (b.status = 'held' AND b.hold_expires_at > $2) AS stay,"
        # At the desk people pay in cash, which nobody need tell us: a stay that is over owes nothing here.
        "       (b.status IN ('cancelled', 'no_show') AND e.owed > 0) OR e.refunding > 0"
        "       OR EXISTS (SELECT FROM payment y WHERE y.booking_id = b.id AND y.status IN"
        "                  ('started', 'unknown', 'authorised', 'reserved', 'voiding'))"
        "       OR EXISTS (SELECT FROM payment y JOIN refund f ON f.payment_id = y.id"
        "                   WHERE y.booking_id = b.id AND f.status = 'failed' AND f.again IS NULL) AS money"
        "  FROM booking b JOIN booking_entry e ON e.booking_id = b.id JOIN property p ON p.id = b.property_id"
        " WHERE b.id = ANY ($1) ORDER BY b.created_at",
        bookings,
        now,
    )
    found = {
        "stays": [row["reference"] for row in rows if row["stay"] or _is_to_come(row, now)],
        "money": [row["reference"] for row in rows if row["money"]],
    }
    return {name: references for name, references in found.items() if references}


def _is_to_come(row: Row, now: datetime) -> bool:
    today = business_date(now, row["timezone"], row["day_end_time"])
    return bool(row["status"] == "confirmed" and row["departure"] >= today)


async def erase(tx: Transaction, *, account_id: int, typed_email: str, now: datetime) -> int:
    """Forget a guest: the account with all that it can be entered by, who they were in their past bookings,
    what was written to them and about them. How many bookings there were.

    Raises `EmailNotTheSame`, `NotToBeErasedYet` or `GuestSignInRequired`; nothing has changed then.
    """
    # Locked first: a booking that is being made by this account waits for us, and then finds none.
    account = await queries.account_by_id(tx, account_id, lock=True)
    if account is None:
        raise GuestSignInRequired("this account no longer exists", fix="there is nothing left to do")
    if normal_email(typed_email) != account.email:
        raise EmailNotTheSame(
            "this is not the account's email address", field="email", fix="type it exactly as shown"
        )
    bookings = await ids_of(tx, account, lock=True)
    await _refuse_open(tx, bookings, now)
    await _forget_bookings(tx, bookings, now)
    await messages.forget(tx, booking_ids=bookings, recipient=account.email)
    await links.forget(tx, GUESTS, owner_id=account.id, email=account.email)
    await lockout.erase(tx, email=account.email, door=GUESTS.door)
    # That its bookings were made by it goes with it.
    await details.remove(tx, account_id=account.id)
    await mail.send_erased(tx, account, bookings=len(bookings), now=now)
    return len(bookings)


class KnownAddress(msgspec.Struct, frozen=True):
    """Whether an address has an `account`, by its number, and how many `bookings` are under it."""

    account: int | None
    bookings: int


class NobodyKnown(NotFound):
    """Nobody has an account with this address, or has booked under it."""

    code = "guest_not_found"


async def known(tx: Transaction, *, email: str) -> KnownAddress:
    """What `erase_address` would find. Raises `NobodyKnown`, and `Invalid` for what is no address."""
    address = normal_email(email)
    account = await tx.fetchval("SELECT id FROM guest_account WHERE email = $1", address)
    found = await queries.account_by_id(tx, account) if account is not None else None
    bookings = await (ids_of(tx, found) if found else ids_of_address(tx, address))
    if found is None and not bookings:
        raise NobodyKnown("nobody has an account with this address, or has booked under it")
    return KnownAddress(account, len(bookings))


async def erase_address(tx: Transaction, *, email: str, now: datetime) -> int:
    """Forget whoever an address belongs to, account or not, as `erase` does: for who asks the hotel for it in
    another way than by their account. How many bookings there were. Raises as `known` and `erase` do."""
    found, address = await known(tx, email=email), normal_email(email)
    if found.account is not None:
        return await erase(tx, account_id=found.account, typed_email=address, now=now)
    bookings = await ids_of_address(tx, address, lock=True)
    await _refuse_open(tx, bookings, now)
    await _forget_bookings(tx, bookings, now)
    await messages.forget(tx, booking_ids=bookings, recipient=address)
    await links.forget(tx, GUESTS, owner_id=None, email=address)
    await lockout.erase(tx, email=address, door=GUESTS.door)
    return len(bookings)


async def _refuse_open(tx: Transaction, bookings: list[UUID], now: datetime) -> None:
    if open_yet := await _blocking(tx, bookings, now):
        raise NotToBeErasedYet(
            "there is an upcoming stay or an open balance",
            fix="cancel the stay or wait until it is over and settled; then the account can be erased",
            extra=open_yet,
        )


async def _forget_bookings(tx: Transaction, bookings: list[UUID], now: datetime) -> None:
    # The words that bookings are searched by follow by trigger.
    await tx.execute(
        "UPDATE guest SET given_name = $2, family_name = $3, email = $4, phone = NULL, erased_at = $5"
        " WHERE id IN (SELECT guest_id FROM booking WHERE id = ANY ($1))",
        bookings,
        *ERASED_NAME,
        ERASED_EMAIL,
        now,
    )
    await tx.execute(
        "UPDATE reservation SET guest_name = NULL WHERE booking_id = ANY ($1) AND guest_name IS NOT NULL",
        bookings,
    )
    await tx.execute(
        "UPDATE booking SET requests = NULL WHERE id = ANY ($1) AND requests IS NOT NULL", bookings
    )
    await overrides.forget(tx, bookings)
    await tx.execute("DELETE FROM booking_note WHERE booking_id = ANY ($1)", bookings)
    await payments.forget_cards(tx, booking_ids=bookings)
    await payments.forget_notes(tx, booking_ids=bookings)
    await browsers.forget_bookings(tx, booking_ids=bookings)
