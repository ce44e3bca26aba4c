"""The front page: search, and some places to go."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.dates import earliest_business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.locales import locale_of
from hotel_booking.domains.properties.queries import PopularCity, popular_cities
from hotel_booking.http.access import public
from hotel_booking.web.search import query
from hotel_booking.web.search.drawn_covers import drawn_covers
from hotel_booking.web.site import language_of, site

_SHOWN = 6
_KEPT = timedelta(minutes=1)


class PlaceCard(msgspec.Struct, frozen=True):
    """A city to go to, with the picture of one of its hotels."""

    id: int
    city: str
    country: str
    hotels: int
    picture: str


@get("/", opt=public(), include_in_schema=False)
async def show_home(request: Request[Any, Any, State], tx: Transaction, now: datetime) -> Response[Any]:
    """Two statements once a minute: the cities with the most hotels, and what is drawn of one in each."""
    language = language_of(request)
    # No hotel is known yet: whatever is still today at some hotel may be asked for.
    today = earliest_business_date(now)
    territories = locale_of(language).territories
    places = [
        PlaceCard(
            id=one.place_id,
            city=one.names.get(language, one.city),
            country=str(territories.get(one.country, one.country)),
            hotels=one.hotels,
            picture=picture,
        )
        for one, picture in await _cities(tx, request.app.state, now)
    ]
    return site(
        request,
        "home.html",
        etag=True,
        places=places,
        asked=query.read(request.query_params.dict(), today=today, language=language),
        typed_place=request.query_params.get("place", "")[:100],
        today=today,
    )


async def _cities(tx: Transaction, state: State, now: datetime) -> list[tuple[PopularCity, str]]:
    """The cities, each with a picture. All hotels are counted for them, so they are those of a minute ago."""
    kept: tuple[datetime, list[tuple[PopularCity, str]]] | None = state.home_cities
    if kept is not None and abs(now - kept[0]) < _KEPT:
        return kept[1]
    cities = await popular_cities(tx, limit=_SHOWN)
    pictures = await drawn_covers(tx, {one.property_id: one.slug for one in cities})
    found = [(one, pictures[one.property_id]) for one in cities]
    state.home_cities = now, found
    return found


handlers = [show_home]
