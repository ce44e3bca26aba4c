"""Room-nights: put on sale, locked in the order that bookings lock them, changed and taken off.

`taken` is not changed here: that is `inventory_change`'s alone (migrations/sql).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import msgspec

from hotel_booking.core.db import Transaction

Night = tuple[int, date]
"""A room type's id, and a date."""


class LockedNight(msgspec.Struct, frozen=True):
    """A room-night that is locked until the transaction ends. Of its rooms `offered` (None: all) are for
    sale, less those that are `blocked`; `taken` are held or sold."""

    room_type_id: int
    night: date
    taken: int
    blocked: int
    physical: int
    offered: int | None
    overbooking_limit: int


# Column: its type in PostgreSQL.
_TYPES = {
    "offered": "int",
    "physical": "int",
    "overbooking_limit": "int",
    "closed": "boolean",
    "min_stay_arrival": "int",
    "min_stay_through": "int",
    "max_stay": "int",
    "closed_to_arrival": "boolean",
    "closed_to_departure": "boolean",
}
_LOCK = """
SELECT n.room_type_id, n.night, n.taken, n.blocked, n.physical, n.offered, n.overbooking_limit
  FROM unnest($1::int[], $2::date[]) AS w(room_type_id, night)
  JOIN room_night n USING (room_type_id, night)
 ORDER BY n.room_type_id, n.night FOR UPDATE OF n
"""
_ROOMS = (
    "SELECT room_type_id, count(*) FROM room WHERE room_type_id = ANY ($1) AND active GROUP BY room_type_id"
)
# Nights that are not on sale yet: as many rooms as there are, less those that are blocked already.
_CREATE = """
INSERT INTO room_night (room_type_id, night, physical, blocked)
SELECT w.room_type_id, w.night,
       (SELECT count(*) FROM room r WHERE r.room_type_id = w.room_type_id AND r.active),
       (SELECT count(*) FROM room r JOIN room_use u ON u.room_id = r.id
         WHERE r.room_type_id = w.room_type_id AND u.reason IS NOT NULL AND u.stay @> w.night)
  FROM unnest($1::int[], $2::date[]) AS w(room_type_id, night)
 WHERE NOT EXISTS (SELECT FROM room_night n WHERE n.room_type_id = w.room_type_id AND n.night = w.night)
 ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""


async def put_on_sale(tx: Transaction, nights: Sequence[Night]) -> None:
    """Make the nights that are not there yet, with all rooms of the type. `nights` are in order. Changes of
    the types' blocks and rooms wait until the transaction ends: nights that are made here count them."""
    types = sorted({night[0] for night in nights})
    await tx.execute("SELECT FROM room_type WHERE id = ANY ($1) ORDER BY id FOR SHARE", types)
    await tx.execute(_CREATE, [night[0] for night in nights], [night[1] for night in nights])


async def rooms_of_types(tx: Transaction, room_type_ids: Collection[int]) -> dict[int, int]:
    """How many rooms by number each type has; one that has none is not there."""
    counted = await tx.fetch(_ROOMS, sorted(room_type_ids))
    return {row["room_type_id"]: row["count"] for row in counted}


async def lock(tx: Transaction, nights: Sequence[Night]) -> list[LockedNight]:
    """Lock the nights in the order that bookings lock them; those that are not on sale are left out."""
    rows = await tx.fetch(_LOCK, [night[0] for night in nights], [night[1] for night in nights])
    return [LockedNight(**row) for row in rows]


async def change(
    tx: Transaction, columns: Sequence[str], nights: Sequence[tuple[Night, Mapping[str, object]]]
) -> None:
    """Set the same columns of many nights, which are there and locked, and note it in the audit log."""
    arrays = ", ".join(f"${i}::{_TYPES[name]}[]" for i, name in enumerate(columns, start=3))
    settings = ", ".join(f"{name} = w.{name}" for name in columns)
    shown = ", ".join(
        f"'{name}', jsonb_build_array(min({{0}}.{name}::int), max({{0}}.{name}::int))" for name in columns
    )
    await tx.execute(
        f"WITH w AS (SELECT * FROM unnest($1::int[], $2::date[], {arrays})"
        f"             AS w(room_type_id, night, {', '.join(columns)})),"
        " was AS (SELECT n.* FROM room_night n JOIN w USING (room_type_id, night)),"
        f" come AS (UPDATE room_night n SET {settings} FROM w"
        "            WHERE n.room_type_id = w.room_type_id AND n.night = w.night RETURNING n.*)"
        # For the audit log: selling must not pay for a trigger on this table.
        " SELECT audit_write('update', 'availability', '', t.property_id, NULL,"
        f"              jsonb_build_object({shown.format('was')}),"
        "              jsonb_build_object('nights', count(*), 'first', min(come.night),"
        "                  'last', max(come.night),"
        f"                  'room_types', jsonb_agg(DISTINCT t.code), {shown.format('come')}))"
        "   FROM come JOIN was USING (room_type_id, night) JOIN room_type t ON t.id = come.room_type_id"
        "  WHERE was IS DISTINCT FROM come GROUP BY t.property_id",
        [night[0] for night, _ in nights],
        [night[1] for night, _ in nights],
        *([values[name] for _, values in nights] for name in columns),
    )


async def take_off_sale(tx: Transaction, *, room_type_id: int) -> None:
    """Remove all nights of a room type that is going, and was never sold."""
    await tx.execute("DELETE FROM room_night WHERE room_type_id = $1", room_type_id)
