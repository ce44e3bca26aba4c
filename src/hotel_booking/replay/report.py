"""What came of it: the figures, counted by the database from the bookings themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.formats import plain
from hotel_booking.core.money import divide
from hotel_booking.replay.demand import CURRENCY
from hotel_booking.replay.simulation import Simulation

_TOTALS = """
SELECT count(*) AS accepted,
       count(*) FILTER (WHERE b.status = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE b.status = 'no_show') AS no_shows,
       count(*) FILTER (WHERE b.status = 'checked_out') AS stays,
       count(*) FILTER (WHERE b.status IN ('confirmed', 'checked_in')) AS open,
       coalesce(sum(r.departure - r.arrival) FILTER (WHERE b.status = 'checked_out'), 0) AS room_nights,
       coalesce(sum(upper(r.taken) - lower(r.taken)) FILTER (WHERE b.status = 'checked_out'), 0)
           AS nights_slept,
       coalesce(sum(r.total) FILTER (WHERE b.status = 'checked_out'), 0)::bigint AS revenue
  FROM booking b JOIN reservation r ON r.booking_id = b.id
 WHERE b.property_id = ANY ($1) AND b.status NOT IN ('held', 'expired')
"""
# Rooms beyond the capacity, night by night from $2 on, recounted from the reservations.
_OVERSOLD = """
SELECT coalesce(sum(t.rooms - coalesce(n.capacity, 0)), 0)::bigint
  FROM (SELECT r.room_type_id, i::date AS night, count(*) AS rooms
          FROM reservation r JOIN room_type k ON k.id = r.room_type_id AND k.property_id = ANY ($1),
               generate_series(greatest(lower(r.taken), $2::date), upper(r.taken) - 1, '1 day') AS i
         WHERE r.taken IS NOT NULL AND upper(r.taken) > $2 GROUP BY 1, 2) AS t
  LEFT JOIN room_night n USING (room_type_id, night)
 WHERE t.rooms > coalesce(n.capacity, 0)
"""
_MONTHS = """
WITH kind AS (SELECT id FROM room_type WHERE property_id = ANY ($1)),
stay AS (SELECT r.* FROM reservation r JOIN kind ON kind.id = r.room_type_id WHERE r.status = 'checked_out'),
rooms AS (SELECT date_trunc('month', night)::date AS month, sum(capacity) AS available
            FROM room_night n JOIN kind ON kind.id = n.room_type_id GROUP BY 1),
sold AS (SELECT date_trunc('month', (p ->> 'night')::date)::date AS month, count(*) AS nights,
                sum((p ->> 'price')::bigint) AS revenue
           FROM stay, jsonb_array_elements(night_prices) AS p GROUP BY 1),
slept AS (SELECT date_trunc('month', i)::date AS month, count(*) AS nights
            FROM stay, generate_series(lower(taken), upper(taken) - 1, '1 day') AS i
           WHERE taken IS NOT NULL GROUP BY 1)
SELECT rooms.month, rooms.available::bigint AS rooms_available, coalesce(sold.nights, 0) AS room_nights,
       coalesce(slept.nights, 0) AS nights_slept, coalesce(sold.revenue, 0)::bigint AS revenue
  FROM rooms LEFT JOIN sold USING (month) LEFT JOIN slept USING (month) ORDER BY 1
"""


class Totals(msgspec.Struct):
    """The bookings of the whole replay. `revenue` in minor units; `open` are bookings not yet ended, of a
    replay that was stopped."""

    accepted: int
    cancelled: int
    no_shows: int
    stays: int
    open: int
    room_nights: int
    nights_slept: int
    revenue: int


class Month(msgspec.Struct):
    """One month's nights. `revenue` in minor units; `adr` (revenue per booked night) and `revpar` (revenue
    per room available) are decimal texts of the major unit, `occupancy` (nights slept per room available) a
    decimal text from 0 to 1; all rounded half up, `adr` null where no night was sold."""

    month: str
    rooms_available: int
    room_nights: int
    nights_slept: int
    occupancy: str
    revenue: int
    adr: str | None
    revpar: str


class Outcome(msgspec.Struct):
    """What simulating a plan left behind, in a database of its own or over HTTP."""

    simulation: Simulation
    totals: Totals
    months: list[Month]
    oversold: int


class Room(msgspec.Struct):
    """The rooms of one room type: how many the file needs, and how many there were."""

    hotel: str
    room_type: str
    needed: int
    rooms: int


class OddDates(msgspec.Struct):
    """Rows with one kind of odd status date: how many, and the file's lines of the first."""

    count: int
    lines: list[int]


class Report(msgspec.Struct, kw_only=True):
    """The outcome of a replay, as `--json` writes it."""

    file: str
    rows: int
    accepted: int
    refused: dict[str, int]
    cancelled: int
    no_shows: int
    stays: int
    open: int
    oversold_nights: int
    room_nights: int
    nights_slept: int
    revenue: int
    currency: str = CURRENCY
    months: list[Month]
    odd_dates: dict[str, OddDates]
    capacity: list[Room]
    events: int
    events_done: int
    stopped_after: date | None
    seconds: float
    peak_memory_mb: int


async def totals(tx: Transaction, properties: Sequence[int]) -> Totals:
    """Count the bookings."""
    row = await tx.fetchrow(_TOTALS, list(properties))
    if row is None:
        raise AssertionError("an aggregate has one row")
    return Totals(**dict(row))


async def oversold(tx: Transaction, properties: Sequence[int], since: date) -> int:
    """Room-nights from `since` on that have more rooms taken than there are: rooms beyond the capacity."""
    return int(await tx.fetchval(_OVERSOLD, list(properties), since))


async def months(tx: Transaction, properties: Sequence[int]) -> list[Month]:
    """The months on sale, oldest first."""
    return [
        month(
            row["month"],
            available=row["rooms_available"],
            sold=row["room_nights"],
            slept=row["nights_slept"],
            revenue=row["revenue"],
        )
        for row in await tx.fetch(_MONTHS, list(properties))
    ]


def month(first: date, *, available: int, sold: int, slept: int, revenue: int) -> Month:
    """A month's figures with what is derived from them."""
    return Month(
        month=f"{first:%Y-%m}",
        rooms_available=available,
        room_nights=sold,
        nights_slept=slept,
        occupancy=str(Decimal(divide(slept * 10_000, available) if available else 0).scaleb(-4)),
        revenue=revenue,
        adr=plain(divide(revenue, sold), CURRENCY) if sold else None,
        revpar=plain(divide(revenue, available) if available else 0, CURRENCY),
    )
