"""Out-of-order blocks of physical rooms."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import msgspec
from litestar import delete, get, post
from litestar.params import Parameter, QueryParameter

from hotel_booking.api.own_catalogue import nights_asked, own_catalogue
from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.integers import LARGEST_INTEGER
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.inventory import blocks
from hotel_booking.domains.inventory.blocks import Block
from hotel_booking.http.access import needs
from hotel_booking.http.examples import example, later

BlockId = Annotated[
    int, Parameter(description="The block's number, as the list shows it.", ge=1, le=LARGEST_INTEGER)
]


class BlockRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A room by its number, out of order on the nights of `[arrival, departure)`."""

    room: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]
    arrival: date
    departure: date
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class BlockList(msgspec.Struct, frozen=True):
    """Blocks by their first night."""

    items: list[Block]
    next_cursor: None = None


@post(
    "/properties/{slug:str}/blocks",
    opt=needs(Scope.PROPERTIES_WRITE)
    | example(
        lambda today: {
            "room": "101",
            "arrival": later(today, 200),
            "departure": later(today, 203),
            "reason": "New carpet",
        }
    ),
    tags=["Rooms"],
    summary="Take a room out of order",
)
async def create_block(
    slug: str, data: BlockRequest, tx: Transaction, now: datetime, caller: Caller
) -> Block:
    """Lowers the capacity of its room type; refused if the room, or every room of its type, is sold, and for
    nights that are over."""
    property_ = (await own_catalogue(tx, slug, caller)).property
    today = business_date(now, property_.timezone, property_.day_end_time)
    if data.arrival < today:
        raise Invalid(
            f"{data.arrival} is over: it is {today} at the hotel",
            field="arrival",
            fix=f"begin on {today} or later",
        )
    return await blocks.block(
        tx,
        property_id=property_.id,
        room=data.room,
        stay=Stay(data.arrival, data.departure),
        reason=data.reason,
    )


@get(
    "/properties/{slug:str}/blocks",
    opt=needs(Scope.PROPERTIES_WRITE),
    tags=["Rooms"],
    summary="Blocks of a property",
)
async def list_blocks(
    slug: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
) -> BlockList:
    """Blocks that overlap the nights from `from` (default: today) to `to` (default: a year on)."""
    catalogue = await own_catalogue(tx, slug, caller)
    begin, end = nights_asked(catalogue, first, last, now=now, days=365)
    return BlockList(await blocks.blocks(tx, property_id=catalogue.property.id, first=begin, last=end))


@delete(
    "/properties/{slug:str}/blocks/{block_id:int}",
    opt=needs(Scope.PROPERTIES_WRITE),
    tags=["Rooms"],
    summary="Put a room back on sale",
)
async def delete_block(slug: str, block_id: BlockId, tx: Transaction, now: datetime, caller: Caller) -> None:
    """Puts the nights back on sale, from tonight on: nights that are over stay what they were."""
    property_ = (await own_catalogue(tx, slug, caller)).property
    today = business_date(now, property_.timezone, property_.day_end_time)
    await blocks.unblock(tx, property_id=property_.id, block_id=block_id, since=today)


handlers = [create_block, list_blocks, delete_block]
