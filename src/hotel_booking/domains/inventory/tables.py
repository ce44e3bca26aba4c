"""Rooms, for statements that are composed. A test compares the table with the database."""

from __future__ import annotations

import sqlalchemy as sa

from hotel_booking.domains.inventory.types import Room
from hotel_booking.domains.properties.tables import TableOf

metadata = sa.MetaData()

room = TableOf(
    sa.Table(
        "room",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("property_id", sa.Integer),
        sa.Column("room_type_id", sa.Integer),
        sa.Column("number", sa.Text),
        sa.Column("floor", sa.Text),
        sa.Column("active", sa.Boolean),
        sa.Column("version", sa.Integer),
    ),
    Room,
)
