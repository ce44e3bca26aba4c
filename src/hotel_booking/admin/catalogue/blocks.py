"""Rooms out of order: taken off sale for some nights, because something is broken or painted, and put back.

/admin/properties/{slug}/rooms/{id}/blocks
/admin/properties/{slug}/rooms/{id}/blocks/{block}/end
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.admin.catalogue import frame
from hotel_booking.admin.catalogue.rooms import RoomId, room_page
from hotel_booking.core.dates import LAST_NIGHT, MAX_NIGHTS, Stay, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.core.names import clean_name
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.domains.inventory import blocks
from hotel_booking.domains.inventory.tables import room as rooms_table
from hotel_booking.domains.properties import queries
from hotel_booking.http.access import staff
from hotel_booking.http.ui.forms import Form, FormProblems, read
from hotel_booking.http.ui.render import day, see_other

_LONGEST_REASON = 500
BlockId = Annotated[int, Parameter(ge=1, le=LARGEST_INTEGER)]


@post("/properties/{slug:str}/rooms/{room_id:int}/blocks", opt=staff(Permission.STAYS_MANAGE))
async def take_out(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, slug: str, room_id: RoomId
) -> Response[Any]:
    """Take a room out of order from today or later."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, rooms_table, property_.id, room_id, key="id")
    today = business_date(now, property_.timezone, property_.day_end_time)
    form = await read(request)
    try:
        stay = _nights(form, today)
        reason = form.text("reason", required=True, longest=_LONGEST_REASON)
        form.check()
        if stay is None:
            raise FormProblems("there are no nights")
        reason = clean_name(reason, field="reason", longest=_LONGEST_REASON)
        async with tx.savepoint():
            await blocks.block(tx, property_id=property_.id, room=row.number, stay=stay, reason=reason)
    except DomainError as error:
        refused, status = frame.refused(form, error)
        return await room_page(request, tx, property_, row, now, out=refused, status=status)
    last = day(stay.departure, "d MMMM y")
    notice = f"Room {row.number} is out of order from {day(stay.arrival, 'd MMMM y')}, and back on {last}."
    return see_other(request, f"/admin/properties/{slug}/rooms/{row.id}", notice=notice)


@post(
    "/properties/{slug:str}/rooms/{room_id:int}/blocks/{block_id:int}/end", opt=staff(Permission.STAYS_MANAGE)
)
async def put_back(
    request: Request[Any, Any, State],
    tx: Transaction,
    now: datetime,
    slug: str,
    room_id: RoomId,
    block_id: BlockId,
) -> Response[bytes]:
    """Put a room back on sale from tonight on; sent twice, it is so already."""
    property_ = await queries.property_by_slug(tx, slug)
    row = await queries.find_item(tx, rooms_table, property_.id, room_id, key="id")
    today = business_date(now, property_.timezone, property_.day_end_time)
    there = await blocks.blocks(tx, property_id=property_.id, first=today, last=LAST_NIGHT)
    notice = f"Room {row.number} was back on sale already."
    if any(block.id == block_id and block.room == row.number for block in there):
        await blocks.unblock(tx, property_id=property_.id, block_id=block_id, since=today)
        notice = f"Room {row.number} is back on sale."
    return see_other(request, f"/admin/properties/{slug}/rooms/{row.id}", notice=notice)


def _nights(form: Form, today: date) -> Stay | None:
    """From the first night to the day on which the room is back."""
    first, back = form.day("first", required=True), form.day("back", required=True)
    if first is None or back is None:
        return None
    if first < today:
        form.wrong("first", f"must be {day(today, 'd MMMM y')} or later")
    elif back <= first:
        form.wrong("back", "must be after the first night")
    elif (back - first).days > MAX_NIGHTS:
        form.wrong("back", f"must be at most {MAX_NIGHTS} nights later")
    else:
        return Stay(first, back)
    return None


handlers = [take_out, put_back]
