"""Prices and restrictions of nights of the past go to files. What was sold keeps its own (`sale_terms`)."""

from __future__ import annotations

from datetime import date

from hotel_booking.core.db import Transaction

# Plan by plan of each type, by the key.
_LET_GO = """
DELETE FROM rate_night n USING (
    SELECT p.room_type_id, p.rate_plan_id, p.night
      FROM room_type t JOIN rate_plan r ON r.property_id = t.property_id
     CROSS JOIN LATERAL (SELECT room_type_id, rate_plan_id, night FROM rate_night
                          WHERE room_type_id = t.id AND rate_plan_id = r.id AND night < $1
                          ORDER BY night LIMIT $2) AS p
     LIMIT $2) AS old
 WHERE n.room_type_id = old.room_type_id AND n.rate_plan_id = old.rate_plan_id AND n.night = old.night
RETURNING to_jsonb(n)::text AS line
"""


async def let_go(tx: Transaction, *, before: date, most: int) -> list[bytes]:
    """Remove them before that day, `most` at most, and return them as JSON."""
    return [row["line"].encode() for row in await tx.fetch(_LET_GO, before, most)]


async def count(tx: Transaction, *, before: date) -> int:
    """How many there are before that day."""
    return int(
        await tx.fetchval(
            "SELECT coalesce(sum(p.nights), 0) FROM room_type t JOIN rate_plan r USING (property_id)"
            " CROSS JOIN LATERAL (SELECT count(*) AS nights FROM rate_night"
            "   WHERE room_type_id = t.id AND rate_plan_id = r.id AND night < $1) AS p",
            before,
        )
    )
