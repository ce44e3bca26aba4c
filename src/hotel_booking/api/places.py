"""Destinations while they are typed."""

from __future__ import annotations

import msgspec
from litestar import get

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.places import PlaceHit, find_places
from hotel_booking.domains.search.errors import InvalidFilter
from hotel_booking.http.access import public

MAX_PLACES = 50


class PlacesAnswer(msgspec.Struct, frozen=True):
    """Cities (`kind` place, `id` is the GeoNames id) and hotels (`kind` property), likeliest first."""

    places: list[PlaceHit]


@get("/places", opt=public(), tags=["Search"], summary="Find destinations")
async def list_places(tx: Transaction, q: str, limit: int = 10) -> PlacesAnswer:
    """Cities and hotels that `q` may mean: names in any language that begin with it, and misspellings.

    City data: GeoNames (https://www.geonames.org), CC BY 4.0."""
    if not 1 <= limit <= MAX_PLACES:
        raise InvalidFilter(f"limit is 1 to {MAX_PLACES}", field="limit")
    return PlacesAnswer(await find_places(tx, q, limit=limit))


handlers = [list_places]
