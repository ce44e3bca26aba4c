"""Rooms: the doors behind the room types."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from functools import partial
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.admin.catalogue import frame
from hotel_booking.core.dates import LAST_NIGHT, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.core.typed_numbers import plain_digits
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.inventory import rooms as service
from hotel_booking.domains.inventory.blocks import Block, blocks
from hotel_booking.domains.inventory.tables import room as rooms_table
from hotel_booking.domains.inventory.types import Room
from hotel_booking.domains.properties import queries, tables
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.properties.types import NewRoom, PhysicalRoomChange
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, read
from hotel_booking.http.ui.render import see_other

_MOST_AT_ONCE = 200
_BETWEEN = re.compile("[,;\n\u060c\u061b\u3001\uff0c\uff1b]")  # a blank may be part of a number: Villa 3
_RANGE = re.compile(r"([^\W\d]*)(\d{1,6})\s*[-–]\s*\1(\d{1,6})")  # noqa: RUF001  # 101-110, A1-A9

RoomId = Annotated[int, Parameter(ge=1, le=LARGEST_INTEGER)]


@get("/properties/{slug:str}/rooms", opt=staff(Permission.CATALOGUE_VIEW))
async def list_rooms(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[str]:
    """All rooms by number, and the form for more."""
    return await _list(request, tx, await queries.property_by_slug(tx, slug), Form.of(), now)


@post("/properties/{slug:str}/rooms", opt=staff(Permission.CATALOGUE_EDIT))
async def add_rooms(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str
) -> Response[Any]:
    """Add rooms of one type: "101-110, 201"."""
    property_ = await queries.property_by_slug(tx, slug)
    form = await read(request)
    try:
        numbers = _numbers(form)
        kind = form.text("room_type", required=True, longest=40)
        floor = form.text("floor", longest=20)
        form.check()
        today = business_date(now, property_.timezone, property_.day_end_time)
        async with tx.savepoint():  # a refused page shows the rooms that there are
            for number in numbers:
                new = frame.shaped(form, NewRoom, {"number": number, "room_type": kind, "floor": floor})
                await service.add(tx, property_id=property_.id, new=new, today=today)
    except DomainError as error:
        form, status = frame.refused(form, error, names={"number": "numbers"})
        return await _list(request, tx, property_, form, now, status=status)
    notice = (
        f"Room {numbers[0]} has been added."
        if len(numbers) == 1
        else f"{len(numbers)} rooms have been added."
    )
    return see_other(request, f"/admin/properties/{slug}/rooms", notice=notice)


@get("/properties/{slug:str}/rooms/{room_id:int}", opt=staff(Permission.CATALOGUE_VIEW))
async def show_room(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, room_id: RoomId
) -> Response[str]:
    """One room, and when it is out of order."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, rooms_table, property_.id, room_id, key="id")
    return await room_page(request, tx, property_, row, now)


@post("/properties/{slug:str}/rooms/{room_id:int}", opt=staff(Permission.CATALOGUE_EDIT))
async def change_room(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, room_id: RoomId
) -> Response[Any]:
    """Change a room, or take it off sale."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, rooms_table, property_.id, room_id, key="id")
    form = await read(request)
    try:
        version = frame.version_of(form)
        number = form.text("number", required=True, longest=20)
        values = {"number": number, "floor": form.text("floor", longest=20), "active": form.flag("active")}
        changed = await service.change(
            tx,
            property_id=property_.id,
            number=row.number,
            changes=frame.shaped(form, PhysicalRoomChange, values),
            today=business_date(now, property_.timezone, property_.day_end_time),
            version=version,
        )
    except DomainError as error:
        current = await queries.find_item(tx, rooms_table, property_.id, room_id, key="id")
        form, status = frame.refused(form, error, current=_filled(current))
        return await room_page(request, tx, property_, row, now, form=form, status=status)
    return see_other(
        request, f"/admin/properties/{slug}/rooms", notice=f"Room {changed.number} has been saved."
    )


@get("/properties/{slug:str}/rooms/{room_id:int}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def ask_delete(
    request: Request[Any, Any, State], tx: Transaction, slug: str, room_id: RoomId
) -> Response[str]:
    """Asks, or says what happened in the room."""
    property_ = await queries.property_by_slug(tx, slug)
    return await _removal(request, tx, property_, room_id)


@post("/properties/{slug:str}/rooms/{room_id:int}/delete", opt=staff(Permission.CATALOGUE_EDIT))
async def delete_room(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, room_id: RoomId
) -> Response[Any]:
    """Remove a room in which nobody ever stayed."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, rooms_table, property_.id, room_id, key="id")
    today = business_date(now, property_.timezone, property_.day_end_time)
    return await frame.remove(
        request,
        tx,
        f"Room {row.number}",
        lambda version: service.remove(
            tx, property_id=property_.id, number=row.number, today=today, version=version
        ),
        to=f"/admin/properties/{slug}/rooms",
        refused=partial(_removal, request, tx, property_, room_id),
    )


@post("/properties/{slug:str}/rooms/{room_id:int}/deactivate", opt=staff(Permission.CATALOGUE_EDIT))
async def deactivate_room(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, room_id: RoomId
) -> Response[bytes]:
    """Take a room off sale; refused while its nights are sold."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, rooms_table, property_.id, room_id, key="id")
    await service.change(
        tx,
        property_id=property_.id,
        number=row.number,
        changes=PhysicalRoomChange(active=False),
        today=business_date(now, property_.timezone, property_.day_end_time),
    )
    return see_other(request, f"/admin/properties/{slug}/rooms", notice=f"Room {row.number} is off sale.")


def _numbers(form: Form) -> list[str]:
    """The numbers that were typed, ranges spread out."""
    numbers: list[str] = []
    for part in _BETWEEN.split(plain_digits(form.text("numbers", required=True, longest=2000))):
        text = part.strip()
        spread = _RANGE.fullmatch(text)
        if spread is None:
            numbers += [text] if text else []
            continue
        prefix, first, last = spread.groups()
        if int(last) < int(first) or int(last) - int(first) >= _MOST_AT_ONCE:
            form.wrong("numbers", f"“{text[:40]}” is not a range of up to {_MOST_AT_ONCE} rooms")
            return []
        numbers += [f"{prefix}{number:0{len(first)}}" for number in range(int(first), int(last) + 1)]
    if len(numbers) > _MOST_AT_ONCE:
        form.wrong("numbers", f"are more than {_MOST_AT_ONCE} rooms at once")
    long = next((number for number in numbers if len(number) > 20), None)
    if long is not None:
        form.wrong("numbers", f"“{long[:40]}” is longer than 20 characters")
    if not numbers:
        form.wrong("numbers", "must be filled in")
    return numbers


def _filled(row: Room) -> Form:
    return Form.of(number=row.number, floor=row.floor, active=row.active, version=row.version)


async def _list(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    form: Form,
    now: datetime,
    *,
    status: int = 200,
) -> Response[str]:
    kinds = await queries.list_items(tx, tables.room_type, property_.id)
    today = business_date(now, property_.timezone, property_.day_end_time)
    first: dict[str, Block] = {}
    for block in await _blocks(tx, property_, today):
        first.setdefault(block.room, block)
    return frame.show(
        request,
        "rooms.html",
        property_,
        status=status,
        form=form,
        rows=await queries.list_items(tx, rooms_table, property_.id),
        kinds={kind.id: kind for kind in kinds},
        room_types=frame.choices(kinds),
        today=today,
        blocks=first,
    )


async def room_page(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    row: Room,
    now: datetime,
    *,
    form: Form | None = None,
    out: Form | None = None,
    status: int = 200,
) -> Response[str]:
    """The page of a room; `form` and `out` are those of the room and of a time out of order, where one was
    refused."""
    kinds = await queries.list_items(tx, tables.room_type, property_.id)
    today = business_date(now, property_.timezone, property_.day_end_time)
    return frame.show(
        request,
        "room.html",
        property_,
        status=status,
        form=form or _filled(row),
        row=row,
        kind=next(kind for kind in kinds if kind.id == row.room_type_id),
        out=out or Form.of(first=today, back=today + timedelta(days=1)),
        today=today,
        blocks=[block for block in await _blocks(tx, property_, today) if block.room == row.number],
    )


async def _blocks(tx: Transaction, property_: Property, today: date) -> list[Block]:
    """What is or will be out of order, by the first night."""
    return await blocks(tx, property_id=property_.id, first=today, last=LAST_NIGHT)


async def _removal(
    request: Request[Any, Any, State],
    tx: Transaction,
    property_: Property,
    room_id: int,
    error: DomainError | None = None,
) -> Response[str]:
    row = await queries.find_item(tx, rooms_table, property_.id, room_id, key="id")
    return await frame.removal_page(
        request,
        property_,
        what=f"room {row.number}",
        back=f"/admin/properties/{property_.slug}/rooms/{room_id}",
        uses=await service.uses(tx, room_id=room_id),
        version=row.version,
        deactivate=row.active,
        error=error,
    )


handlers = [
    list_rooms,
    add_rooms,
    show_room,
    change_room,
    ask_delete,
    delete_room,
    deactivate_room,
]
