"""A stay's life after its confirmation: no-show, check-in, check-out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID

import asyncpg

from hotel_booking.core.dates import local_today
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.bookings.due import no_show_fee
from hotel_booking.domains.bookings.errors import TooEarly, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.cancel import carry_out, settle
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.inventory.errors import RoomInUse
from hotel_booking.domains.payments import service as payments

# Gives back the nights from $2 on of every room of the booking; bookings' row is locked already.
_SHORTEN = """
WITH released AS (
    SELECT r.id, r.room_type_id, greatest(lower(r.taken), $2::date) AS first, upper(r.taken) AS until
      FROM reservation r
     WHERE r.booking_id = $1 AND r.taken IS NOT NULL AND upper(r.taken) > $2::date
)
SELECT inventory_change(array_agg(room_type_id), array_agg(first), array_agg(until), array_agg(-1))
  FROM released
"""
_AFTER = """
WITH whole AS (UPDATE booking SET status = $3 WHERE id = $1)
UPDATE reservation r
   SET status = $3, fee = f.fee, checked_out_at = CASE WHEN $3 = 'checked_out' THEN $5::timestamptz END,
       taken = CASE WHEN $2::date > arrival THEN daterange(arrival, least(departure, $2::date)) END
  FROM unnest($4::uuid[], $6::bigint[]) AS f(id, fee)
 WHERE r.booking_id = $1 AND r.id = f.id
"""


async def no_show(tx: Transaction, *, booking_id: UUID, now: datetime, on: date | None = None) -> Booking:
    """The guests did not come. Gives back the nights from `on` (default: the property's today) on, notes
    the sold policy's no-show fee, minor units in each reservation's `fee`, and sends back what was paid
    beyond it.

    Raises `WrongState` unless the booking is confirmed, and `TooEarly` before the arrival day where `on` is
    not given.
    """
    booking = await _locked(tx, booking_id, "confirmed", "a no-show")
    today = local_today(now, booking.timezone)
    if on is None and today < min(room.arrival for room in booking.reservations):
        raise TooEarly("nobody is a no-show before the arrival day", fix="cancel the booking instead")
    fees = [no_show_fee(room) for room in booking.reservations]
    await _end(tx, booking, status="no_show", on=on or today, now=now, fees=fees)
    await carry_out(tx, booking, settle(booking, sum(fees)), reason="no-show", now=now)
    return await booking_by_id(tx, booking_id)


async def check_in(
    tx: Transaction, *, booking_id: UUID, now: datetime, rooms: Mapping[int, str] | None = None
) -> Booking:
    """The guests are in the house. `rooms` names physical rooms by reservation position.

    Raises `WrongState` unless the booking is confirmed, `TooEarly` before the arrival day, `RoomInUse`
    where a room has another stay or a block on one of the nights.
    """
    booking = await _locked(tx, booking_id, "confirmed", "checked in")
    today = local_today(now, booking.timezone)
    for reservation in booking.reservations:
        if today < reservation.arrival:
            raise TooEarly(
                f"the stay begins on {reservation.arrival}",
                fix="change the arrival first, if the room is free",
            )
        if today >= reservation.departure:
            raise WrongState("the stay is over", fix="make it a no-show")
    for position, number in (rooms or {}).items():
        await _assign(tx, booking, position, number)
    await tx.execute(
        "WITH whole AS (UPDATE booking SET status = 'checked_in' WHERE id = $1)"
        " UPDATE reservation SET status = 'checked_in', checked_in_at = $2 WHERE booking_id = $1",
        booking_id,
        now,
    )
    await payments.take_now(tx, booking_id=booking_id, now=now)
    return await booking_by_id(tx, booking_id)


async def check_out(
    tx: Transaction, *, booking_id: UUID, now: datetime, departed: date | None = None
) -> Booking:
    """The guests have left. Leaving early gives back the nights from `departed` (default: the property's
    today) on; the price stays what was booked. Raises `WrongState` unless the booking is checked in."""
    booking = await _locked(tx, booking_id, "checked_in", "checked out")
    last = departed or local_today(now, booking.timezone)
    if last < min(room.arrival for room in booking.reservations):
        raise Invalid("the departure lies before the arrival", field="departed")
    await _end(tx, booking, status="checked_out", on=last, now=now, fees=[0] * len(booking.reservations))
    # The room itself is free from that day on, too.
    if any(room.room for room in booking.reservations):
        await tx.execute(
            "UPDATE room_use u SET stay = daterange(lower(u.stay), greatest(lower(u.stay) + 1, $2::date))"
            "  FROM reservation r"
            " WHERE r.booking_id = $1 AND u.reservation_id = r.id AND upper(u.stay) > $2::date",
            booking_id,
            last,
        )
    return await booking_by_id(tx, booking_id)


async def _locked(tx: Transaction, booking_id: UUID, needed: str, verb: str) -> Booking:
    status = await lock_booking(tx, booking_id)
    if status != needed:
        raise WrongState(
            f"the booking is {status.replace('_', ' ')}; only a {needed.replace('_', ' ')} one can be {verb}"
        )
    return await booking_by_id(tx, booking_id)


async def _end(
    tx: Transaction, booking: Booking, *, status: str, on: date, now: datetime, fees: list[int]
) -> None:
    if any(on < room.departure for room in booking.reservations):
        await tx.execute(_SHORTEN, booking.id, on)
    ids = [room.id for room in booking.reservations]
    await tx.execute(_AFTER, booking.id, on, status, ids, now, fees)


async def _assign(tx: Transaction, booking: Booking, position: int, number: str) -> None:
    reservation = next((r for r in booking.reservations if r.position == position), None)
    if reservation is None:
        raise Invalid(f"the booking has no room {position}", field="rooms")
    room = await tx.fetchrow(
        "SELECT id, room_type_id FROM room WHERE property_id = $1 AND number = $2 AND active",
        booking.property_id,
        number,
    )
    if room is None:
        raise Invalid(f"the property has no room {number}", field="rooms")
    try:
        async with tx.savepoint():
            await tx.execute(
                "INSERT INTO room_use (room_id, stay, reservation_id) VALUES ($1, daterange($2, $3), $4)",
                room["id"],
                reservation.arrival,
                reservation.departure,
                reservation.id,
            )
    except asyncpg.ExclusionViolationError:
        raise RoomInUse(
            f"room {number} has another stay or a block on one of these nights", fix="choose another room"
        ) from None
