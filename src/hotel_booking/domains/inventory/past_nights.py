"""Room-nights of the past go to files; until which night they went is noted, for whoever compares."""

from __future__ import annotations

from datetime import date

from hotel_booking.core.db import Transaction

# Type by type, each by its key: what is left is found without reading what went before.
_LET_GO = """
DELETE FROM room_night n USING (
    SELECT p.room_type_id, p.night FROM room_type t
     CROSS JOIN LATERAL (SELECT room_type_id, night FROM room_night
                          WHERE room_type_id = t.id AND night < $1 ORDER BY night LIMIT $2) AS p
     LIMIT $2) AS old
 WHERE n.room_type_id = old.room_type_id AND n.night = old.night
RETURNING to_jsonb(n)::text AS line
"""


async def let_go(tx: Transaction, *, before: date, most: int) -> list[bytes]:
    """Remove nights before that day, `most` at most, and return them as JSON. What stays of them is what
    bookings say; a night that is given back later changes nothing any more."""
    rows = await tx.fetch(_LET_GO, before, most)
    if rows:
        await tx.execute(
            "INSERT INTO night_archive (before) VALUES ($1)"
            " ON CONFLICT (one) DO UPDATE SET before = greatest(night_archive.before, excluded.before)",
            before,
        )
    return [row["line"].encode() for row in rows]


async def count(tx: Transaction, *, before: date) -> int:
    """How many there are before that day."""
    return int(
        await tx.fetchval(
            "SELECT coalesce(sum(p.nights), 0) FROM room_type t CROSS JOIN LATERAL (SELECT count(*) AS nights"
            "   FROM room_night WHERE room_type_id = t.id AND night < $1) AS p",
            before,
        )
    )
