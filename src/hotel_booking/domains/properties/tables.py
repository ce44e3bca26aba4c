"""The catalogue's tables, for statements that are composed. A test compares them with the database."""

from __future__ import annotations

from typing import Generic, TypeVar

from hotel_booking.domains.properties.catalogue import CatalogueRow, Policy, Property, RoomType, Tax

T_co = TypeVar("T_co", bound=CatalogueRow, covariant=True)


class TableOf(Generic[T_co]):
    """A table, and the struct that its rows are given as: a field for each column."""

    def __init__(self, name: str, kind: type[T_co], /, **columns: str) -> None:
        """The columns after the `id`, by PostgreSQL's names of their types."""
        self.name = name
        self.kind = kind
        self.columns = {"id": "integer", **columns}
        self.listed = ", ".join(self.columns)
        """All columns, as SELECT and RETURNING take them."""


property_ = TableOf(
    "property",
    Property,
    slug="text",
    name="text",
    description="text",
    stars="smallint",
    place_id="integer",
    address="text",
    postal_code="text",
    city="text",
    country="character(2)",
    lat="double precision",
    lon="double precision",
    timezone="text",
    currency="character(3)",
    amenities="integer[]",
    email="text",
    phone="text",
    check_in_time="time without time zone",
    check_out_time="time without time zone",
    tax_rounding="text",
    child_bands="integer[]",
    active="boolean",
    version="integer",
    language="text",
    day_end_time="time without time zone",
)

room_type = TableOf(
    "room_type",
    RoomType,
    property_id="integer",
    code="text",
    name="text",
    description="text",
    base_occupancy="smallint",
    max_occupancy="smallint",
    max_adults="smallint",
    max_children="smallint",
    extra_adult="bigint",
    child_amounts="bigint[]",
    beds="jsonb",
    size_m2="smallint",
    amenities="integer[]",
    active="boolean",
    sort="integer",
    version="integer",
)

cancellation_policy = TableOf(
    "cancellation_policy",
    Policy,
    property_id="integer",
    code="text",
    name="text",
    steps="jsonb",
    no_show="jsonb",
    version="integer",
)

tax = TableOf(
    "tax",
    Tax,
    property_id="integer",
    code="text",
    name="text",
    kind="text",
    value="bigint",
    charge_type="smallint",
    included="boolean",
    exempt_below_age="smallint",
    max_nights="smallint",
    valid_from="date",
    valid_to="date",
    version="integer",
)
