"""The list of the chain's hotels, by country and city: every hotel is reached without a date."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.folding import sort_form
from hotel_booking.domains.properties.queries import CountedCity, counted_countries, list_hotels, translated
from hotel_booking.http.access import public
from hotel_booking.http.pages import Position, decode, encode
from hotel_booking.http.problems import InvalidCursor
from hotel_booking.web.i18n.language import locale_of
from hotel_booking.web.site import language_of, site

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
    shown = rows[:MOST] if whole else []
    names = await translated(tx, "property", [row.id for row in shown], language) if shown else {}
    territories = locale_of(language).territories

    def by_name(name: str) -> tuple[str, str]:
        return sort_form(name, language), name

    def called(of: str) -> str:
        return str(territories.get(of, of))

    hotels: list[tuple[str, str, str, Listed | None]]
    if whole:
        hotels = [
            (
                called(row.country),
                row.country,
                row.city,
                Listed(row.slug, names.get(row.id, {}).get("name", row.name), row.stars),
            )
            for row in shown
        ]
    else:
        hotels = [(called(one.country), one.country, one.city, None) for one in counts or ()]
    hotels.sort(
        key=lambda one: (
            by_name(one[0]),
            one[1],
            by_name(one[2]),
            (by_name(one[3].name), one[3].slug) if one[3] else (),
        )
    )
    in_all = {one.country: one.hotels for one in counts or ()}
    countries = []
    for (name, of), inside in groupby(hotels, key=itemgetter(0, 1)):
        cities = tuple(
            City(city, tuple(one[3] for one in there if one[3]))
            for city, there in groupby(inside, key=itemgetter(2))
        )
        listed = sum(len(city.hotels) for city in cities)
        countries.append(Country(of, name, in_all.get(of, listed), cities))
    return site(
        request,
        "hotels.html",
        status=200 if countries or not code else 404,
        etag=True,
        countries=countries,
        count=sum(one.count for one in countries),
        whole=whole,
        only=countries[0] if code and countries else None,
        later=after is not None,
        cursor=encode((rows[MOST - 1].city, rows[MOST - 1].id)) if code and more else None,
    )


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
