"""Physical rooms, for staff."""

from __future__ import annotations

from datetime import datetime

import msgspec
from litestar import get, patch, post

from hotel_booking.api.properties import owned
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.inventory import rooms as service
from hotel_booking.domains.inventory.tables import room as rooms_table
from hotel_booking.domains.inventory.types import Room
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.types import NewRoom, PhysicalRoomChange
from hotel_booking.http.access import needs
from hotel_booking.http.examples import example
from hotel_booking.http.pages import Page

_WRITE = needs(Scope.PROPERTIES_WRITE)


class RoomAnswer(msgspec.Struct, frozen=True):
    """A physical room."""

    number: str
    room_type: str
    floor: str
    active: bool


@get(
    "/properties/{slug:str}/rooms",
    opt=needs(Scope.BOOKINGS_READ, Scope.PROPERTIES_WRITE),
    tags=["Rooms"],
    summary="Rooms",
)
async def list_rooms(slug: str, tx: Transaction, caller: Caller) -> Page[RoomAnswer]:
    """All rooms of the property by number."""
    property_ = await owned(tx, slug, caller)
    kinds = await _kinds(tx, property_.id)
    rows = await queries.list_items(tx, rooms_table, property_.id)
    return Page([_answer(row, kinds) for row in rows], None)


@post(
    "/properties/{slug:str}/rooms",
    opt=_WRITE | example(lambda _: {"number": "1001", "room_type": "SUITE", "floor": "10"}),
    tags=["Rooms"],
    summary="Create a room",
)
async def create_room(slug: str, data: NewRoom, tx: Transaction, now: datetime, caller: Caller) -> RoomAnswer:
    """From today, the nights on sale of its type have one more room."""
    property_ = await owned(tx, slug, caller)
    today = business_date(now, property_.timezone, property_.day_end_time)
    row = await service.add(tx, property_id=property_.id, new=data, today=today)
    return RoomAnswer(row.number, data.room_type, row.floor, row.active)


@patch(
    "/properties/{slug:str}/rooms/{number:str}",
    opt=_WRITE | example(lambda _: {"floor": "1"}),
    tags=["Rooms"],
    summary="Change a room",
)
async def change_room(
    slug: str, number: str, data: PhysicalRoomChange, tx: Transaction, now: datetime, caller: Caller
) -> RoomAnswer:
    """Deactivating a room is refused while its nights are sold. For a few nights only, block it instead."""
    property_ = await owned(tx, slug, caller)
    today = business_date(now, property_.timezone, property_.day_end_time)
    row = await service.change(tx, property_id=property_.id, number=number, changes=data, today=today)
    return _answer(row, await _kinds(tx, property_.id))


async def _kinds(tx: Transaction, property_id: int) -> dict[int, str]:
    rows = await queries.list_items(tx, tables.room_type, property_id)
    return {row.id: row.code for row in rows}


def _answer(row: Room, kinds: dict[int, str]) -> RoomAnswer:
    return RoomAnswer(row.number, kinds[row.room_type_id], row.floor, row.active)


handlers = [list_rooms, create_room, change_room]
