"""Properties to choose from, as far as somebody may know of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

import msgspec

from hotel_booking.core.db import Transaction

OFF_SALE = " (off sale)"


class Choice(msgspec.Struct, frozen=True):
    """A property to choose; `day_end_time` as in `Property`."""

    id: int
    slug: str
    name: str
    city: str
    currency: str
    timezone: str
    day_end_time: time
    active: bool

    @property
    def label(self) -> str:
        """Its name and town; one that is off sale says so."""
        return f"{self.name}, {self.city}{'' if self.active else OFF_SALE}"


async def properties_within(
    tx: Transaction, within: frozenset[int] | None, *, limit: int = 1000
) -> Sequence[Choice]:
    """The properties in `within` (None: all), by name; those that are off sale come last."""
    return await tx.fetch_as(
        Choice,
        "SELECT id, slug, name, city, currency, timezone, day_end_time, active FROM property"
        " WHERE $1::int[] IS NULL OR id = ANY ($1)"
        " ORDER BY NOT active, sort_form(name, 'en') COLLATE \"C\", name, id LIMIT $2",
        None if within is None else sorted(within),
        limit,
    )
