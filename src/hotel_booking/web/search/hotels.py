"""The list of the chain's hotels, by country and city: every hotel is reached without a date."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.folding import sort_form
from hotel_booking.core.locales import locale_of
from hotel_booking.domains.properties.called import city_called
from hotel_booking.domains.properties.hotel_lists import (
    CountedCity,
    ListedHotel,
    counted_countries,
    list_hotels,
)
from hotel_booking.domains.properties.queries import translated
from hotel_booking.http.access import public
from hotel_booking.http.pages import Position, decode, encode
from hotel_booking.http.problems import InvalidCursor
from hotel_booking.web.site import language_of, query_of, site

T = TypeVar("T")

# More hotels than a page holds: then countries and cities alone, and each country's hotels on pages of their
# own.
MOST = 400
_CITIES = 20  # named of each country then: those with the most hotels
_KEPT = timedelta(minutes=1)


class Listed(msgspec.Struct, frozen=True):
    """A hotel."""

    slug: str
    name: str
    stars: int


class City(msgspec.Struct, frozen=True):
    """A city and its hotels by name."""

    name: str
    hotels: tuple[Listed, ...]


class Country(msgspec.Struct, frozen=True):
    """A country by its code, in the page's language, and its cities by name."""

    code: str
    name: str
    count: int
    cities: tuple[City, ...]


@get("/hotels", opt=public(), include_in_schema=False)
async def show_hotels(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, country: str = "", cursor: str = ""
) -> Response[Any]:
    """All hotels where a page holds them, otherwise their countries; or those of a country by its ISO 3166
    code, page by page. At most three statements; none reads more than `MOST` hotels but for the counts,
    which are those of a minute ago."""
    language = language_of(request)
    code = country.upper() if len(country) == 2 and country.isascii() and country.isalpha() else ""
    counts = None if code else _kept_counts(request.app.state, now)
    after = _position(cursor) if code else None
    rows = [] if counts else await list_hotels(tx, country=code or None, after=after, limit=MOST + 1)
    more = len(rows) > MOST
    if counts is None and (more or after):
        counts = await _counts(tx, request.app.state, now)
    whole = bool(code) or not counts
    if whole:
        names = await translated(tx, "property", [row.id for row in rows[:MOST]], language)
        countries = _listed(rows[:MOST], names, language, {one.country: one.hotels for one in counts or ()})
    else:
        countries = _counted(counts or (), language)
    return site(
        request,
        "hotels.html",
        status=200 if countries or not code else 404,
        etag=True,
        own_query=query_of({"country": code, "cursor": cursor if after is not None else ""}),
        countries=countries,
        count=sum(one.count for one in countries),
        whole=whole,
        only=countries[0] if code and countries else None,
        later=after is not None,
        cursor=encode((rows[MOST - 1].city, rows[MOST - 1].id)) if code and more else None,
    )


def _listed(
    rows: Sequence[ListedHotel],
    names: Mapping[int, Mapping[str, str]],
    language: str,
    counts: Mapping[str, int],
) -> list[Country]:
    """The hotels by country and city, in the language's order; `counts` where these are not all."""

    def hotels_of(some: Sequence[ListedHotel]) -> tuple[Listed, ...]:
        hotels = [Listed(row.slug, names.get(row.id, {}).get("name", row.name), row.stars) for row in some]
        return tuple(sorted(hotels, key=lambda one: (_order(one.name, language), one.slug)))

    def city_of(row: ListedHotel) -> str:
        return city_called(row.city, row.place, row.names, language)

    return _by_country(
        {
            country: (
                counts.get(country, len(inside)),
                {city: hotels_of(there) for city, there in _grouped(inside, city_of).items()},
            )
            for country, inside in _grouped(rows, attrgetter("country")).items()
        },
        language,
    )


def _counted(counts: Sequence[CountedCity], language: str) -> list[Country]:
    """The countries with the names of their largest cities."""
    return _by_country(
        {
            country: (
                inside[0].hotels,
                {city_called(one.city, one.place, one.names, language): () for one in inside},
            )
            for country, inside in _grouped(counts, attrgetter("country")).items()
        },
        language,
    )


def _by_country(
    found: Mapping[str, tuple[int, Mapping[str, tuple[Listed, ...]]]], language: str
) -> list[Country]:
    territories = locale_of(language).territories
    countries = []
    for code, (count, inside) in found.items():
        cities = sorted((City(*one) for one in inside.items()), key=lambda city: _order(city.name, language))
        countries.append(Country(code, str(territories.get(code, code)), count, tuple(cities)))
    return sorted(countries, key=lambda one: (_order(one.name, language), one.code))


def _order(name: str, language: str) -> tuple[str, str]:
    return sort_form(name, language), name


def _grouped(items: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for item in items:
        found.setdefault(key(item), []).append(item)
    return found


def _position(cursor: str) -> tuple[str, int] | None:
    """The city and id after which a country's hotels go on; from the first where the cursor says nothing."""
    try:
        found: tuple[str, int] | None = decode(cursor or None, tuple[str, Position])
    except InvalidCursor:
        return None
    return None if found is None or "\0" in found[0] else found


def _kept_counts(state: State, now: datetime) -> list[CountedCity] | None:
    """The counts of a catalogue that one page does not hold, if they are of this minute."""
    kept: tuple[datetime, list[CountedCity]] | None = state.counted_countries
    return kept[1] if kept is not None and abs(now - kept[0]) < _KEPT else None


async def _counts(tx: Transaction, state: State, now: datetime) -> list[CountedCity]:
    """The counts by country. Only asked for where there are more hotels than a page holds."""
    found = _kept_counts(state, now)
    if found is None:
        found = await counted_countries(tx, cities=_CITIES)
        state.counted_countries = now, found
    return found


handlers = [show_hotels]
