"""The list of the chain's hotels, by country and city: every hotel is reached without a date."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.folding import sort_form
from hotel_booking.domains.properties.queries import list_hotels, translated
from hotel_booking.http.access import public
from hotel_booking.web.i18n.language import locale_of
from hotel_booking.web.site import language_of, site

# More hotels than a page holds: then countries and cities alone, and each country's hotels on a page of its
# own.
MOST = 400


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
async def show_hotels(request: Request[Any, Any, State], tx: Transaction, country: str = "") -> Response[Any]:
    """All hotels, or those of a country by its ISO 3166 code. Two statements."""
    language = language_of(request)
    code = country.upper() if len(country) == 2 and country.isascii() and country.isalpha() else ""
    rows = await list_hotels(tx, country=code or None)
    names = await translated(tx, "property", [row.id for row in rows], language)
    territories = locale_of(language).territories

    def by_name(name: str) -> tuple[str, str]:
        return sort_form(name, language), name

    hotels = [
        (
            str(territories.get(row.country, row.country)),
            row.country,
            row.city,
            Listed(row.slug, names.get(row.id, {}).get("name", row.name), row.stars),
        )
        for row in rows
    ]
    hotels.sort(key=lambda one: (by_name(one[0]), one[1], by_name(one[2]), by_name(one[3].name), one[3].slug))
    countries = []
    for (name, of), inside in groupby(hotels, key=itemgetter(0, 1)):
        cities = tuple(
            City(city, tuple(one[3] for one in there)) for city, there in groupby(inside, key=itemgetter(2))
        )
        countries.append(Country(of, name, sum(len(city.hotels) for city in cities), cities))
    return site(
        request,
        "hotels.html",
        status=200 if countries or not code else 404,
        etag=True,
        countries=countries,
        count=len(hotels),
        whole=bool(code) or len(hotels) <= MOST,
        only=countries[0] if code and countries else None,
    )


handlers = [show_hotels]
