"""What does not add up in a test's database, as `hotel-booking invariants check` finds it."""

from __future__ import annotations

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings.invariants import Difference, check


async def differences(db: Database, *, prices: bool = True) -> list[Difference]:
    """All of them; without `prices` no price is computed again."""
    return [difference async for difference in check(db, prices=prices)]
