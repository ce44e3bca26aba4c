"""What a property keeps of itself and of what it sells, as the queries give it: a struct for each table."""

from __future__ import annotations

from datetime import date, time
from typing import Literal

import msgspec

from hotel_booking.domains.properties.called import town
from hotel_booking.domains.properties.types import Bed, Rounding


class CatalogueRow(msgspec.Struct, frozen=True, kw_only=True):
    """Anything of the catalogue; `version` counts its changes."""

    id: int
    version: int


class Property(CatalogueRow, frozen=True, kw_only=True):
    """A property. `child_bands` are the highest ages of its child bands; `day_end_time` is when its business
    day ends (`core.dates.business_date`)."""

    slug: str
    name: str
    description: str
    stars: int
    place_id: int | None
    address: str
    postal_code: str
    city: str
    country: str
    lat: float
    lon: float
    timezone: str
    currency: str
    amenities: list[int]
    email: str
    phone: str
    check_in_time: time
    check_out_time: time
    tax_rounding: Rounding
    child_bands: list[int]
    active: bool
    language: str
    day_end_time: time

    @property
    def town(self) -> str:
        """The line of its address that has the town, as its country writes it."""
        return town(self.postal_code, self.city, self.country)


class RoomType(CatalogueRow, frozen=True, kw_only=True):
    """A room type. `base_occupancy` adults are in the price; `extra_adult` and, per child band,
    `child_amounts` are minor units of the property's currency, per person and night."""

    property_id: int
    code: str
    name: str
    description: str
    base_occupancy: int
    max_occupancy: int
    max_adults: int
    max_children: int
    extra_adult: int
    child_amounts: list[int]
    beds: list[Bed]
    size_m2: int | None
    amenities: list[int]
    active: bool
    sort: int


class PolicyFee(msgspec.Struct, frozen=True):
    """A fee as a policy keeps it: parts per million of the total, nights, or minor units."""

    kind: Literal["percent", "nights", "fixed"]
    value: int


class PolicyStep(msgspec.Struct, frozen=True):
    """From `at`, property time, `days_before` days before arrival (None: from the booking on) cancelling
    costs `fee`."""

    days_before: int | None
    at: time
    fee: PolicyFee


class Policy(CatalogueRow, frozen=True, kw_only=True):
    """A cancellation policy; `rates.catalogue.policy_of` makes of it what a stay is sold with."""

    property_id: int
    code: str
    name: str
    steps: list[PolicyStep]
    no_show: PolicyFee


class Tax(CatalogueRow, frozen=True, kw_only=True):
    """A tax or fee. `value` is parts per million (percent) or minor units (fixed); what the other fields say
    is told by `rates.types.Tax`, which `rates.catalogue.tax_of` makes of it."""

    property_id: int
    code: str
    name: str
    kind: Literal["percent", "fixed"]
    value: int
    charge_type: int
    included: bool
    exempt_below_age: int | None
    max_nights: int | None
    valid_from: date | None
    valid_to: date | None
