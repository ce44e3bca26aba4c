"""Make and change properties."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

import asyncpg

from hotel_booking.core.dates import DAY_END, LATEST_DAY_END
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.iso_codes import check_country, check_currency
from hotel_booking.domains.properties import tables
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.queries import property_by_slug
from hotel_booking.domains.properties.rows import (
    changed_values,
    check_version,
    delete,
    insert,
    update,
)
from hotel_booking.domains.properties.service import photos
from hotel_booking.domains.properties.types import (
    NewProperty,
    PropertyChange,
    check_bands,
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
            f"the address {values['slug']!r} is used by a page of the site",
            field="slug",
            fix="add another word",
        )
    await _check(tx, values, new.country)
    try:
        return await insert(tx, tables.property_, values, what=f"a property {values['slug']!r}", field="slug")
    except asyncpg.ForeignKeyViolationError:
        raise Invalid("there is no such place", field="place_id", fix="GET /places finds it") from None


async def _free_slug(tx: Transaction, slug: str) -> str:
    """The slug, with a number behind it where another property has it."""
    rows = await tx.fetch("SELECT slug FROM property WHERE slug = $1 OR slug LIKE $1 || '-%'", slug)
    taken = {row["slug"] for row in rows} | _RESERVED
    numbered = (f"{slug}-{number}" for number in count(2))
    return slug if slug not in taken else next(candidate for candidate in numbered if candidate not in taken)


async def change(
    tx: Transaction, *, slug: str, changes: PropertyChange, version: int | None = None
) -> Property:
    """Change a property. Raises `ChangedMeanwhile` where it is not `version` any more. What may change once
    there are rates or bookings, the bookings know (`bookings.removal.change_property`)."""
    row = await property_by_slug(tx, slug, lock=True)
    await check_version(tx, tables.property_, row, version)
    values = changed_values(changes)
    await _check(tx, values, values.get("country") or row.country)
    try:
        return await update(tx, tables.property_, row.id, values)
    except asyncpg.ForeignKeyViolationError:
        raise Invalid("there is no such place", field="place_id", fix="GET /places finds it") from None


async def remove(tx: Transaction, *, property_: Property, now: datetime) -> None:
    """Remove a property that nothing needs, with its policies, taxes, texts and photos. Raises `InUse` where
    something does; what that is, the bookings know (`bookings.removal`)."""
    await photos.remove_all(tx, property_id=property_.id, now=now)
    for table in ("translation", "tax", "cancellation_policy"):
        await tx.execute(f"DELETE FROM {table} WHERE property_id = $1", property_.id)
    await delete(tx, tables.property_, property_.id, what=property_.name)


async def _check(tx: Transaction, values: dict[str, Any], country: str) -> None:
    if "country" in values:
        check_country(values["country"])
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
            fix="use an equivalent zone, such as Europe/Lisbon, or update PostgreSQL's time zones",
        )
