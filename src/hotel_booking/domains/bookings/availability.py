"""What is free: the nights of room types, with holds that have expired counted as free.

By the database's function `free_rooms`, which search joins too; nothing else says what is free.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.inventory.types import NightRooms, Nights
from hotel_booking.domains.rates.queries import Calendars, Catalogue, calendars_of

_NIGHTS = """
SELECT room_type_id, night, physical, blocked, overbooking_limit, sold, free, closed, min_stay_arrival,
       min_stay_through, max_stay, closed_to_arrival, closed_to_departure
  FROM free_rooms($2, $3, $4) WHERE room_type_id = ANY ($1)
"""


async def nights_of_types(
    tx: Transaction, room_types: Sequence[int], first: date, last: date, *, now: datetime
) -> Nights:
    """The nights of the room types from `first` to `last`, both inclusive, as they can be sold at `now`."""
    found = (NightRooms(*row) for row in await tx.fetch(_NIGHTS, room_types, first, last, now))
    return {(night.room_type_id, night.night): night for night in found}


async def load_calendar(
    tx: Transaction, catalogue: Catalogue, first: date, last: date, now: datetime
) -> Calendars:
    """Every room type on every plan from `first` to `last`, both inclusive, in two statements."""
    types = [kind.id for kind in catalogue.room_types.values()]
    nights = await nights_of_types(tx, types, first, last, now=now)
    return await calendars_of(tx, catalogue, first, last, nights)
