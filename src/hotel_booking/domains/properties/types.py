"""The catalogue as it comes in and goes out. Amounts are minor units of the property's currency."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, Protocol, runtime_checkable
from zoneinfo import available_timezones

import msgspec
from anyascii import anyascii
from msgspec import UNSET, Meta, UnsetType

from hotel_booking.core.dates import DAY_END
from hotel_booking.core.email_address import read_email
from hotel_booking.core.errors import Invalid
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.core.languages import Language
from hotel_booking.core.money import MAX_AMOUNT
from hotel_booking.core.names import clean_name, clean_text
from hotel_booking.core.phone import phone_to_keep
from hotel_booking.domains.properties.vocabularies import (
    PROPERTY_AMENITIES,
    ROOM_AMENITIES,
    check_codes,
)

Code = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,40}$")]
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Text = Annotated[str, Meta(max_length=5000)]
Short = Annotated[str, Meta(max_length=200)]
Slug = Annotated[str, Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$", max_length=80)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
Lat = Annotated[float, Meta(ge=-90, le=90)]
Lon = Annotated[float, Meta(ge=-180, le=180)]
Stars = Annotated[int, Meta(ge=0, le=5)]
Codes = Annotated[list[int], Meta(max_length=200)]
Persons = Annotated[int, Meta(ge=1, le=100)]
Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Amounts = Annotated[list[Amount], Meta(max_length=10)]
Bands = Annotated[list[Annotated[int, Meta(ge=0, le=17)]], Meta(max_length=10)]
Sort = Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
Rounding = Literal["line", "sum"]

_LONGEST_SLUG = 70  # leaves room for a number behind it

TranslatedKind = Literal["property", "room_type", "rate_plan"]

WIDTHS = (480, 960, 1600)  # of a photo's files, in pixels
MAX_PHOTO_BYTES = 10_000_000  # of a photo that is uploaded


class Rendition(msgspec.Struct, frozen=True):
    """A photo as WebP in one width."""

    width: int
    height: int
    body: bytes


MOST_PHOTOS = 100  # of one property


@runtime_checkable  # the web framework looks at what it hands to handlers
class MediaStore(Protocol):
    """Where uploaded files are kept, by names that we make ourselves."""

    async def put(self, name: str, body: bytes) -> None:
        """Keep a file; when this returns, a crash does not lose it."""

    async def get(self, name: str) -> bytes | None:
        """The file; None where there is none of this name."""

    async def remove(self, names: Sequence[str]) -> None:
        """Remove files; those that are gone already do not matter."""

    async def names(self, *, older_than: datetime) -> Sequence[str]:
        """The names of all files that were kept before an instant."""


class Use(msgspec.Struct, frozen=True):
    """One way in which something is needed: how often, and by what (the first few, by code or number)."""

    kind: Literal[
        "bookings_to_come",
        "bookings_past",
        "open_quotes",
        "room_types",
        "rooms",
        "rate_plans",
        "derived_plans",
        "stays",
        "blocks",
        "staff",
        "keys",
    ]
    count: int
    names: tuple[str, ...] = ()


class Bed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Beds of one kind in a room."""

    type: Annotated[str, Meta(min_length=1, max_length=40)]
    count: Annotated[int, Meta(ge=1, le=20)] = 1


Beds = Annotated[list[Bed], Meta(max_length=20)]


class NewProperty(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A property to be made. Without `slug` it gets one from its name."""

    name: Name
    country: Country
    timezone: Short
    currency: Currency
    lat: Lat
    lon: Lon
    slug: Slug | None = None
    description: Text = ""
    stars: Stars = 0
    place_id: Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)] | None = None
    address: Short = ""
    postal_code: Annotated[str, Meta(max_length=20)] = ""
    city: Short = ""
    amenities: Codes = []
    email: Annotated[str, Meta(max_length=254)] = ""
    phone: Annotated[str, Meta(max_length=40)] = ""
    check_in_time: time = time(15)
    check_out_time: time = time(11)
    day_end_time: time = DAY_END
    tax_rounding: Rounding = "line"
    child_bands: Bands = []
    language: Language = "en"


class PropertyChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What changes; what is left out stays."""

    name: Name | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    timezone: Short | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    lat: Lat | UnsetType = UNSET
    lon: Lon | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    stars: Stars | UnsetType = UNSET
    place_id: Annotated[int, Meta(ge=1, le=LARGEST_INTEGER)] | UnsetType | None = UNSET
    address: Short | UnsetType = UNSET
    postal_code: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    city: Short | UnsetType = UNSET
    amenities: Codes | UnsetType = UNSET
    email: Annotated[str, Meta(max_length=254)] | UnsetType = UNSET
    phone: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET
    check_in_time: time | UnsetType = UNSET
    check_out_time: time | UnsetType = UNSET
    day_end_time: time | UnsetType = UNSET
    tax_rounding: Rounding | UnsetType = UNSET
    child_bands: Bands | UnsetType = UNSET
    language: Language | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class NewRoomType(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A room type to be made. `base_occupancy` adults are in the price, two unless given, or as many as it
    sleeps; `child_amounts` has one amount per child band of the property, per child and night."""

    code: Code
    name: Name | None = None
    description: Text = ""
    base_occupancy: Persons | None = None
    max_occupancy: Persons = 2
    max_adults: Persons | None = None
    max_children: Annotated[int, Meta(ge=0, le=100)] = 0
    extra_adult: Amount = 0
    child_amounts: Amounts = []
    beds: Beds = []
    size_m2: Annotated[int, Meta(ge=1, le=10_000)] | None = None
    amenities: Codes = []
    sort: Sort = 0


class RoomTypeChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What changes; what is left out stays."""

    name: Name | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    base_occupancy: Persons | UnsetType = UNSET
    max_occupancy: Persons | UnsetType = UNSET
    max_adults: Persons | UnsetType = UNSET
    max_children: Annotated[int, Meta(ge=0, le=100)] | UnsetType = UNSET
    extra_adult: Amount | UnsetType = UNSET
    child_amounts: Amounts | UnsetType = UNSET
    beds: Beds | UnsetType = UNSET
    size_m2: Annotated[int, Meta(ge=1, le=10_000)] | UnsetType | None = UNSET
    amenities: Codes | UnsetType = UNSET
    sort: Sort | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class NewRoom(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A physical room."""

    number: Annotated[str, Meta(min_length=1, max_length=20)]
    room_type: Code
    floor: Annotated[str, Meta(max_length=20)] = ""


class PhysicalRoomChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What changes; an inactive room is not sold any more. Stays remember the room, whatever its number."""

    number: Annotated[str, Meta(min_length=1, max_length=20)] | UnsetType = UNSET
    floor: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    active: bool | UnsetType = UNSET


class NewTax(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A tax or fee: `percent` of the net charges as a decimal text ("19", "8.875"), or `amount` in minor
    units. `charge_type`: 12 per stay, 19 per night, 20 per person, 21 per person and night."""

    code: Code
    name: Name | None = None
    percent: str | None = None
    amount: Amount | None = None
    charge_type: Literal[12, 19, 20, 21] = 19
    included: bool = True
    exempt_below_age: Annotated[int, Meta(ge=1, le=120)] | None = None
    max_nights: Annotated[int, Meta(ge=1, le=366)] | None = None
    valid_from: date | None = None
    valid_to: date | None = None


class TaxChange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What changes; bookings keep the taxes that they were sold with."""

    name: Name | UnsetType = UNSET
    percent: str | UnsetType = UNSET
    amount: Amount | UnsetType = UNSET
    charge_type: Literal[12, 19, 20, 21] | UnsetType = UNSET
    included: bool | UnsetType = UNSET
    exempt_below_age: Annotated[int, Meta(ge=1, le=120)] | UnsetType | None = UNSET
    max_nights: Annotated[int, Meta(ge=1, le=366)] | UnsetType | None = UNSET
    valid_from: date | UnsetType | None = UNSET
    valid_to: date | UnsetType | None = UNSET


def check_timezone(name: str) -> None:
    """Raise `Invalid` unless the IANA database knows the zone."""
    # A machine's own setting is no zone: it would be another one on the next machine.
    if name not in available_timezones() or name in ("localtime", "Factory"):
        raise Invalid(f"unknown time zone {name!r}", field="timezone", fix="such as Europe/Lisbon")


def check_bands(bands: list[int]) -> None:
    """Raise `Invalid` unless the ages rise."""
    if bands != sorted(set(bands)):
        raise Invalid("child bands must be in ascending order", field="child_bands", fix="such as [2, 11]")


_NAMES = frozenset({"name", "address", "postal_code", "city", "number", "floor", "alt"})
_LONGEST_TEXT = 20_000  # the structs have their own limits


def check_texts(values: dict[str, Any], *, country: str | None = None) -> None:
    """Bring texts into the form in which they are kept: names and whatever is one line, descriptions, e-mail
    addresses, telephone numbers (of `country`, where they name none). Raises `Invalid` naming the field."""
    for field, value in values.items():
        if not isinstance(value, str):
            continue
        if field in _NAMES:
            values[field] = clean_name(
                value, field=field, longest=_LONGEST_TEXT, required=field == "name" and value != ""
            )
        elif field == "email":
            values[field] = read_email(value, field=field) if value.strip() else ""
        elif field == "phone":
            values[field] = phone_to_keep(value, country) or ""
        else:
            values[field] = clean_text(value, field=field, longest=_LONGEST_TEXT)


def slug_of(name: str) -> str:
    """A slug made of a name in any script, as it sounds in Latin letters: `Hôtel d'Été` is `hotel-d-ete`,
    `Łódź` `lodz`, `東京` `dongjing`. What leaves nothing is a `hotel`."""
    plain = anyascii(name.encode("utf-8", "ignore").decode()).lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST_SLUG].strip("-") or "hotel"


def property_codes(codes: list[int]) -> list[int]:
    """Checked amenity codes of a property."""
    return check_codes(codes, PROPERTY_AMENITIES, "amenities")


def room_codes(codes: list[int]) -> list[int]:
    """Checked amenity codes of a room type."""
    return check_codes(codes, ROOM_AMENITIES, "amenities")
