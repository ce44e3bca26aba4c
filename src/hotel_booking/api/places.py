"""Destinations while they are typed."""

from __future__ import annotations

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.hits import PlaceHit
from hotel_booking.domains.properties.places import find_places
from hotel_booking.http.access import public
from hotel_booking.http.examples import example

MAX_PLACES = 50


class PlacesAnswer(msgspec.Struct, frozen=True):
    """Cities (`kind` place), regions, countries (`id` is the GeoNames id) and hotels (`kind` property),
    likeliest first."""

    places: list[PlaceHit]


@get("/places", opt=public() | example(parameters={"q": "lis"}), tags=["Search"], summary="Find destinations")
async def list_places(
    tx: Transaction, q: str, limit: Annotated[int, QueryParameter(ge=1, le=MAX_PLACES)] = 10
) -> PlacesAnswer:
    """Cities, regions, countries and hotels that `q` may mean: names in any language that are it or begin
    with it, and misspellings.

    City data: GeoNames (https://www.geonames.org), CC BY 4.0."""
    return PlacesAnswer(await find_places(tx, q, limit=limit))


handlers = [list_places]
