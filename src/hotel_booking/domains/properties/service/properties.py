"""Make and change properties."""

from __future__ import annotations

from typing import Any

import asyncpg

from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.properties import tables
from hotel_booking.domains.properties.errors import InUse
from hotel_booking.domains.properties.queries import property_by_slug
from hotel_booking.domains.properties.rows import insert, said, update
from hotel_booking.domains.properties.types import (
    NewProperty,
    PropertyChange,
    check_bands,
    check_currency,
    check_texts,
    check_timezone,
    property_codes,
    slug_of,
)


async def create(tx: Transaction, *, new: NewProperty) -> Row:
    """Make a property. Raises `AlreadyExists` for a taken slug, `Invalid` naming the field."""
    values = {name: getattr(new, name) for name in new.__struct_fields__}
    values["slug"] = new.slug or slug_of(new.name)
    _check(values)
    try:
        return await insert(tx, tables.property_, values, what=f"a property {values['slug']!r}")
    except asyncpg.ForeignKeyViolationError:
        raise Invalid("there is no such place", field="place_id", fix="GET /places finds it") from None


async def change(tx: Transaction, *, slug: str, changes: PropertyChange) -> Row:
    """Change a property. Its currency and time zone cannot change any more once it has rates or bookings:
    prices and deadlines would come to mean something else."""
    row = await property_by_slug(tx, slug)
    values = said(changes)
    _check(values)
    for field in ("currency", "timezone"):
        if field in values and values[field] != row[field] and await _in_use(tx, row["id"]):
            raise InUse(
                f"the {field} cannot change: there are rates or bookings in it",
                field=field,
                fix="make a new property instead",
            )
    try:
        return await update(tx, tables.property_, row["id"], values)
    except asyncpg.ForeignKeyViolationError:
        raise Invalid("there is no such place", field="place_id", fix="GET /places finds it") from None


def _check(values: dict[str, Any]) -> None:
    check_texts(values)
    if "timezone" in values:
        check_timezone(values["timezone"])
    if "currency" in values:
        check_currency(values["currency"])
    if "child_bands" in values:
        check_bands(values["child_bands"])
    if "amenities" in values:
        values["amenities"] = property_codes(values["amenities"])
    for field in ("check_in_time", "check_out_time"):
        if field in values and values[field].tzinfo is not None:
            raise Invalid(
                "the time is the property's, without an offset", field=field, fix="such as 15:00:00"
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
