"""Physical rooms: adding one puts it on sale, taking one away gives up its nights."""

from __future__ import annotations

from datetime import date
from typing import Any

import asyncpg

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.inventory.errors import RoomInUse, RoomIsSold, and_more_nights
from hotel_booking.domains.inventory.tables import room as room_table
from hotel_booking.domains.inventory.types import Room
from hotel_booking.domains.properties import tables
from hotel_booking.domains.properties.errors import AlreadyExists
from hotel_booking.domains.properties.queries import find_item
from hotel_booking.domains.properties.rows import (
    changed_values,
    check_version,
    delete,
    insert,
    refuse_while_used,
    update,
)
from hotel_booking.domains.properties.rows import uses as found
from hotel_booking.domains.properties.types import NewRoom, PhysicalRoomChange, Use, check_texts

_LOCK_TYPE = "SELECT FROM room_type WHERE id = $1 FOR NO KEY UPDATE"
_LOCK = """
SELECT night, taken > greatest(physical - 1 - blocked, 0) + overbooking_limit AS sold
  FROM room_night WHERE room_type_id = $1 AND night >= $2 ORDER BY room_type_id, night FOR UPDATE
"""
_SHIFT = "UPDATE room_night SET physical = greatest(physical + $3, 0) WHERE room_type_id = $1 AND night >= $2"


async def add(tx: Transaction, *, property_id: int, new: NewRoom, today: date) -> Room:
    """Make a room. Nights from `today` on that are on sale have one room more.

    Raises `AlreadyExists` for a taken number, `NoSuchItem` for an unknown room type.
    """
    values: dict[str, Any] = {"number": new.number, "floor": new.floor}
    _check_texts(values)
    kind = await find_item(tx, tables.room_type, property_id, new.room_type, field="room_type")
    values |= {"property_id": property_id, "room_type_id": kind.id}
    await tx.execute(_LOCK_TYPE, kind.id)
    row = await insert(tx, room_table, values, what=f"a room {new.number!r}", field="number")
    await _shift(tx, kind.id, today, 1)
    return row


async def change(
    tx: Transaction,
    *,
    property_id: int,
    number: str,
    changes: PhysicalRoomChange,
    today: date,
    version: int | None = None,
) -> Room:
    """Change a room. A number that another room has raises `AlreadyExists`. Taking it away raises
    `RoomIsSold` naming the nights that need it, `RoomInUse` while it has a stay or a block to come;
    `ChangedMeanwhile` where it is not `version` any more."""
    row = await find_item(tx, room_table, property_id, number, key="number", lock=True)
    await check_version(tx, room_table, row, version)
    values = changed_values(changes)
    _check_texts(values)
    active = values.get("active", row.active)
    if active != row.active:
        await tx.execute(_LOCK_TYPE, row.room_type_id)
        if not active:
            await _check_unused(tx, row, today)
        await _shift(tx, row.room_type_id, today, 1 if active else -1)
    try:
        return await update(tx, room_table, row.id, values)
    except asyncpg.UniqueViolationError:
        raise AlreadyExists(
            f"there is already a room {values['number']!r}", field="number", fix="choose another number"
        ) from None


def _check_texts(values: dict[str, Any]) -> None:
    check_texts(values)
    if "number" not in values:
        return
    number = values["number"]
    if not number:
        raise Invalid("a room has a number or a name", field="number", fix="such as 101")
    # A room's number is a part of its address.
    if "/" in number or "\\" in number or number in (".", ".."):
        raise Invalid(f"a room cannot be numbered {number!r}", field="number", fix="write A-1, not A/1")


async def uses(tx: Transaction, *, room_id: int) -> tuple[Use, ...]:
    """The stays that a room had and has, and the times that it is out of order."""
    row = await tx.fetchrow(
        "SELECT count(reservation_id) AS stays, count(*) - count(reservation_id) AS blocks"
        "  FROM room_use WHERE room_id = $1",
        room_id,
    )
    return found(row) if row is not None else ()


async def remove(
    tx: Transaction, *, property_id: int, number: str, today: date, version: int | None = None
) -> None:
    """Remove a room in which nobody ever stayed. Raises `InUse`, and `RoomIsSold` as `change` does."""
    row = await find_item(tx, room_table, property_id, number, key="number", lock=True)
    await check_version(tx, room_table, row, version)
    refuse_while_used(f"room {number}", await uses(tx, room_id=row.id))
    if row.active:
        await tx.execute(_LOCK_TYPE, row.room_type_id)
        await _check_unused(tx, row, today)
        await _shift(tx, row.room_type_id, today, -1)
    await delete(tx, room_table, row.id, what=f"room {number}")


async def _check_unused(tx: Transaction, row: Room, today: date) -> None:
    use = await tx.fetchrow(
        "SELECT lower(stay) AS first, upper(stay) AS until FROM room_use"
        " WHERE room_id = $1 AND upper(stay) > $2 ORDER BY stay LIMIT 1",
        row.id,
        today,
    )
    if use is not None:
        raise RoomInUse(
            f"room {row.number} is used from {use['first']} to {use['until']}",
            fix="move the stay, or end the block, first",
        )
    nights = await tx.fetch(_LOCK, row.room_type_id, today)
    sold = [night["night"].isoformat() for night in nights if night["sold"]]
    if sold:
        raise RoomIsSold(
            f"every room of its type is sold on {sold[0]}" + and_more_nights(len(sold) - 1),
            fix="wait until these stays are over, or move them",
            extra={"nights": sold[:50]},
        )


async def _shift(tx: Transaction, room_type_id: int, today: date, by: int) -> None:
    await tx.fetch(_LOCK, room_type_id, today)
    try:
        await tx.execute(_SHIFT, room_type_id, today, by)
    except asyncpg.NumericValueOutOfRangeError:
        raise RoomInUse("there are too many rooms of this type", fix="check the capacity") from None
