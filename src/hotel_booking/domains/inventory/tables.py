"""Rooms, for statements that are composed. A test compares the table with the database."""

from __future__ import annotations

import sqlalchemy as sa

from hotel_booking.domains.inventory.types import Room
from hotel_booking.domains.properties.tables import TableOf

metadata = sa.MetaData()

room = TableOf(
    "room",
    Room,
    metadata,
    property_id=sa.Integer,
    room_type_id=sa.Integer,
    number=sa.Text,
    floor=sa.Text,
    active=sa.Boolean,
    version=sa.Integer,
)
