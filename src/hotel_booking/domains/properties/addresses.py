"""The names of all active hotels in addresses, in parts: for those who list every page of the site."""

from __future__ import annotations

from hotel_booking.core.db import Transaction


async def part_ends(tx: Transaction, *, size: int) -> list[int]:
    """The ids that the parts of so many hotels end with, in order; the last part, which ends where the hotels
    do, is not among them. Empty where one part holds all."""
    rows = await tx.fetch(
        "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) AS place, count(*) OVER () AS number"
        " FROM property WHERE active) counted WHERE place % $1 = 0 AND place < number ORDER BY id",
        size,
    )
    return [row["id"] for row in rows]


async def slugs(tx: Transaction, *, after: int, limit: int) -> list[str]:
    """The first hotels with an id above `after`, by id."""
    rows = await tx.fetch(
        "SELECT slug FROM property WHERE active AND id > $1 ORDER BY id LIMIT $2", after, limit
    )
    return [row["slug"] for row in rows]
