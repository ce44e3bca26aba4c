"""Properties to choose from, as far as somebody may know of them."""

from __future__ import annotations

from collections.abc import Sequence

from hotel_booking.core.db import Row, Transaction


async def properties_within(
    tx: Transaction, within: frozenset[int] | None, *, limit: int = 1000
) -> Sequence[Row]:
    """id, slug, name, city, currency, timezone, active of the properties in `within` (None: all), by name."""
    return await tx.fetch(
        "SELECT id, slug, name, city, currency, timezone, active FROM property"
        " WHERE $1::int[] IS NULL OR id = ANY ($1) ORDER BY name, id LIMIT $2",
        None if within is None else sorted(within),
        limit,
    )
