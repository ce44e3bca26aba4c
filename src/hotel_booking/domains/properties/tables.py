"""The catalogue's tables, for statements that are composed. A test compares them with the database."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine

from hotel_booking.domains.properties.catalogue import Kept, Policy, Property, RoomType, Tax

T_co = TypeVar("T_co", bound=Kept, covariant=True)


class TableOf(Generic[T_co]):
    """A table, and the struct that its rows are given as: a field for each column."""

    def __init__(
        self,
        name: str,
        kind: type[T_co],
        metadata: sa.MetaData,
        /,
        **columns: TypeEngine[Any] | type[TypeEngine[Any]],
    ) -> None:
        """The columns after the `id`, in the database's order, by their types."""
        after = (sa.Column(column, of) for column, of in columns.items())
        self.table = sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True), *after)
        self.kind = kind


metadata = sa.MetaData()

property_ = TableOf(
    "property",
    Property,
    metadata,
    slug=sa.Text,
    name=sa.Text,
    description=sa.Text,
    stars=sa.SmallInteger,
    place_id=sa.Integer,
    address=sa.Text,
    postal_code=sa.Text,
    city=sa.Text,
    country=sa.CHAR(2),
    lat=sa.Double,
    lon=sa.Double,
    timezone=sa.Text,
    currency=sa.CHAR(3),
    amenities=ARRAY(sa.Integer),
    email=sa.Text,
    phone=sa.Text,
    check_in_time=sa.Time,
    check_out_time=sa.Time,
    tax_rounding=sa.Text,
    child_bands=ARRAY(sa.Integer),
    active=sa.Boolean,
    version=sa.Integer,
    language=sa.Text,
    day_end_time=sa.Time,
)

room_type = TableOf(
    "room_type",
    RoomType,
    metadata,
    property_id=sa.Integer,
    code=sa.Text,
    name=sa.Text,
    description=sa.Text,
    base_occupancy=sa.SmallInteger,
    max_occupancy=sa.SmallInteger,
    max_adults=sa.SmallInteger,
    max_children=sa.SmallInteger,
    extra_adult=sa.BigInteger,
    child_amounts=ARRAY(sa.BigInteger),
    beds=JSONB,
    size_m2=sa.SmallInteger,
    amenities=ARRAY(sa.Integer),
    active=sa.Boolean,
    sort=sa.Integer,
    version=sa.Integer,
)

cancellation_policy = TableOf(
    "cancellation_policy",
    Policy,
    metadata,
    property_id=sa.Integer,
    code=sa.Text,
    name=sa.Text,
    steps=JSONB,
    no_show=JSONB,
    version=sa.Integer,
)

tax = TableOf(
    "tax",
    Tax,
    metadata,
    property_id=sa.Integer,
    code=sa.Text,
    name=sa.Text,
    kind=sa.Text,
    value=sa.BigInteger,
    charge_type=sa.SmallInteger,
    included=sa.Boolean,
    exempt_below_age=sa.SmallInteger,
    max_nights=sa.SmallInteger,
    valid_from=sa.Date,
    valid_to=sa.Date,
    version=sa.Integer,
)
