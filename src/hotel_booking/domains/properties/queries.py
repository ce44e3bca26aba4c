"""Reading the catalogue."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from hotel_booking.core.db import Row, Transaction
from hotel_booking.domains.identity.errors import NoSuchProperty
from hotel_booking.domains.properties import tables
from hotel_booking.domains.properties.errors import NoSuchThing

MAX_LISTED = 2_000  # things of one kind in one property


async def property_by_slug(tx: Transaction, slug: str, *, active_only: bool = False) -> Row:
    """The property's row. Raises `NoSuchProperty`."""
    query = sa.select(tables.property_).where(tables.property_.c.slug == slug)
    if active_only:
        query = query.where(tables.property_.c.active)
    row = await tx.fetchrow(query)
    if row is None:
        raise NoSuchProperty(f"there is no property {slug!r}", fix="GET /properties lists them")
    return row


async def properties(tx: Transaction, *, after: int, limit: int) -> list[Row]:
    """Active properties by id, the first `limit` with an id above `after`."""
    table = tables.property_
    query = sa.select(table).where(table.c.active, table.c.id > after).order_by(table.c.id).limit(limit)
    return await tx.fetch(query)


async def things(tx: Transaction, table: sa.Table, property_id: int) -> list[Row]:
    """Everything of one kind in a property, in its order."""
    order = [table.c[name] for name in ("sort", "number", "id") if name in table.c]
    query = sa.select(table).where(table.c.property_id == property_id).order_by(*order).limit(MAX_LISTED)
    return await tx.fetch(query)


async def thing(
    tx: Transaction, table: sa.Table, property_id: int, code: str, *, key: str = "code", lock: bool = False
) -> Row:
    """One thing by its code or number. Raises `NoSuchThing`."""
    query: Any = sa.select(table).where(table.c.property_id == property_id, table.c[key] == code)
    row = await tx.fetchrow(query.with_for_update() if lock else query)
    if row is None:
        kind = table.name.replace("_", " ")
        raise NoSuchThing(f"the property has no {kind} {code!r}", fix="list them to see what it has")
    return row
