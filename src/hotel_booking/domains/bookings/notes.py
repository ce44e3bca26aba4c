"""What is written down about a booking: by staff for each other, and by the guest for the hotel."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.names import clean_text
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.errors import TooManyMessages
from hotel_booking.domains.bookings.queries import lock_booking
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.properties.queries import mail_address

LONGEST = 4_000

_SAME = timedelta(minutes=5)
A_DAY = 10  # messages of one guest about one booking


class Note(msgspec.Struct, frozen=True):
    """A note with its writer's name; None: the guest wrote it to the hotel. `waiting` says that nobody has
    answered it yet."""

    id: int
    text: str
    author: str | None
    created_at: datetime
    waiting: bool = False


async def add(tx: Transaction, *, booking_id: UUID, staff_id: int, text: str, now: datetime) -> None:
    """Write a note. Raises `Invalid` for an empty or too long one, or what cannot be shown."""
    text = clean_text(text, field="text", longest=LONGEST, name="a note")
    if not text:
        raise Invalid(f"a note has 1 to {LONGEST} characters", field="text")
    await tx.execute(
        "INSERT INTO booking_note (booking_id, staff_id, text, created_at) VALUES ($1, $2, $3, $4)",
        booking_id,
        staff_id,
        text,
        now,
    )


async def write_to_hotel(tx: Transaction, booking: Booking, *, text: str, now: datetime) -> None:
    """What a guest tells the hotel: kept with the booking, and mailed to the hotel's address where it has
    one. The same words once more within minutes are the same message, whose button was pressed twice. Raises
    `Invalid` for an empty or too long one, `TooManyMessages` after some on one day."""
    text = clean_text(text, field="text", longest=LONGEST, name="a message")
    if not text:
        raise Invalid(f"a message has 1 to {LONGEST} characters", field="text")
    await lock_booking(tx, booking.id)
    (before,) = await tx.fetch(
        "SELECT count(*) AS sent, bool_or(text = $3 AND created_at > $4) AS same FROM booking_note"
        " WHERE booking_id = $1 AND created_at > $2 AND staff_id IS NULL",
        booking.id,
        now - timedelta(days=1),
        text,
        now - _SAME,
    )
    if before["same"]:
        return
    if before["sent"] >= A_DAY:
        raise TooManyMessages(
            f"{A_DAY} messages were sent within a day", fix="wait for the hotel's reply, or call the hotel"
        )
    number = await tx.fetchval(
        "INSERT INTO booking_note (booking_id, text, created_at) VALUES ($1, $2, $3) RETURNING id",
        booking.id,
        text,
        now,
    )
    await tx.execute(
        "INSERT INTO guest_message (note_id, booking_id, property_id, created_at) VALUES ($1, $2, $3, $4)",
        number,
        booking.id,
        booking.property_id,
        now,
    )
    hotel = await mail_address(tx, booking.property_id)
    if hotel:
        await mail.message_to_hotel(tx, booking, number=number, hotel=hotel, text=text, now=now)


async def mark_answered(tx: Transaction, *, booking_id: UUID, until: int, now: datetime) -> int:
    """The guest's messages up to the note `until` have been answered. Returns how many waited."""
    return await tx.execute(
        "UPDATE guest_message SET answered_at = $3"
        " WHERE booking_id = $1 AND note_id <= $2 AND answered_at IS NULL",
        booking_id,
        until,
        now,
    )


async def of_guest(tx: Transaction, booking_id: UUID, *, limit: int = 50) -> list[Note]:
    """What the guest wrote to the hotel, newest first."""
    return await tx.fetch_as(
        Note,
        "SELECT id, text, NULL AS author, created_at FROM booking_note"
        " WHERE booking_id = $1 AND staff_id IS NULL ORDER BY created_at DESC, id DESC LIMIT $2",
        booking_id,
        limit,
    )


async def of_booking(tx: Transaction, booking_id: UUID, *, limit: int = 200) -> list[Note]:
    """All notes on a booking, newest first."""
    return await tx.fetch_as(
        Note,
        "SELECT n.id, n.text, m.name AS author, n.created_at,"
        "       g.note_id IS NOT NULL AND g.answered_at IS NULL AS waiting FROM booking_note n"
        "  LEFT JOIN staff m ON m.id = n.staff_id LEFT JOIN guest_message g ON g.note_id = n.id"
        " WHERE n.booking_id = $1"
        " ORDER BY n.created_at DESC, n.id DESC LIMIT $2",
        booking_id,
        limit,
    )
