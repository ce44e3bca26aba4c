"""What of the catalogue may go, or change its meaning: only what nothing that was sold needs.

Properties, room types and plans are their own domains', which cannot know what was sold; here that is asked,
and then they are called.
"""

from __future__ import annotations

from datetime import date, datetime

from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.inventory import room_nights
from hotel_booking.domains.properties import tables as properties
from hotel_booking.domains.properties.catalogue import Property, RoomType
from hotel_booking.domains.properties.errors import InUse
from hotel_booking.domains.properties.queries import find_item, property_by_slug
from hotel_booking.domains.properties.rows import check_version, refuse_while_used
from hotel_booking.domains.properties.rows import uses as found
from hotel_booking.domains.properties.service import properties as property_service
from hotel_booking.domains.properties.service import room_types as room_type_service
from hotel_booking.domains.properties.types import PropertyChange, RoomTypeChange, Use
from hotel_booking.domains.rates import removal as rates
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.tables import rate_plan

# Bookings to come are few and found by their departure; those of the past are all others.
_OF_PROPERTY = """
SELECT come.number AS bookings_to_come,
       (SELECT count(*) FROM booking WHERE property_id = $1) - come.number AS bookings_past,
       (SELECT count(*) FROM quote WHERE property_id = $1 AND expires_at > $3 AND booking_id IS NULL)
           AS open_quotes,
       (SELECT count(*) FROM room_type WHERE property_id = $1) AS room_types,
       (SELECT count(*) FROM room WHERE property_id = $1) AS rooms,
       (SELECT count(*) FROM rate_plan WHERE property_id = $1) AS rate_plans,
       (SELECT count(DISTINCT staff_id) FROM staff_grant WHERE property_id = $1) AS staff,
       (SELECT count(*) FROM api_key WHERE property_ids @> ARRAY[$1::int] AND revoked_at IS NULL) AS keys
  FROM (SELECT count(*) AS number FROM booking_entry e
         WHERE e.property_id = $1 AND e.departure > $2 AND EXISTS (
               SELECT FROM reservation r WHERE r.booking_id = e.booking_id AND r.taken IS NOT NULL
                  AND r.departure > $2)) AS come
"""
# Through the property's bookings: reservations have no index by room type or plan alone, it would cost every
# booking something. A quote that may still become a booking names what it sells in its rooms.
_SOLD = """
SELECT count(DISTINCT b.id) FILTER (WHERE departure > $2 AND taken IS NOT NULL) AS bookings_to_come,
       count(DISTINCT b.id) FILTER (WHERE departure <= $2 OR taken IS NULL) AS bookings_past,
       (SELECT count(*) FROM quote q WHERE q.property_id = $4 AND q.expires_at > $3 AND q.booking_id IS NULL
           AND q.rooms @> jsonb_build_array(jsonb_build_object('{column}', $1::int))) AS open_quotes
  FROM booking b JOIN reservation r ON r.booking_id = b.id WHERE b.property_id = $4 AND r.{column} = $1
"""

# What has a price for each of the property's child bands.
_BANDED = """
SELECT (SELECT min(code) FROM room_type WHERE property_id = $1 AND child_amounts <> '{}') AS room_type,
       EXISTS (SELECT FROM rate_night n JOIN room_type t ON t.id = n.room_type_id
                WHERE t.property_id = $1 AND n.child_amounts IS NOT NULL AND n.night >= $2)
           AS nights
"""


async def change_property(
    tx: Transaction, *, slug: str, changes: PropertyChange, now: datetime, version: int | None = None
) -> Property:
    """Change a property. Its currency and time zone cannot change any more once it has rates or bookings:
    prices and deadlines would come to mean something else; nor can the number of its child bands while there
    are prices for each of them. Raises `InUse`, and `ChangedMeanwhile` where it is not `version` any more."""
    async with tx.savepoint():  # a refusal leaves nothing of it
        before = await property_by_slug(tx, slug, lock=True)
        after = await property_service.change(tx, slug=slug, changes=changes, version=version)
        for field, name in (("currency", "currency"), ("timezone", "time zone")):
            if getattr(after, field) != getattr(before, field) and await _sells(tx, before.id):
                raise InUse(
                    f"the {name} cannot change: there are already rates or bookings",
                    field=field,
                    fix="create a new property instead",
                )
        if len(after.child_bands) != len(before.child_bands):
            await _refuse_while_banded(tx, after, now)
    return after


async def _refuse_while_banded(tx: Transaction, property_: Property, now: datetime) -> None:
    """Children would pay what is meant for others, and those of a new band nothing."""
    today = business_date(now, property_.timezone, property_.day_end_time)
    row = await tx.fetchrow(_BANDED, property_.id, today)
    if row is None or not (row["room_type"] or row["nights"]):
        return
    if row["room_type"]:
        what = f"room type {row['room_type']} has"
        fix = "empty the prices of children of the room types first, and enter them again afterwards"
    else:
        what = "nights have"
        fix = "send null as `children` of the nights first, and the new prices afterwards"
    raise InUse(
        f"the number of child ages cannot change: {what} a price for each of them",
        field="child_bands",
        fix=fix,
    )


async def change_room_type(
    tx: Transaction, *, property_: Property, code: str, changes: RoomTypeChange, version: int | None = None
) -> RoomType:
    """Change a room type. Raises `InUse` when it shall not be sold any more but has bookings to come,
    `ChangedMeanwhile` where it is not `version` any more."""
    async with tx.savepoint():  # a refusal leaves nothing of it
        after = await room_type_service.change(
            tx, property_=property_, code=code, changes=changes, version=version
        )
        if changes.active is False:
            await _refuse_while_booked(tx, after.id)
    return after


async def property_uses(tx: Transaction, *, property_: Property, now: datetime) -> tuple[Use, ...]:
    """Where a property is needed."""
    today = business_date(now, property_.timezone, property_.day_end_time)
    row = await tx.fetchrow(_OF_PROPERTY, property_.id, today, now)
    return found(row) if row is not None else ()


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
    sold = await _sold(tx, "rate_plan_id", row, today, now)
    return (*sold, *await rates.derived_plans(tx, plan_id=row.id))


async def remove_property(tx: Transaction, *, slug: str, version: int | None = None, now: datetime) -> None:
    """Remove a property that is not needed, with its policies, taxes, texts and photos. Raises `InUse`."""
    row = await property_by_slug(tx, slug, lock=True)
    await check_version(tx, properties.property_, row, version)
    refuse_while_used(row.name, await property_uses(tx, property_=row, now=now))
    await property_service.remove(tx, property_=row, now=now)


async def remove_room_type(
    tx: Transaction, *, property_: Property, code: str, now: datetime, version: int | None = None
) -> None:
    """Remove a room type that was never sold and has no rooms, with its nights, prices and texts. Raises
    `InUse`."""
    row = await find_item(tx, properties.room_type, property_.id, code, lock=True)
    await check_version(tx, properties.room_type, row, version)
    refuse_while_used(row.name, await room_type_uses(tx, row=row, property_=property_, now=now))
    await rates.remove_prices(tx, room_type_id=row.id)
    await room_nights.take_off_sale(tx, room_type_id=row.id)
    await room_type_service.remove(tx, room_type=row)


async def remove_plan(
    tx: Transaction, *, property_: Property, code: str, now: datetime, version: int | None = None
) -> None:
    """Remove a rate plan that was never sold and that none is derived from, with its prices and texts. Raises
    `InUse`."""
    row = await find_item(tx, rate_plan, property_.id, code, lock=True)
    await check_version(tx, rate_plan, row, version)
    refuse_while_used(row.name, await plan_uses(tx, row=row, property_=property_, now=now))
    await rates.remove_plan(tx, plan=row)


async def _sold(
    tx: Transaction, column: str, row: RoomType | RatePlan, today: date, now: datetime
) -> tuple[Use, ...]:
    counts = await tx.fetchrow(_SOLD.format(column=column), row.id, today, now, row.property_id)
    return found(counts) if counts is not None else ()


async def _sells(tx: Transaction, property_id: int) -> bool:
    booked = await tx.fetchval("SELECT EXISTS (SELECT FROM booking WHERE property_id = $1)", property_id)
    return bool(booked) or await rates.ever_priced(tx, property_id=property_id)


async def _refuse_while_booked(tx: Transaction, room_type_id: int) -> None:
    reference = await tx.fetchval(
        "SELECT b.reference FROM reservation r JOIN booking b ON b.id = r.booking_id"
        " WHERE r.room_type_id = $1 AND r.taken IS NOT NULL"
        "   AND r.status IN ('held', 'confirmed', 'checked_in')"
        " ORDER BY r.arrival LIMIT 1",
        room_type_id,
    )
    if reference is not None:
        raise InUse(
            f"booking {reference} and perhaps others have this room type",
            fix="close it through ARI, and deactivate it after the last stay",
        )
