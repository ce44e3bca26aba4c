"""Room types: what is sold."""

from __future__ import annotations

import msgspec
from litestar import Response, get, patch, post

from hotel_booking.api.properties import Amenity, amenities, owned, readable
from hotel_booking.api.versioned import claim, versioned
from hotel_booking.core.db import Transaction
from hotel_booking.core.money import Money
from hotel_booking.domains.bookings import removal
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.properties.service import room_types as service
from hotel_booking.domains.properties.types import Bed, NewRoomType, RoomTypeChange
from hotel_booking.domains.properties.vocabularies import ROOM_AMENITIES
from hotel_booking.http.access import needs, public
from hotel_booking.http.answers import created
from hotel_booking.http.examples import example
from hotel_booking.http.pages import Page
from hotel_booking.http.preconditions import IfMatch

_WRITE = needs(Scope.PROPERTIES_WRITE)


class RoomTypeAnswer(msgspec.Struct, frozen=True):
    """A room type. `base_occupancy` adults are in the price; `child_amounts` are per child band."""

    code: str
    name: str
    description: str
    base_occupancy: int
    max_occupancy: int
    max_adults: int
    max_children: int
    extra_adult: Money
    child_amounts: list[Money]
    beds: list[Bed]
    size_m2: int | None
    amenities: list[Amenity]
    sort: int
    active: bool


@get("/properties/{slug:str}/room-types", opt=public(), tags=["Rooms"], summary="Room types")
async def list_room_types(slug: str, tx: Transaction, caller: Caller) -> Page[RoomTypeAnswer]:
    """All of them, in display order; inactive ones are not sold."""
    property_ = await readable(tx, slug, caller)
    rows = await queries.list_items(tx, tables.room_type, property_.id)
    return Page([_answer(row, property_.currency) for row in rows], None)


@get(
    "/properties/{slug:str}/room-types/{code:str}",
    opt=public() | example(parameters={"code": "DELUXE"}),
    tags=["Rooms"],
    summary="A room type",
)
async def get_room_type(slug: str, code: str, tx: Transaction, caller: Caller) -> Response[RoomTypeAnswer]:
    """One, by its code."""
    property_ = await readable(tx, slug, caller)
    row = await queries.find_item(tx, tables.room_type, property_.id, code)
    return versioned(_answer(row, property_.currency), row)


@post(
    "/properties/{slug:str}/room-types",
    opt=_WRITE
    | created("code")
    | example(
        lambda _: {
            "code": "GARDEN",
            "name": "Garden double",
            "max_occupancy": 3,
            "max_adults": 2,
            "max_children": 1,
            "child_amounts": [0, 1500],
            "beds": [{"type": "double", "count": 1}],
        }
    ),
    tags=["Rooms"],
    summary="Create a room type",
)
async def create_room_type(slug: str, data: NewRoomType, tx: Transaction, caller: Caller) -> RoomTypeAnswer:
    """It is sold once it has rooms or capacity, a rate plan and prices (`PUT …/ari`)."""
    property_ = await owned(tx, slug, caller)
    return _answer(await service.create(tx, property_=property_, new=data), property_.currency)


@patch(
    "/properties/{slug:str}/room-types/{code:str}",
    opt=_WRITE | example(lambda _: {"size_m2": 28}, {"code": "DELUXE"}),
    tags=["Rooms"],
    summary="Change a room type",
)
async def change_room_type(
    slug: str, code: str, data: RoomTypeChange, tx: Transaction, caller: Caller, if_match: IfMatch
) -> Response[RoomTypeAnswer]:
    """Fields left out stay as they are."""
    property_ = await owned(tx, slug, caller)
    await claim(tx, tables.room_type, property_.id, code, if_match)
    row = await removal.change_room_type(tx, property_=property_, code=code, changes=data)
    return versioned(_answer(row, property_.currency), row)


def _answer(row: RoomType, currency: str) -> RoomTypeAnswer:
    return RoomTypeAnswer(
        code=row.code,
        name=row.name,
        description=row.description,
        base_occupancy=row.base_occupancy,
        max_occupancy=row.max_occupancy,
        max_adults=row.max_adults,
        max_children=row.max_children,
        extra_adult=Money(row.extra_adult, currency),
        child_amounts=[Money(amount, currency) for amount in row.child_amounts],
        beds=row.beds,
        size_m2=row.size_m2,
        amenities=amenities(row.amenities, ROOM_AMENITIES),
        sort=row.sort,
        active=row.active,
    )


handlers = [list_room_types, get_room_type, create_room_type, change_room_type]
