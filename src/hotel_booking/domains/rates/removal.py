"""Removing what is sold: room types and rate plans that nobody needs go with their nights and prices."""

from __future__ import annotations

from datetime import date, datetime

from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties import tables as properties
from hotel_booking.domains.properties.catalogue import Property, RoomType
from hotel_booking.domains.properties.queries import thing
from hotel_booking.domains.properties.rows import check_version, delete, refuse_while_used
from hotel_booking.domains.properties.rows import uses as found
from hotel_booking.domains.properties.service.translations import forget
from hotel_booking.domains.properties.types import Use
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.tables import rate_plan

# Through the property's bookings: reservations have no index by room type or plan alone, it would cost every
# booking something. A quote that may still become a booking names what it sells in its rooms.
_SOLD = """
SELECT count(DISTINCT b.id) FILTER (WHERE departure > $2 AND taken IS NOT NULL) AS bookings_to_come,
       count(DISTINCT b.id) FILTER (WHERE departure <= $2 OR taken IS NULL) AS bookings_past,
       (SELECT count(*) FROM quote q WHERE q.property_id = $4 AND q.expires_at > $3 AND q.booking_id IS NULL
           AND q.rooms @> jsonb_build_array(jsonb_build_object('{column}', $1::int))) AS open_quotes
  FROM booking b JOIN reservation r ON r.booking_id = b.id WHERE b.property_id = $4 AND r.{column} = $1
"""


async def room_type_uses(
    tx: Transaction, *, row: RoomType, property_: Property, now: datetime
) -> tuple[Use, ...]:
    """Where a room type is needed: bookings, quotes, rooms."""
    today = business_date(now, property_.timezone, property_.day_end_time)
    rooms = await tx.fetchrow(
        "SELECT count(*) AS rooms, (array_agg(number ORDER BY number))[:20] AS rooms_names"
        "  FROM room WHERE room_type_id = $1",
        row.id,
    )
    return (*await _sold(tx, "room_type_id", row, today, now), *(found(rooms) if rooms is not None else ()))


async def plan_uses(tx: Transaction, *, row: RatePlan, property_: Property, now: datetime) -> tuple[Use, ...]:
    """Where a rate plan is needed: bookings, quotes, plans that are derived from it."""
    today = business_date(now, property_.timezone, property_.day_end_time)
    derived = await tx.fetchrow(
        "SELECT count(*) AS derived_plans, (array_agg(code ORDER BY code))[:20] AS derived_plans_names"
        "  FROM rate_plan WHERE parent_id = $1",
        row.id,
    )
    return (
        *await _sold(tx, "rate_plan_id", row, today, now),
        *(found(derived) if derived is not None else ()),
    )


async def remove_room_type(
    tx: Transaction, *, property_: Property, code: str, now: datetime, version: int | None = None
) -> None:
    """Remove a room type that was never sold and has no rooms, with its nights, prices and texts. Raises
    `InUse`."""
    row = await thing(tx, properties.room_type, property_.id, code, lock=True)
    await check_version(tx, properties.room_type, row, version)
    refuse_while_used(row.name, await room_type_uses(tx, row=row, property_=property_, now=now))
    for table in ("rate_night", "room_night"):
        await tx.execute(f"DELETE FROM {table} WHERE room_type_id = $1", row.id)
    await forget(tx, kind="room_type", object_id=row.id)
    await delete(tx, properties.room_type, row.id, what=row.name)


async def remove_plan(
    tx: Transaction, *, property_: Property, code: str, now: datetime, version: int | None = None
) -> None:
    """Remove a rate plan that was never sold and that none is derived from, with its prices and texts. Raises
    `InUse`."""
    row = await thing(tx, rate_plan, property_.id, code, lock=True)
    await check_version(tx, rate_plan, row, version)
    refuse_while_used(row.name, await plan_uses(tx, row=row, property_=property_, now=now))
    await tx.execute("DELETE FROM rate_night WHERE rate_plan_id = $1", row.id)
    await forget(tx, kind="rate_plan", object_id=row.id)
    await delete(tx, rate_plan, row.id, what=row.name)


async def priced_nights(tx: Transaction, *, column: str, row_id: int, today: date) -> int:
    """How many nights from today on have a price of a room type (`room_type_id`) or plan (`rate_plan_id`)."""
    if column not in ("room_type_id", "rate_plan_id"):
        raise ValueError(column)
    count: int = await tx.fetchval(
        f"SELECT count(DISTINCT night) FROM rate_night WHERE {column} = $1 AND night >= $2", row_id, today
    )
    return count


async def _sold(
    tx: Transaction, column: str, row: RoomType | RatePlan, today: date, now: datetime
) -> tuple[Use, ...]:
    counts = await tx.fetchrow(_SOLD.format(column=column), row.id, today, now, row.property_id)
    return found(counts) if counts is not None else ()
