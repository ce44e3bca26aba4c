"""Properties: content for everybody, changes for staff and partners."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated, Any

import msgspec
from litestar import Response, get, patch, post
from litestar.params import QueryParameter
from msgspec.structs import asdict

from hotel_booking.api.versioned import versioned
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings import removal
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.properties import queries
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.service import properties as service
from hotel_booking.domains.properties.types import NewProperty, PropertyChange
from hotel_booking.domains.properties.vocabularies import PROPERTY_AMENITIES
from hotel_booking.http import pages
from hotel_booking.http.access import needs, public
from hotel_booking.http.answers import created
from hotel_booking.http.examples import example
from hotel_booking.http.pages import Page
from hotel_booking.http.preconditions import IfMatch, version_tag


class Amenity(msgspec.Struct, frozen=True):
    """An OpenTravel code with its name."""

    code: int
    name: str


class PropertyAnswer(msgspec.Struct, frozen=True):
    """A property. `child_bands` are the highest ages of its child bands; older children are adults.
    `day_end_time`: its day ends at this time of the next date, and until then sells the running night."""

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
    amenities: list[Amenity]
    email: str
    phone: str
    check_in_time: time
    check_out_time: time
    day_end_time: time
    language: str
    tax_rounding: str
    child_bands: list[int]
    active: bool


def amenities(codes: list[int], names: Any) -> list[Amenity]:
    """Codes with their names."""
    return [Amenity(code, names.get(code, "")) for code in codes]


@get("/properties", opt=public(), tags=["Properties"], summary="All properties")
async def list_properties(
    tx: Transaction,
    limit: Annotated[int, QueryParameter(ge=1, le=pages.MAX_LIMIT)] = pages.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[PropertyAnswer]:
    """In pages; `next_cursor` leads to the next."""
    after = pages.position(cursor, "properties") or 0
    rows = await queries.properties(tx, after=after, limit=limit + 1)
    more = pages.after(rows[limit - 1].id, "properties") if len(rows) > limit else None
    return Page([_answer(row) for row in rows[:limit]], more)


@get("/properties/{slug:str}", opt=public(), tags=["Properties"], summary="A property")
async def get_property(slug: str, tx: Transaction, caller: Caller) -> Response[PropertyAnswer]:
    """Its details. What it sells is in its room types, rate plans and offers."""
    row = await readable(tx, slug, caller)
    return versioned(_answer(row), row)


@post(
    "/properties",
    opt=needs(Scope.PROPERTIES_WRITE)
    | created("slug")
    | example(
        lambda _: {
            "slug": "sea-view-cascais",
            "name": "Sea View",
            "country": "PT",
            "timezone": "Europe/Lisbon",
            "currency": "EUR",
            "lat": 38.697,
            "lon": -9.4215,
            "stars": 4,
            "city": "Cascais",
            "check_in_time": "15:00:00",
            "check_out_time": "11:00:00",
            "child_bands": [2, 11],
        }
    ),
    tags=["Properties"],
    summary="Create a property",
)
async def create_property(data: NewProperty, tx: Transaction, caller: Caller) -> PropertyAnswer:
    """Needs a key that is not limited to some properties."""
    caller.check_every_property()
    return _answer(await service.create(tx, new=data))


@patch(
    "/properties/{slug:str}",
    opt=needs(Scope.PROPERTIES_WRITE) | example(lambda _: {"check_in_time": "14:00:00"}),
    tags=["Properties"],
    summary="Change a property",
)
async def change_property(
    slug: str, data: PropertyChange, tx: Transaction, now: datetime, caller: Caller, if_match: IfMatch
) -> Response[PropertyAnswer]:
    """Fields left out stay as they are. Existing bookings keep the rules they were sold with. The number of
    `child_bands` stays while room types or nights have amounts for them."""
    await owned(tx, slug, caller)
    locked = await queries.property_by_slug(tx, slug, lock=True)
    if_match.check(version_tag(locked.version))
    row = await removal.change_property(tx, slug=slug, changes=data, now=now)
    return versioned(_answer(row), row)


async def readable(tx: Transaction, slug: str, caller: Caller) -> Property:
    """The property for those who read what it offers: anybody, and once it is not sold any more those whose
    key may change it. Raises `NoSuchProperty`."""
    keeps = caller.has(Scope.PROPERTIES_WRITE) or caller.has(Scope.RATES_WRITE)
    row = await queries.property_by_slug(tx, slug, active_only=not keeps)
    if not row.active and not caller.may_use(row.id):
        raise queries.no_such(slug)
    return row


async def owned(tx: Transaction, slug: str, caller: Caller) -> Property:
    """The property, if the caller's key may touch it."""
    row = await queries.property_by_slug(tx, slug)
    caller.check_property(row.id)
    return row


def _answer(row: Property) -> PropertyAnswer:
    fields = asdict(row)
    fields["amenities"] = amenities(row.amenities, PROPERTY_AMENITIES)
    return PropertyAnswer(**{name: fields[name] for name in PropertyAnswer.__struct_fields__})


handlers = [list_properties, get_property, create_property, change_property]
