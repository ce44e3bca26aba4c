"""Make and change properties."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

import asyncpg

from hotel_booking.core.dates import DAY_END, LATEST_DAY_END, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.properties import tables
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.errors import InUse
from hotel_booking.domains.properties.queries import property_by_slug
from hotel_booking.domains.properties.rows import (
    check_version,
    delete,
    insert,
    refuse_while_used,
    said,
    update,
)
from hotel_booking.domains.properties.rows import uses as found
from hotel_booking.domains.properties.service import photos
from hotel_booking.domains.properties.types import (
    NewProperty,
    PropertyChange,
    Use,
    check_bands,
    check_currency,
    check_texts,
    check_timezone,
    property_codes,
    slug_of,
)

# Addresses beside the properties' own.
_RESERVED = frozenset({"new"})


async def create(tx: Transaction, *, new: NewProperty) -> Property:
    """Make a property. Raises `AlreadyExists` for a taken slug, `Invalid` naming the field."""
    values = {name: getattr(new, name) for name in new.__struct_fields__}
    values["slug"] = new.slug or await _free_slug(tx, slug_of(new.name))
    if values["slug"] in _RESERVED:
        raise Invalid(
            f"the address {values['slug']!r} is taken by a page of ours", field="slug", fix="add a word"
        )
    await _check(tx, values, new.country)
    try:
        return await insert(tx, tables.property_, values, what=f"a property {values['slug']!r}")
    except asyncpg.ForeignKeyViolationError:
        raise Invalid("there is no such place", field="place_id", fix="GET /places finds it") from None


async def _free_slug(tx: Transaction, slug: str) -> str:
    """The slug, with a number behind it where another property has it."""
    rows = await tx.fetch("SELECT slug FROM property WHERE slug = $1 OR slug LIKE $1 || '-%'", slug)
    taken = {row["slug"] for row in rows} | _RESERVED
    numbered = (f"{slug}-{number}" for number in count(2))
    return slug if slug not in taken else next(one for one in numbered if one not in taken)


async def change(
    tx: Transaction, *, slug: str, changes: PropertyChange, version: int | None = None
) -> Property:
    """Change a property. Its currency and time zone cannot change any more once it has rates or bookings:
    prices and deadlines would come to mean something else. Raises `ChangedMeanwhile` where it is not
    `version` any more."""
    row = await property_by_slug(tx, slug, lock=True)
    await check_version(tx, tables.property_, row, version)
    values = said(changes)
    await _check(tx, values, values.get("country") or row.country)
    for field in ("currency", "timezone"):
        if field in values and values[field] != getattr(row, field) and await _in_use(tx, row.id):
            raise InUse(
                f"the {field} cannot change: there are rates or bookings in it",
                field=field,
                fix="make a new property instead",
            )
    try:
        return await update(tx, tables.property_, row.id, values)
    except asyncpg.ForeignKeyViolationError:
        raise Invalid("there is no such place", field="place_id", fix="GET /places finds it") from None


_USES = """
SELECT (SELECT count(*) FROM booking b WHERE b.property_id = $1 AND EXISTS (
            SELECT FROM reservation r WHERE r.booking_id = b.id AND r.taken IS NOT NULL
               AND r.departure > $2)) AS bookings_to_come,
       (SELECT count(*) FROM booking b WHERE b.property_id = $1 AND NOT EXISTS (
            SELECT FROM reservation r WHERE r.booking_id = b.id AND r.taken IS NOT NULL
               AND r.departure > $2)) AS bookings_past,
       (SELECT count(*) FROM quote WHERE property_id = $1 AND expires_at > $3 AND booking_id IS NULL)
           AS open_quotes,
       (SELECT count(*) FROM room_type WHERE property_id = $1) AS room_types,
       (SELECT count(*) FROM room WHERE property_id = $1) AS rooms,
       (SELECT count(*) FROM rate_plan WHERE property_id = $1) AS rate_plans,
       (SELECT count(DISTINCT staff_id) FROM staff_grant WHERE property_id = $1) AS staff,
       (SELECT count(*) FROM api_key WHERE property_ids @> ARRAY[$1::int] AND revoked_at IS NULL) AS keys
"""


async def uses(tx: Transaction, *, property_: Property, now: datetime) -> tuple[Use, ...]:
    """Where a property is needed."""
    today = business_date(now, property_.timezone, property_.day_end_time)
    row = await tx.fetchrow(_USES, property_.id, today, now)
    return found(row) if row is not None else ()


async def remove(tx: Transaction, *, slug: str, version: int | None = None, now: datetime) -> None:
    """Remove a property that is not needed, with its policies, taxes, texts and photos. Raises `InUse`."""
    row = await property_by_slug(tx, slug, lock=True)
    await check_version(tx, tables.property_, row, version)
    refuse_while_used(row.name, await uses(tx, property_=row, now=now))
    await photos.remove_all(tx, property_id=row.id, now=now)
    for table in ("translation", "tax", "cancellation_policy"):
        await tx.execute(f"DELETE FROM {table} WHERE property_id = $1", row.id)
    await delete(tx, tables.property_, row.id, what=row.name)


async def _check(tx: Transaction, values: dict[str, Any], country: str) -> None:
    check_texts(values, country=country)
    if "timezone" in values:
        check_timezone(values["timezone"])
        await _check_timezone_here(tx, values["timezone"])
    if "currency" in values:
        check_currency(values["currency"])
    if "child_bands" in values:
        check_bands(values["child_bands"])
    if "amenities" in values:
        values["amenities"] = property_codes(values["amenities"])
    for field in ("check_in_time", "check_out_time", "day_end_time"):
        if field in values and values[field].tzinfo is not None:
            raise Invalid(
                "the time is the property's, without an offset", field=field, fix="such as 15:00:00"
            )
    if values.get("day_end_time", DAY_END) >= LATEST_DAY_END:
        raise Invalid("the day ends before noon", field="day_end_time", fix="such as 06:00:00")


async def _check_timezone_here(tx: Transaction, name: str) -> None:
    """The database computes days and deadlines too, by a list of zones of its own. A property in a zone that
    it has not got would fail every page that adds up over properties."""
    if not await tx.fetchval("SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)", name):
        raise Invalid(
            f"the database does not know the time zone {name!r}",
            field="timezone",
            fix="use another of the same time, such as Europe/Lisbon, or update PostgreSQL's time zones",
        )


async def _in_use(tx: Transaction, property_id: int) -> bool:
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM booking WHERE property_id = $1)"
            "    OR EXISTS (SELECT FROM room_type t JOIN rate_night n ON n.room_type_id = t.id"
            "                WHERE t.property_id = $1)",
            property_id,
        )
    )
