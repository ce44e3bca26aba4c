"""Rooms, for statements that are composed. A test compares the table with the database."""

from __future__ import annotations

from hotel_booking.domains.inventory.types import Room
from hotel_booking.domains.properties.tables import TableOf

room = TableOf(
    "room",
    Room,
    property_id="integer",
    room_type_id="integer",
    number="text",
    floor="text",
    active="boolean",
    version="integer",
)
