"""Who is in a room: guests in the house, found by its number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.names import FULL_NAME
from hotel_booking.core.typed_numbers import plain_digits

_LONGEST_NUMBER = 20
# Who has not been checked out stays in the room beyond the departure; nobody does for longer.
_OVERDUE = timedelta(days=60)
_SQL = f"""
SELECT b.reference, {FULL_NAME} AS guest, p.name AS property_name, r.number AS room, v.arrival,
       v.departure
  FROM room r
  JOIN property p ON p.id = r.property_id
 CROSS JOIN LATERAL (SELECT u.reservation_id FROM room_use u
                      WHERE u.room_id = r.id AND u.stay && daterange($3, $4)
                        AND u.reservation_id IS NOT NULL OFFSET 0) AS u
  JOIN reservation v ON v.id = u.reservation_id AND v.status = 'checked_in'
  JOIN booking b ON b.id = v.booking_id
  JOIN guest g ON g.id = b.guest_id
 WHERE r.property_id = ANY ($1::int[]) AND r.number = ANY ($2::text[])
 ORDER BY p.name, p.id, v.arrival LIMIT $5
"""


class InRoom(msgspec.Struct, frozen=True):
    """Guests who are in a room."""

    reference: str
    guest: str
    property_name: str
    room: str
    arrival: date
    departure: date


async def in_room(
    tx: Transaction, text: str, *, property_ids: Sequence[int], today: date, limit: int
) -> list[InRoom]:
    """Who is in the room of this number (`201`, `room 201`) at each of the properties; `today` is a date of
    any of them."""
    number = " ".join(plain_digits(text).split())
    number = number[5:] if number.lower().startswith("room ") else number
    if not number or len(number) > _LONGEST_NUMBER:
        return []
    return await tx.fetch_as(
        InRoom,
        _SQL,
        sorted(property_ids),
        [number, number.upper(), number.lower(), number.title()],
        today - _OVERDUE,
        today + timedelta(days=4),  # the earliest anywhere
        limit,
    )
