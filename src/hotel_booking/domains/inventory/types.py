"""Rooms, and what other domains are told of room-nights."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import msgspec

from hotel_booking.domains.properties.catalogue import CatalogueRow


class Room(CatalogueRow, frozen=True, kw_only=True):
    """A physical room."""

    property_id: int
    room_type_id: int
    number: str
    floor: str
    active: bool


class NightRooms(msgspec.Struct, frozen=True, gc=False):
    """A room type's night: how many rooms there are, are blocked, sold (holds too, unless they have expired)
    and free to sell; negative where more are sold than there are now. The restrictions are its own."""

    room_type_id: int
    night: date
    physical: int
    blocked: int
    overbooking_limit: int
    sold: int
    free: int
    closed: bool
    min_stay_arrival: int | None
    min_stay_through: int | None
    max_stay: int | None
    closed_to_arrival: bool
    closed_to_departure: bool


Nights = Mapping[tuple[int, date], NightRooms]
"""Nights by room type and date; one that is not on sale is not there."""
