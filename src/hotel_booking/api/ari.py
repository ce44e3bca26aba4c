"""Availability, rates and inventory: what channel managers and revenue managers send."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

import msgspec
from litestar import get, put
from litestar.params import QueryParameter

from hotel_booking.api.night_range import night_range
from hotel_booking.core.db import Transaction
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.rates import edits
from hotel_booking.domains.rates.ari import MAX_LINES, AriUpdate
from hotel_booking.domains.rates.queries import load_catalogue, loaded_ari
from hotel_booking.http.access import needs


class AriRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Lines in order; later ones win. All are written, or none."""

    updates: Annotated[list[AriUpdate], msgspec.Meta(max_length=MAX_LINES)]


class AriAnswer(msgspec.Struct, frozen=True):
    """How much was written."""

    lines: int
    room_nights: int
    rate_nights: int


class AriNights(msgspec.Struct, frozen=True):
    """What is loaded: one object per room type and night, and per room type, plan and night with a row."""

    currency: str
    room_nights: list[dict[str, Any]]
    rate_nights: list[dict[str, Any]]


@put(
    "/properties/{slug:str}/ari",
    opt=needs(Scope.RATES_WRITE),
    tags=["Rates and availability"],
    summary="Set availability, rates and restrictions",
    request_max_body_size=5_000_000,
)
async def put_ari(slug: str, data: AriRequest, tx: Transaction, now: datetime, caller: Caller) -> AriAnswer:
    """By date range (both ends are nights, inclusive) and weekdays; one call can set a year. All or
    nothing: a line that cannot be right is named by its index, as in `updates[3].price`."""
    catalogue = await load_catalogue(tx, slug, active_only=False)
    caller.check_property(catalogue.property.id)
    result = await edits.update_by_program(tx, catalogue=catalogue, updates=data.updates, by=caller, now=now)
    return AriAnswer(result.lines, result.room_nights, result.rate_nights)


@get(
    "/properties/{slug:str}/ari",
    opt=needs(Scope.RATES_WRITE),
    tags=["Rates and availability"],
    summary="What is loaded",
)
async def get_ari(
    slug: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
) -> AriNights:
    """The nights from `from` (default: today) to `to` (default: 30 days on), both inclusive, at most 400."""
    catalogue = await load_catalogue(tx, slug, active_only=False)
    caller.check_property(catalogue.property.id)
    begin, end = night_range(first, last, now=now, timezone=catalogue.property.timezone, days=30)
    rooms, rates = await loaded_ari(tx, catalogue, begin, end)
    return AriNights(catalogue.property.currency, rooms, rates)


handlers = [put_ari, get_ari]
