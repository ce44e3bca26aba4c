"""Search: the cheapest offer of every hotel that sells the stay."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import blake2b
from operator import attrgetter
from typing import Annotated, cast

import msgspec
from litestar import get
from litestar.params import QueryParameter

from hotel_booking.api.offers import PartyRoom
from hotel_booking.api.stay_query import integers, party_of, stay_of
from hotel_booking.core.iso_codes import CURRENCIES
from hotel_booking.core.money import MAX_AMOUNT, Money, per_night
from hotel_booking.domains.properties.hits import PlaceHit
from hotel_booking.domains.search import area
from hotel_booking.domains.search.errors import (
    InvalidArea,
    InvalidFilter,
    PlaceNotFound,
    UnknownCurrency,
    WhereMissing,
)
from hotel_booking.domains.search.form import Field, WrittenPage, form_of
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    SORTS,
    Around,
    Box,
    Key,
    SearchPage,
    SearchRequest,
    SearchResult,
    Sort,
    Within,
)
from hotel_booking.http import pages
from hotel_booking.http.access import public
from hotel_booking.http.examples import example, stay_parameters
from hotel_booking.http.fast_path import direct
from hotel_booking.http.problems import InvalidCursor

DEFAULT_RADIUS_KM = 25.0

_encode = msgspec.json.Encoder().encode
_same_of = attrgetter(*(name for name in SearchRequest.__struct_fields__ if name not in ("limit", "after")))


class FoundProperty(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A hotel found. `amenities` are OpenTravel codes (HAC)."""

    slug: str
    name: str
    stars: int
    city: str
    country: str
    lat: float
    lon: float
    amenities: tuple[int, ...] = ()
    distance_km: float | None = None


class OfferAnswer(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The hotel's cheapest offer that passes the filters. `total` is what the guest pays for all rooms and
    nights, taxes included; `per_night` is its share of a night, rounded. `approximate_total` is it in the
    currency asked for, by indicative rates; never charged. `compared` is false, and else left out, where
    there is no exchange rate for the hotel's currency: by price such hotels come last. `refundable`:
    cancelling now would give at least a part of the money back."""

    room_type: str
    room_type_name: str
    rate_plan: str
    rate_plan_name: str
    total: Money
    per_night: Money
    nights: int
    rooms: int
    rooms_left: int
    refundable: bool
    meal: int
    approximate_total: Money | None = None
    compared: bool = True


class ResultAnswer(msgspec.Struct, frozen=True):
    """One hotel and its offer."""

    property: FoundProperty
    offer: OfferAnswer


class Place(msgspec.Struct, frozen=True):
    """A city, region or country; `id` is its GeoNames id, `lat` and `lon` those of the city, of a region's
    largest city or of the capital."""

    id: int
    name: str
    country: str
    lat: float
    lon: float


class SearchAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A page of results. `place` is the place that was understood, `rooms` how the party was spread.
    `total_count` counts the hotels with an offer; it is left out where it would cost more than the page.
    `uncompared`, where it is not 0, counts the hotels that a filter on prices left out because there is no
    exchange rate for their currency. `past`, likewise, counts the hotels of the area at which the arrival
    is over already, by their own dates: elsewhere on earth it may still be that day."""

    results: list[ResultAnswer]
    next_cursor: str | None
    rooms: list[PartyRoom]
    total_count: int | None = None
    uncompared: int = 0
    past: int = 0
    place: Place | None = None


@get(
    "/search",
    opt=public() | direct() | example(parameters={"place": "Lisbon", "adults": 2, **stay_parameters()}),
    tags=["Search"],
    summary="Search for hotels with availability",
)
async def search_hotels(
    searching: Searching,
    now: datetime,
    arrival: date,
    departure: date,
    place: str | None = None,
    lat: float | None = None,
    lon: float | None = None,
    radius_km: float | None = None,
    bbox: str | None = None,
    adults: int = 2,
    children: str | None = None,
    rooms: int = 1,
    stars: str | None = None,
    min_stars: int | None = None,
    amenities: str | None = None,
    meal: str | None = None,
    refundable: bool = False,
    price_min: int | None = None,
    price_max: int | None = None,
    sort: str = "price",
    currency: str | None = None,
    limit: Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> SearchAnswer:
    """Where: `place` (a name or an id of `GET /places`: a city, region or country) or `lat` and `lon`; a city
    and a point with `radius_km` (default 25, at most 500); or `bbox=south,west,north,east`. Who: `adults` and
    `children` (ages, such as `5,9`) are the whole party; with several `rooms` (all of one type) it is spread
    evenly over them.

    Filters: `stars=4,5` or `min_stars`, `amenities` (OpenTravel HAC codes, all of them), `meal`
    (OpenTravel MPT codes, any of them), `refundable=true`, `price_min` and `price_max` (the total, in minor
    units of `currency`, or of each hotel's own). `sort`: price, distance, stars or name. A `cursor` is
    good for the same search only."""
    hit = await _place(searching, place, now)
    request = SearchRequest(
        where=_where(hit, lat, lon, radius_km, bbox),
        stay=stay_of(arrival, departure, now),
        party=party_of(adults, children, rooms),
        stars=_stars(stars, min_stars),
        amenities=integers(amenities, "amenities", example="amenities=71,101"),
        meals=integers(meal, "meal", example="meal=19"),
        refundable=refundable,
        price_min=_price(price_min, "price_min"),
        price_max=_price(price_max, "price_max"),
        sort=_choice(sort),
        currency=_currency(currency),
        limit=limit,
    )
    if request.sort == "distance" and not isinstance(request.where, Around):
        raise InvalidFilter(
            "a box, a country and a region have no point to measure distance from",
            field="sort",
            fix="search by a city or by lat and lon",
        )
    same = _fingerprint(request)
    if cursor is not None:
        request = msgspec.structs.replace(request, after=_after(cursor, same, request))
    page: SearchPage | WrittenPage | None = searching.written(request, FORM, now)
    if page is None:
        page = await searching.find(request, now)
    return SearchAnswer(
        results=_results(page),
        next_cursor=pages.encode((same, page.after)) if page.after else None,
        rooms=[PartyRoom(room.adults, room.children) for room in request.party],
        total_count=page.total_count,
        uncompared=page.uncompared,
        past=page.past,
        place=None if hit is None else Place(hit.id, hit.name, hit.country, hit.lat, hit.lon),
    )


async def _place(searching: Searching, text: str | None, now: datetime) -> PlaceHit | None:
    if text is None:
        return None
    to = await searching.destination(text, now=now)
    if to.meant is not None and to.meant.hit.kind != "property":
        return to.meant.hit
    if to.meant is not None:
        raise PlaceNotFound(
            f"{text[:80]!r} is a hotel, not a place",
            field="place",
            fix=f"use GET /properties/{to.meant.hit.slug}/offers, or search by lat and lon",
        )
    others = ", ".join(
        f"{other.hit.id} ({', '.join(filter(None, (other.hit.name, other.hit.region, other.hit.country)))})"
        for other in to.others[:5]
        if other.hit.kind != "property"
    )
    raise PlaceNotFound(
        f"{text[:80]!r} could be more than one place" if others else f"no place is called {text[:80]!r}",
        field="place",
        fix=f"give the id of the one you mean: {others}"
        if others
        else "try GET /places?q= with the first letters, or search by lat and lon",
    )


def _where(
    place: PlaceHit | None, lat: float | None, lon: float | None, radius_km: float | None, bbox: str | None
) -> Around | Box | Within:
    by_point = lat is not None or lon is not None
    if (place is not None) + by_point + (bbox is not None) != 1:
        raise WhereMissing(
            "search by place, by lat and lon, or by bbox", field="place", fix="give exactly one of them"
        )
    if bbox is not None:
        return _box(bbox)
    radius = DEFAULT_RADIUS_KM if radius_km is None else radius_km
    if place is not None and place.kind in ("country", "region"):
        if radius_km is not None:
            raise InvalidFilter(
                "a country and a region have no radius", field="radius_km", fix="leave it out, or name a city"
            )
        return Within(place.country, place.id if place.kind == "region" else None)
    if place is not None:
        return area.around(place.lat, place.lon, radius)
    if lat is None or lon is None:
        raise WhereMissing("a point needs both lat and lon", field="lat" if lat is None else "lon")
    return area.around(lat, lon, radius)


def _box(text: str) -> Box:
    try:
        south, west, north, east = (float(part) for part in text.split(",", 4))
    except ValueError:
        raise InvalidArea(
            "bbox needs four numbers",
            field="bbox",
            fix="bbox=south,west,north,east, such as 48.0,11.3,48.3,11.8",
        ) from None
    return area.box(south, west, north, east)


def _stars(listed: str | None, least: int | None) -> tuple[int, ...]:
    stars = integers(listed, "stars", example="stars=4,5")
    if least is not None:
        if stars:
            raise InvalidFilter("give stars or min_stars, not both", field="min_stars")
        stars = tuple(range(least, 6)) if 0 <= least <= 5 else (least,)
    if any(not 0 <= number <= 5 for number in stars):
        raise InvalidFilter("a hotel has 0 to 5 stars", field="min_stars" if listed is None else "stars")
    return stars


def _price(amount: int | None, field: str) -> int | None:
    if amount is not None and not 0 <= amount <= MAX_AMOUNT:
        raise InvalidFilter(
            "the price is out of range", field=field, fix="it is in minor units: 12900 is 129.00"
        )
    return amount


def _choice(sort: str) -> Sort:
    for known in SORTS:
        if sort == known:
            return known
    raise InvalidFilter("this is not a sort order", field="sort", fix=f"one of {', '.join(SORTS)}")


def _currency(code: str | None) -> str | None:
    if code is not None and not (len(code) == 3 and code.isascii() and code.isalpha()):
        raise InvalidFilter("a currency code has three letters", field="currency", fix="such as EUR")
    if code is None:
        return None
    if code.upper() not in CURRENCIES:
        raise UnknownCurrency(
            f"there is no currency {code.upper()}", field="currency", fix="an ISO 4217 code such as EUR"
        )
    return code.upper()


def _fingerprint(request: SearchRequest) -> str:
    """What tells searches apart but for their limits and cursors."""
    return blake2b(_encode(_same_of(request)), digest_size=8).hexdigest()


def _after(cursor: str, same: str, request: SearchRequest) -> Key:
    given, key = pages.decode(cursor, tuple[str, Key])
    if given != same or isinstance(key.value, str) != (request.sort == "name"):
        raise InvalidCursor(
            "the cursor belongs to a different search",
            field="cursor",
            fix="repeat the search with the same parameters, or start again without a cursor",
        )
    found: Key = key
    return found


def _results(page: SearchPage | WrittenPage) -> list[ResultAnswer]:
    if isinstance(page, WrittenPage):
        return cast("list[ResultAnswer]", msgspec.Raw(b"[%b]" % page.results))
    return list(map(result_of, page.results))


FORM = form_of(
    '{"property":{', Field.PROPERTY,
    Field.IF_ON_CIRCLE, ',"distance_km":', Field.KILOMETRES, Field.END,
    '},"offer":{"room_type":"', Field.TYPE_CODE, '","room_type_name":"', Field.TYPE_NAME,
    '","rate_plan":"', Field.PLAN_CODE, '","rate_plan_name":"', Field.PLAN_NAME,
    '","total":{"amount":', Field.TOTAL, ',"currency":"', Field.CURRENCY, '"}',
    ',"per_night":{"amount":', Field.PER_NIGHT, ',"currency":"', Field.CURRENCY, '"}',
    ',"nights":', Field.NIGHTS, ',"rooms":', Field.ROOMS, ',"rooms_left":', Field.ROOMS_LEFT,
    ',"refundable":', Field.REFUNDABLE, ',"meal":', Field.MEAL,
    Field.IF_APPROXIMATE,
    ',"approximate_total":{"amount":', Field.WORTH, ',"currency":"', Field.WORTH_CURRENCY, '"}', Field.END,
    Field.IF_NOT_COMPARED, ',"compared":false', Field.END,
    "}}",
)  # fmt: skip
"""A `ResultAnswer` as compiled code writes it; a test compares the two."""


def result_of(result: SearchResult) -> ResultAnswer:
    """A result as it is answered."""
    found, offer, metres = result.property, result.offer, result.distance_m
    return ResultAnswer(
        FoundProperty(
            slug=found.slug,
            name=found.name,
            stars=found.stars,
            city=found.city,
            country=found.country,
            lat=found.lat,
            lon=found.lon,
            amenities=found.amenities,
            distance_km=None if metres is None else metres / 1000,
        ),
        OfferAnswer(
            room_type=offer.room_type,
            room_type_name=offer.room_type_name,
            rate_plan=offer.rate_plan,
            rate_plan_name=offer.rate_plan_name,
            total=Money(offer.total, offer.currency),
            per_night=Money(per_night(offer.total, nights=offer.nights), offer.currency),
            nights=offer.nights,
            rooms=offer.rooms,
            rooms_left=offer.rooms_left,
            refundable=offer.refundable,
            meal=offer.meal,
            approximate_total=offer.approximate,
            compared=offer.compared,
        ),
    )


handlers = [search_hotels]
