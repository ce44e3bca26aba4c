"""Writing rows of the catalogue: one statement each, the same way for every table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec
import sqlalchemy as sa

from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.properties.errors import AlreadyExists


async def insert(tx: Transaction, table: sa.Table, values: Mapping[str, Any], *, what: str) -> Row:
    """Insert and return the whole row. Raises `AlreadyExists` where the code, slug or number is taken."""
    try:
        async with tx.savepoint():
            row = await tx.fetchrow(sa.insert(table).values(**values).returning(*table.c))
    except asyncpg.UniqueViolationError:
        raise AlreadyExists(f"there is {what} already", fix="choose another, or change that one") from None
    except asyncpg.CheckViolationError as error:
        raise _check_failed(error) from None
    if row is None:
        raise RuntimeError("INSERT ... RETURNING gave no row")
    return row


async def update(tx: Transaction, table: sa.Table, row_id: int, values: Mapping[str, Any]) -> Row:
    """Change a row, raise its version where the table has one, and return it whole."""
    changes = dict(values)
    if "version" in table.c and changes:
        changes["version"] = table.c.version + 1
    statement: Any = sa.update(table) if changes else sa.select(table)
    if changes:
        statement = statement.values(**changes).where(table.c.id == row_id).returning(*table.c)
    else:
        statement = statement.where(table.c.id == row_id)
    try:
        async with tx.savepoint():
            row = await tx.fetchrow(statement)
    except asyncpg.CheckViolationError as error:
        raise _check_failed(error) from None
    if row is None:
        raise RuntimeError(f"the row of {table.name} vanished")
    return row


def said(changes: msgspec.Struct) -> dict[str, Any]:
    """The fields of a PATCH that were sent."""
    return {
        name: value
        for name in changes.__struct_fields__
        if (value := getattr(changes, name)) is not msgspec.UNSET
    }


def _check_failed(error: asyncpg.CheckViolationError) -> Invalid:
    return Invalid(f"the values do not fit together ({error.constraint_name})", fix="check their bounds")
