"""Hold, confirm, lapse: each one function in the database, one round trip."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec

from hotel_booking.core.code_names import is_a
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError, Invalid
from hotel_booking.core.names import clean_name, clean_text
from hotel_booking.core.phone import is_read
from hotel_booking.domains.bookings import holders, mail
from hotel_booking.domains.bookings.errors import QuoteExpired, QuoteNotFound, QuoteUsed, WrongState
from hotel_booking.domains.bookings.holders import Holder
from hotel_booking.domains.bookings.queries import booking_by_id, loaded, token_hash
from hotel_booking.domains.bookings.reference import new_reference
from hotel_booking.domains.bookings.types import HeldBooking
from hotel_booking.domains.guests.types import GuestDetails
from hotel_booking.domains.inventory.service import sold_out

LONGEST_ROOM_GUEST = 200
LONGEST_REQUESTS = 2000
# No row, and nothing was done, where the quote's hotel is off sale, or there is no such quote.
_HOLD = """
SELECT made.* FROM (SELECT q.id FROM quote q JOIN property p ON p.id = q.property_id
                     WHERE q.id = $1 AND p.active OFFSET 0) AS sold,
       LATERAL booking_make(sold.id, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) AS made
"""


async def hold(
    tx: Transaction,
    *,
    quote_id: UUID,
    guest: GuestDetails,
    now: datetime,
    lifetime: timedelta = timedelta(minutes=15),
    guest_names: Sequence[str | None] = (),
    requests: str | None = None,
    source: str = "web",
    language: str = "en",
    holder: Holder | None = None,
) -> HeldBooking:
    """Keep all rooms of the quote while the guest pays, or none. The hold lapses by itself.

    `guest_names` are those of the rooms, in the quote's order; messages are written in `language`. A
    telephone number without a country's code is one of the guest's country or the hotel's. `holder` is who
    makes the hold without being known. Raises `SoldOut` naming the nights, `QuoteNotFound`, `QuoteExpired`
    (also where the hotel has gone off sale), `QuoteUsed`, `TooManyOpenHolds`, `Invalid` for more names than
    rooms, and for what no name or text has.
    """
    names = [
        name and clean_name(name, field=f"room_guests[{index}]", longest=LONGEST_ROOM_GUEST)
        for index, name in enumerate(guest_names)
    ]
    requests = clean_text(requests or "", field="requests", longest=LONGEST_REQUESTS) or None
    if guest.phone and not is_read(guest.phone):
        guest = guest.reached_in(await _country_of(tx, quote_id))
    maker = None if holder is None else holders.counted(holder, email=guest.email)
    token = secrets.token_urlsafe(32)
    try:
        row = await tx.fetchrow(
            _HOLD,
            quote_id,
            uuid4(),
            new_reference(),
            token_hash(token),
            msgspec.to_builtins(guest),
            names,
            requests,
            source,
            language,
            now,
            now + lifetime,
            *((maker.network, maker.browser, maker.mailbox, maker.limits) if maker else (None,) * 4),
        )
    except asyncpg.PostgresError as error:
        if (refused := _refusal(error)) is None:
            raise
        raise refused from None
    if row is None:
        raise await _off_sale(tx, quote_id)
    booking = loaded(row)
    if len(guest_names) > len(booking.reservations):
        raise Invalid(
            f"guests are named for {len(guest_names)} rooms, and the quote has {len(booking.reservations)}",
            field="room_guests",
            fix="name at most one guest for each room",
        )
    await mail.held(tx, booking, now=now)
    return HeldBooking(booking, token)


async def _off_sale(tx: Transaction, quote_id: UUID) -> DomainError:
    """Why nothing was held of a hotel that is off sale: what was booked before that stays booked."""
    found = await tx.fetchrow(
        "SELECT b.reference FROM quote q LEFT JOIN booking b ON b.id = q.booking_id WHERE q.id = $1", quote_id
    )
    if found is None:
        return QuoteNotFound("there is no such quote", field="quote", fix="ask for a quote")
    if found["reference"] is not None:
        return _used(found["reference"])
    return QuoteExpired(
        "the quote has expired: the property is no longer on sale",
        field="quote",
        fix="ask for a quote of another property",
    )


def _used(reference: str) -> QuoteUsed:
    return QuoteUsed(
        f"this quote has already been booked as {reference}",
        field="quote",
        fix=f"use booking {reference}, or create a new quote",
        extra={"booking": reference},
    )


def _refusal(error: asyncpg.PostgresError) -> DomainError | None:
    """What the guest is told of an error of `booking_make()`; None where it did not raise it itself."""
    match error.sqlstate:
        case "HB001":
            return sold_out(error)
        case "HB010":
            return QuoteNotFound("there is no such quote", field="quote", fix="ask for a quote")
        case "HB011":
            return QuoteExpired("the quote has expired", field="quote", fix="create a new quote")
        case "HB012":
            return _used(detail(error))  # who holds the quote holds its booking
    return holders.too_many(error.sqlstate)


async def _country_of(tx: Transaction, quote_id: UUID) -> str | None:
    country: str | None = await tx.fetchval(
        "SELECT p.country FROM quote q JOIN property p ON p.id = q.property_id WHERE q.id = $1", quote_id
    )
    return country


async def confirm(tx: Transaction, *, booking_id: UUID, now: datetime) -> None:
    """The rooms are the guest's. A hold that has expired is confirmed too while its nights are still its
    own or free to take again; else raises `SoldOut`. Confirming twice changes nothing.

    Raises `WrongState` where the booking was cancelled.
    """
    try:
        await tx.execute("SELECT booking_confirm($1, $2)", booking_id, now)
    except asyncpg.PostgresError as error:
        if error.sqlstate == "HB001":
            raise sold_out(error) from None
        if error.sqlstate == "HB013":
            raise WrongState(f"the booking is {is_a(detail(error))}, not held") from None
        raise


async def guarantee(tx: Transaction, *, booking_id: UUID, now: datetime) -> None:
    """Confirm a hold on the hotel's own word: the guest pays in the house. For staff; raises as `confirm`."""
    await confirm(tx, booking_id=booking_id, now=now)
    booking = await booking_by_id(tx, booking_id)
    await mail.confirmed(tx, booking, now=now)


async def lapse(tx: Transaction, *, booking_id: UUID, now: datetime) -> bool:
    """Give the nights of an expired hold back, exactly once however often it is called. True if this
    call did it."""
    return bool(await tx.fetchval("SELECT booking_lapse($1, $2)", booking_id, now))


async def lapse_many(tx: Transaction, *, booking_ids: Sequence[UUID], now: datetime) -> int:
    """The same for several, all or none; how many this call did. Those that somebody holds the lock of are
    left for the next time."""
    return int(await tx.fetchval("SELECT bookings_lapse($1, $2)", list(booking_ids), now))


def detail(error: asyncpg.PostgresError) -> str:
    """The DETAIL text that our function raised with."""
    return str(getattr(error, "detail", "") or "")
