"""Out-of-order blocks: dates on which a physical room cannot be sold."""

from __future__ import annotations

from datetime import date

import asyncpg
import msgspec

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid, NotFound
from hotel_booking.domains.inventory.assignment import first_use
from hotel_booking.domains.inventory.errors import RoomInUse, RoomIsSold, and_more_nights


class BlockNotFound(NotFound):
    """No such block in this property."""

    code = "block_not_found"


class Block(msgspec.Struct, frozen=True):
    """A room that is out of order on the nights of `[arrival, departure)`."""

    id: int
    room: str
    arrival: date
    departure: date
    reason: str


_LOCK = """
SELECT night, taken, greatest(physical - blocked - 1, 0) + overbooking_limit AS left_over
  FROM room_night WHERE room_type_id = $1 AND night >= $2 AND night < $3
 ORDER BY room_type_id, night FOR UPDATE
"""
_SHIFT = "UPDATE room_night SET blocked = blocked + $4 WHERE room_type_id = $1 AND night >= $2 AND night < $3"
_BLOCK = (
    "SELECT u.id, r.number AS room, lower(u.stay) AS arrival, upper(u.stay) AS departure, u.reason,"
    " r.room_type_id FROM room_use u JOIN room r ON r.id = u.room_id"
)


async def block(tx: Transaction, *, property_id: int, room: str, stay: Stay, reason: str) -> Block:
    """Take a room out of order. Lowers its type's capacity on every night.

    Raises `RoomIsSold` naming the nights on which all rooms of the type are sold, `RoomInUse` where this
    room has a stay or another block, `Invalid` for an unknown room.
    """
    # The room type's row keeps ARI updates out meanwhile: nights they create count this block.
    row = await tx.fetchrow(
        "SELECT r.id, r.room_type_id FROM room r JOIN room_type t ON t.id = r.room_type_id"
        " WHERE r.property_id = $1 AND r.number = $2 AND r.active FOR NO KEY UPDATE OF t",
        property_id,
        room,
    )
    if row is None:
        raise Invalid(f"the property has no room {room!r}", field="room")
    nights = await tx.fetch(_LOCK, row["room_type_id"], stay.arrival, stay.departure)
    sold = [night["night"].isoformat() for night in nights if night["taken"] > night["left_over"]]
    if sold:
        raise RoomIsSold(
            f"all rooms of its type are sold on {sold[0]}" + and_more_nights(len(sold) - 1),
            fix="move or amend a booking first, or block other nights",
            extra={"nights": sold},
        )
    try:
        async with tx.savepoint():
            block_id: int = await tx.fetchval(
                "INSERT INTO room_use (room_id, stay, reason)"
                " VALUES ($1, daterange($2, $3), $4) RETURNING id",
                row["id"],
                stay.arrival,
                stay.departure,
                reason,
            )
    except asyncpg.ExclusionViolationError:
        use = await first_use(tx, room_id=row["id"], stay=stay)
        raise RoomInUse(
            f"room {room} has {use}",
            field="arrival",
            fix="choose other nights",
        ) from None
    await tx.execute(_SHIFT, row["room_type_id"], stay.arrival, stay.departure, 1)
    return Block(block_id, room, stay.arrival, stay.departure, reason)


async def unblock(tx: Transaction, *, property_id: int, block_id: int, since: date | None = None) -> None:
    """Put the room back on sale, where `since` is given from that night on: the nights before it stay what
    they were. Raises `BlockNotFound`."""
    row = await tx.fetchrow(
        _BLOCK + " JOIN room_type t ON t.id = r.room_type_id"
        " WHERE u.id = $1 AND r.property_id = $2 AND u.reason IS NOT NULL FOR NO KEY UPDATE OF t",
        block_id,
        property_id,
    )
    if row is None:
        raise BlockNotFound("there is no such block", fix="list the blocks to see which there are")
    # Nights are locked before the row goes, in the order that everybody locks them.
    await tx.fetch(_LOCK, row["room_type_id"], row["arrival"], row["departure"])
    begin = row["arrival"]
    if since is not None and since > begin:
        begin = min(since, row["departure"])
        await tx.execute(
            "UPDATE room_use SET stay = daterange(lower(stay), $2) WHERE id = $1", block_id, begin
        )
    else:
        await tx.execute("DELETE FROM room_use WHERE id = $1", block_id)
    await tx.execute(_SHIFT, row["room_type_id"], begin, row["departure"], -1)


async def blocks(tx: Transaction, *, property_id: int, first: date, last: date) -> list[Block]:
    """The property's blocks that touch the nights from `first` to `last`, both inclusive."""
    rows = await tx.fetch(
        _BLOCK + " WHERE r.property_id = $1 AND u.reason IS NOT NULL AND u.stay && daterange($2, $3, '[]')"
        " ORDER BY lower(u.stay), r.number LIMIT 1000",
        property_id,
        first,
        last,
    )
    return [Block(r["id"], r["room"], r["arrival"], r["departure"], r["reason"]) for r in rows]
