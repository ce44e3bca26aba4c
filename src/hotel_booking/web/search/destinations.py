"""Where to: places and hotels suggested while a guest types, and what was typed made an area to search in.
Names are in the page's language where the data has them."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.locales import locale_of
from hotel_booking.core.lru_cache import LruCache
from hotel_booking.domains.properties.destinations import Destination
from hotel_booking.domains.properties.hits import RankedHit
from hotel_booking.domains.properties.places import found
from hotel_booking.domains.properties.queries import nearest_hotel
from hotel_booking.domains.search import area
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import Around, Within
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.punctuation import joined
from hotel_booking.web.i18n.formats import Texts
from hotel_booking.web.site import language_of

RADIUS_KM = 25.0
MOST_KEPT = 2000
_KEPT_FOR = timedelta(minutes=1)
LONGEST = 100  # what is read of a typed place
_SHOWN = 8
_AT_THE_DOOR_KM = 0.1


class Suggestion(msgspec.Struct, frozen=True):
    """What is suggested: its name, what tells it from others of that name, and the key that the search box
    sends as `at` when it is chosen."""

    key: str
    name: str
    detail: str


class Suggestions(msgspec.Struct, frozen=True):
    """The likeliest first."""

    places: list[Suggestion]


class Nearest(msgspec.Struct, frozen=True):
    """The hotel next to a place that has none of ours."""

    slug: str
    name: str
    km: float


class SearchPlace(msgspec.Struct, frozen=True):
    """A place to search in, as it is called. `centre` is None for countries and regions; `nearest` is told
    where no hotel is within `RADIUS_KM`, and `where` then reaches to it."""

    name: str
    key: str
    where: Around | Within
    centre: tuple[float, float] | None
    nearest: Nearest | None


@get("/places", opt=public(), include_in_schema=False)
async def suggest(request: Request[Any, Any, State], tx: Transaction, q: str = "") -> Response[Suggestions]:
    """At most four statements."""
    language = language_of(request)
    hits = await found(tx, q[:LONGEST], limit=_SHOWN)
    answer = Suggestions([suggestion(one, language, translations(language)) for one in hits])
    return Response(answer, headers={"cache-control": "private, max-age=300", "vary": "cookie"})


def suggestion(one: RankedHit, language: str, texts: Texts) -> Suggestion:
    """A hit as it is offered: "München", "Bayern, Deutschland"; "Munich", "München, Bavaria, Germany";
    "Sea View", "Hotel, Lisbon, Portugal"."""
    hit = one.hit
    country = str(locale_of(language).territories.get(hit.country, hit.country_name))
    kind = {
        "property": texts.gettext("Hotel"),
        "region": texts.gettext("Region"),
        "country": texts.gettext("Country"),
        "place": "",
    }[hit.kind]
    name = one.name_in(language)
    region = one.regions.get(language, hit.region)
    inside = one.city_in(language) or (region if region != name else None)
    parts = (kind, one.other_in(language), inside, country if hit.kind != "country" else None)
    return Suggestion(key_of(one), name, joined(dict.fromkeys(parts), language))


def key_of(one: RankedHit) -> str:
    """What names a hit in an address: a GeoNames id, or a hotel's slug behind `hotel:`."""
    return f"hotel:{one.hit.slug}" if one.hit.kind == "property" else str(one.hit.id)


async def where_of(searching: Searching, one: RankedHit, language: str) -> SearchPlace:
    """The area that a hit stands for: around a city, or as far as the hotel next to it; at a hotel's door; in
    a country or region. At most one statement, and none where the search index knows a hotel of the city."""
    hit, name = one.hit, one.name_in(language)
    if hit.kind in ("region", "country"):
        within = Within(hit.country, hit.id if hit.kind == "region" else None)
        return SearchPlace(name, key_of(one), within, None, None)
    centre = (hit.lat, hit.lon)
    if hit.kind == "property":
        return SearchPlace(name, key_of(one), area.around(*centre, _AT_THE_DOOR_KM), centre, None)
    around = area.around(*centre, RADIUS_KM)
    if not searching.knows_hotel_in(around):
        row = await nearest_hotel(searching.tx, *centre)
        if row is not None and row.km > RADIUS_KM:
            nearest = Nearest(row.slug, row.name, row.km)
            radius = min(area.MAX_RADIUS_KM, float(ceil(row.km + RADIUS_KM)))
            return SearchPlace(name, key_of(one), area.around(*centre, radius), centre, nearest)
    return SearchPlace(name, key_of(one), around, centre, None)


async def searched(
    searching: Searching, state: State, typed: str, at: str, language: str, now: datetime
) -> tuple[Destination, SearchPlace | None]:
    """What was typed and chosen, and the place to search in where that is certain. A place that was found is
    kept for a minute; what was found to be a hotel, or nothing certain, is not. At most eight statements."""
    if not typed and not at:
        return Destination(None), None
    kept: KeptPlaces = state.search_places
    key = typed, at, language
    known = kept.get(key)
    if known is not None and abs(now - known.at) < _KEPT_FOR:
        return known.to, known.place
    to = await searching.destination(typed, key=at, now=now)
    place = await where_of(searching, to.meant, language) if to.meant is not None else None
    if to.meant is not None and place is not None and to.meant.hit.kind != "property":
        kept.keep(key, _Known(now, to, place))
    return to, place


class _Known(msgspec.Struct, frozen=True):
    """What was found at an instant."""

    at: datetime
    to: Destination
    place: SearchPlace


KeptPlaces = LruCache[tuple[str, str, str], _Known]

handlers = [suggest]
