"""How a stay ends: the nights that are left go back on sale, and each room notes its fee. The guests of some
rooms may leave before the others: then the booking goes on with these."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.types import Booking, Reservation

# Gives back the nights from $2 on of these rooms; the booking's row is locked already.
_SHORTEN = """
WITH released AS (
    SELECT r.id, r.room_type_id, greatest(lower(r.taken), $2::date) AS first, upper(r.taken) AS until
      FROM reservation r
     WHERE r.id = ANY ($1::uuid[]) AND r.taken IS NOT NULL AND upper(r.taken) > $2::date
)
SELECT inventory_change(array_agg(room_type_id), array_agg(first), array_agg(until), array_agg(-1))
  FROM released
"""
_AFTER = """
WITH whole AS (UPDATE booking SET status = $8 WHERE id = $1 AND $7)
UPDATE reservation r
   SET status = $3, fee = f.fee, checked_out_at = CASE WHEN $3 = 'checked_out' THEN $5::timestamptz END,
       taken = CASE WHEN $2::date > arrival THEN daterange(arrival, least(departure, $2::date)) END
  FROM unnest($4::uuid[], $6::bigint[]) AS f(id, fee)
 WHERE r.booking_id = $1 AND r.id = f.id
"""


async def end_stay(
    tx: Transaction,
    booking: Booking,
    rooms: Sequence[Reservation],
    *,
    status: str,
    on: date,
    now: datetime,
    fees: Sequence[int],
) -> None:
    """Set the state of these rooms of the booking, whose nights from `on` on are free again, and with the
    last of them the booking's; `fees` in minor units, one a room. The booking's row is locked."""
    ids = [room.id for room in rooms]
    if any(on < room.departure for room in rooms):
        await tx.execute(_SHORTEN, ids, on)
    whole = len(rooms) == len(booking.staying)
    # Who came and left has stayed, though others of them did not come.
    over = "checked_out" if booking.status == "checked_in" else status
    await tx.execute(_AFTER, booking.id, on, status, ids, now, fees, whole, over)
