"""The catalogue's tables, for statements that are composed. A test compares them with the database."""

from __future__ import annotations

from typing import Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from hotel_booking.domains.properties.catalogue import Kept, Policy, Property, RoomType, Tax

T_co = TypeVar("T_co", bound=Kept, covariant=True)


class TableOf(Generic[T_co]):
    """A table, and the struct that its rows are given as: a field for each column."""

    def __init__(self, table: sa.Table, kind: type[T_co]) -> None:
        self.table = table
        self.kind = kind


metadata = sa.MetaData()

property_ = TableOf(
    sa.Table(
        "property",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("slug", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("stars", sa.SmallInteger),
        sa.Column("place_id", sa.Integer),
        sa.Column("address", sa.Text),
        sa.Column("postal_code", sa.Text),
        sa.Column("city", sa.Text),
        sa.Column("country", sa.CHAR(2)),
        sa.Column("lat", sa.Double),
        sa.Column("lon", sa.Double),
        sa.Column("timezone", sa.Text),
        sa.Column("currency", sa.CHAR(3)),
        sa.Column("amenities", ARRAY(sa.Integer)),
        sa.Column("email", sa.Text),
        sa.Column("phone", sa.Text),
        sa.Column("check_in_time", sa.Time),
        sa.Column("check_out_time", sa.Time),
        sa.Column("tax_rounding", sa.Text),
        sa.Column("child_bands", ARRAY(sa.Integer)),
        sa.Column("active", sa.Boolean),
        sa.Column("version", sa.Integer),
        sa.Column("language", sa.Text),
        sa.Column("day_end_time", sa.Time),
    ),
    Property,
)

room_type = TableOf(
    sa.Table(
        "room_type",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("property_id", sa.Integer),
        sa.Column("code", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("description", sa.Text),
        sa.Column("base_occupancy", sa.SmallInteger),
        sa.Column("max_occupancy", sa.SmallInteger),
        sa.Column("max_adults", sa.SmallInteger),
        sa.Column("max_children", sa.SmallInteger),
        sa.Column("extra_adult", sa.BigInteger),
        sa.Column("child_amounts", ARRAY(sa.BigInteger)),
        sa.Column("beds", JSONB),
        sa.Column("size_m2", sa.SmallInteger),
        sa.Column("amenities", ARRAY(sa.Integer)),
        sa.Column("active", sa.Boolean),
        sa.Column("sort", sa.Integer),
        sa.Column("version", sa.Integer),
    ),
    RoomType,
)

cancellation_policy = TableOf(
    sa.Table(
        "cancellation_policy",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("property_id", sa.Integer),
        sa.Column("code", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("steps", JSONB),
        sa.Column("no_show", JSONB),
        sa.Column("version", sa.Integer),
    ),
    Policy,
)

tax = TableOf(
    sa.Table(
        "tax",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("property_id", sa.Integer),
        sa.Column("code", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("kind", sa.Text),
        sa.Column("value", sa.BigInteger),
        sa.Column("charge_type", sa.SmallInteger),
        sa.Column("included", sa.Boolean),
        sa.Column("exempt_below_age", sa.SmallInteger),
        sa.Column("max_nights", sa.SmallInteger),
        sa.Column("valid_from", sa.Date),
        sa.Column("valid_to", sa.Date),
        sa.Column("version", sa.Integer),
    ),
    Tax,
)
