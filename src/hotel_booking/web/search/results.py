"""Where rooms are free: hotels as cards and on a plan, filters that stand in the address, and what would
work where nothing is free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.core.dates import FIRST_NIGHT, Stay
from hotel_booking.core.folding import sort_form
from hotel_booking.core.money import Money, per_night
from hotel_booking.domains.properties.queries import InList, translated
from hotel_booking.domains.search.errors import ArrivalInThePast
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import SORTS, Key, SearchRequest, SearchResult, Sort
from hotel_booking.http import pages
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.problems import InvalidCursor
from hotel_booking.http.security_headers import PAGE_POLICY
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.i18n.conditions import Conditions
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.i18n.refusals import Refusals
from hotel_booking.web.kept_pages import Origin
from hotel_booking.web.maps.results import Plan, plan_of, tiled_plan_of
from hotel_booking.web.search import other_rooms, query
from hotel_booking.web.search.card_list import FEW, Card, CardList, dots
from hotel_booking.web.search.destinations import (
    LONGEST,
    SearchPlace,
    searched,
    suggestion,
)
from hotel_booking.web.search.drawn_covers import list_picture
from hotel_booking.web.search.listed import listed
from hotel_booking.web.search.other_rooms import RoomSplit, RoomSplitPhrases
from hotel_booking.web.search.query import Asked
from hotel_booking.web.site import chosen_currency, kept_page, language_of, site

_PAGE = 20
_LISTED = 60  # hotels of a place where no dates are asked for yet
_ASKED_WHY = 3
# What is tried where nothing is free: the same nights earlier or later, the nearest first.
_SHIFTS = (1, -1, 2, -2, 3, -3, 7, -7)


class Undated(msgspec.Struct, frozen=True):
    """A hotel of a place, before any date is asked for."""

    name: str
    city: str
    stars: int
    distance: str | None
    picture: str
    srcset: str
    href: str


class Other(msgspec.Struct, frozen=True):
    """Other dates that work, and what they cost at least."""

    stay: Stay
    total: Money
    href: str


class RefusedHotel(msgspec.Struct, frozen=True):
    """A hotel nearby, and what stands against the stay there."""

    name: str
    href: str
    reasons: list[str]


class Filters(msgspec.Struct, frozen=True):
    """What narrows the list, as the address says it; what cannot be read narrows nothing."""

    sort: Sort = "price"
    stars: int | None = None
    refundable: bool = False


@get("/search", opt=public(), include_in_schema=False)
async def show_results(
    request: Request[Any, Any, State],
    searching: Searching,
    settings: Settings,
    now: datetime,
    cursor: str | None = None,
) -> Response[Any]:
    """The list; a hotel that is meant by its name is gone to. At most 20 statements, and for families and
    several rooms 4 more for another number of rooms; where nothing is free that is tried twice, each other
    date that is tried takes 4, and each hotel that is asked why 3, or 7 where the
    party needs another number of rooms."""
    tiles = settings.map_tiles
    language = language_of(request)
    texts = translations(language)
    params = request.query_params
    typed = str(params.get("place", "")).strip()[:LONGEST]
    at = str(params.get("at", "")).strip()[:LONGEST]
    filters = _filters(params.get("sort"), params.get("stars"), params.get("refundable"))
    phrases = Phrases(language, texts)
    to, place = await searched(searching, request.app.state, typed, at, language, now)
    # Each hotel of the place decides by its own date; what is past at all of them is refused here.
    today = await searching.earliest_date(place.where if place is not None else None, now)
    asked = query.read(params.dict(), today=today, language=language)
    if to.meant is not None and to.meant.hit.kind == "property":
        rooms = "#rooms" if asked.stay is not None else ""
        return see_other(request, f"/{language}/hotels/{to.meant.hit.slug}{asked.query()}{rooms}")
    values: dict[str, Any] = {
        "asked": asked,
        "typed_place": place.name if place is not None and (at or typed.isdigit()) else typed,
        "at": place.key if place is not None else "",
        "place": place,
        "filters": filters,
        "phrases": phrases,
        "sorts": SORTS,
        "today": today,
        "past": 0,
        "cards": "",
        "plan": None,
        "others": [],
        "apart": None,
        "whys": [],
        "count": None,
        "next_href": None,
        "first": cursor is None,
        "undated": [],
        "others_meant": [
            (one, asked.query(place=one.name, at=one.key))
            for one in (suggestion(other, language, texts) for other in to.others)
        ],
    }
    if place is None:
        return site(request, "search/results.html", **values)
    if asked.stay is None:
        values["undated"] = await _undated(
            searching, request.app.state, place, asked, language=language, phrases=phrases
        )
        return site(request, "search/results.html", **values)
    currency = chosen_currency(request.scope)
    wanted = SearchRequest(
        where=place.where,
        stay=asked.stay,
        party=asked.party,
        stars=tuple(range(filters.stars, 6)) if filters.stars is not None else (),
        refundable=filters.refundable,
        sort=filters.sort,
        currency=currency,
        limit=_PAGE,
        after=_after(cursor, list(params.multi_items())),
    )
    origin = _origin(searching, wanted, now, to.others, place, today)
    if origin is not None and (kept := kept_page(request, origin)) is not None:
        return kept
    found = await searching.find(wanted, now)

    def address(**changes: Any) -> str:
        kept = {
            "place": typed,
            "at": at,
            "sort": filters.sort if filters.sort != "price" else None,
            "stars": filters.stars,
            "refundable": "1" if filters.refundable else None,
        } | changes
        return asked.query(**kept)

    cheaper = await other_rooms.in_list(searching, wanted, found.results, asked, language=language, now=now)
    shown = await listed(searching, request.app.state, [one.property for one in found.results], language)
    cards = _cards(found.results, shown, cheaper, asked, language, phrases)
    if not cards and cursor is None:
        apart = await other_rooms.at_all(searching, wanted, asked, language=language, now=now)
        if apart is not None:
            values["apart"] = (apart.href, RoomSplitPhrases(language, texts).said(apart))
        values["others"] = await _others(searching, wanted, now, today, address)
        values["whys"] = await _whys(searching, wanted, asked, language, now)
    next_key = pages.encode((_same(list(params.multi_items())), found.after)) if found.after else None
    plan = _plan(place, found.results, cards, tiles)
    write = CardList(language, asked.stay.nights, len(asked.party), numbered=plan is not None)
    values |= {
        "cards": write.cards(cards),
        "count": found.total_count,
        "past": found.past,
        "converted": any(
            card.approximate is not None and card.approximate.currency != card.total.currency
            for card in cards
        ),
        "uncompared": any(not result.offer.compared for result in found.results),
        "plan": plan,
        "dots": dots(plan, cards, language) if plan is not None else "",
        "attribution": settings.map_attribution,
        "address": address,
        "next_href": address(cursor=next_key) if next_key else None,
    }
    policy = PAGE_POLICY.replace("img-src 'self'", f"img-src 'self' {_host(tiles)}") if tiles else PAGE_POLICY
    # What changed while it was read would be kept under what it was before, and may be so again.
    if not cards or origin != _origin(searching, wanted, now, to.others, place, today):
        origin = None
    return site(request, "search/results.html", etag=True, origin=origin, policy=policy, **values)


def _origin(searching: Searching, wanted: SearchRequest, now: datetime, *parts: object) -> Origin | None:
    """What the page follows from: `parts`, and what is found for it; None where that is not known."""
    marks = [searching.page_mark(one, now) for one in (wanted, *other_rooms.instead_of(wanted))]
    rates = searching.exchange_rates() if wanted.currency is not None else None
    return None if None in marks else Origin(now, (*parts, marks, rates))


async def _undated(
    searching: Searching, state: State, place: SearchPlace, asked: Asked, *, language: str, phrases: Phrases
) -> list[Undated]:
    """The hotels of the place, the nearest first or by name."""
    any_night = Stay(FIRST_NIGHT, FIRST_NIGHT + timedelta(days=1))  # hotels are found whatever they sell
    wanted = SearchRequest(where=place.where, stay=any_night, party=asked.party)
    hotels = sorted(
        (await searching.candidates(wanted)).values(),
        key=lambda hotel: (hotel.distance_m or 0, sort_form(hotel.name, language), hotel.id),
    )[:_LISTED]
    shown = await listed(searching, state, hotels, language)
    pictures = {hotel.id: list_picture(hotel.slug, shown.get(hotel.id)) for hotel in hotels}
    return [
        Undated(
            name=_name(shown.get(hotel.id), hotel.name),
            city=shown[hotel.id].city if hotel.id in shown else hotel.city,
            stars=hotel.stars,
            distance=phrases.kilometres(hotel.distance_m / 1000) if hotel.distance_m is not None else None,
            picture=pictures[hotel.id].src,
            srcset=pictures[hotel.id].srcset,
            href=f"/{language}/hotels/{hotel.slug}{asked.query()}",
        )
        for hotel in hotels
    ]


def _cards(
    results: Sequence[SearchResult],
    shown: Mapping[int, InList],
    cheaper: Mapping[int, RoomSplit],
    asked: Asked,
    language: str,
    phrases: Phrases,
) -> list[Card]:
    texts = translations(language)
    conditions, splits = Conditions(language, texts), RoomSplitPhrases(language, texts)
    query_of_all = asked.query()

    def card(result: SearchResult, shown: InList | None, instead: RoomSplit | None) -> Card:
        hotel, offer = result.property, result.offer
        picture = list_picture(hotel.slug, shown)
        page = f"/{language}/hotels/{hotel.slug}"
        return Card(
            name=_name(shown, hotel.name),
            stars=hotel.stars,
            distance=phrases.kilometres(result.distance_m / 1000) if result.distance_m is not None else None,
            picture=picture.src,
            srcset=picture.srcset,
            total=Money(offer.total, offer.currency),
            night=Money(per_night(offer.total, nights=offer.nights, rooms=offer.rooms), offer.currency),
            approximate=offer.approximate,
            refundable=offer.refundable,
            meal=conditions.meal(offer.meal),
            few=offer.rooms_left if offer.rooms_left <= FEW else None,
            href=f"{page}{query_of_all}#rooms",
            instead=(f"{page}{instead.href}#rooms", splits.said(instead)) if instead is not None else None,
        )

    return [
        card(result, shown.get(result.property.id), cheaper.get(result.property.id)) for result in results
    ]


def _name(shown: InList | None, own: str) -> str:
    return (shown.name if shown is not None else None) or own


async def _others(
    searching: Searching, wanted: SearchRequest, now: datetime, today: date, address: Any
) -> list[Other]:
    """The same nights a few days earlier or later, where something is free then: at most three."""
    others: list[Other] = []
    for days in _SHIFTS:
        stay = _shifted(wanted.stay, days, today)
        if stay is None:
            continue
        shifted = msgspec.structs.replace(wanted, stay=stay, after=None, limit=1, sort="price")
        found = await searching.find(shifted, now)
        if found.results:
            offer = found.results[0].offer
            href = address(arrival=stay.arrival, departure=stay.departure)
            others.append(Other(stay, Money(offer.total, offer.currency), href))
        if len(others) == 3:
            break
    return sorted(others, key=lambda other: other.stay.arrival)


def _shifted(stay: Stay, days: int, today: date) -> Stay | None:
    arrival = stay.arrival + timedelta(days=days)
    return Stay(arrival, stay.departure + timedelta(days=days)) if arrival >= today else None


async def _whys(
    searching: Searching, wanted: SearchRequest, asked: Asked, language: str, now: datetime
) -> list[RefusedHotel]:
    """What stands against the stay at the nearest hotels, whatever the filters."""
    refusals = Refusals(language, translations(language))
    splits = RoomSplitPhrases(language, translations(language))
    _ = translations(language).gettext
    found = await searching.candidates(msgspec.structs.replace(wanted, stars=(), refundable=False))
    nearest = sorted(found.values(), key=lambda hotel: (hotel.distance_m or 0, hotel.id))[:_ASKED_WHY]
    names = await translated(searching.tx, "property", [hotel.id for hotel in nearest], language)
    whys: list[RefusedHotel] = []
    for hotel in nearest:
        name = names.get(hotel.id, {}).get("name", hotel.name)
        try:
            answer = await searching.offers(hotel.slug, wanted.stay, wanted.party, explain=True, now=now)
        except ArrivalInThePast:
            past = _("This date has already passed at the hotel. Please choose today or later.")
            whys.append(RefusedHotel(name, f"/{language}/hotels/{hotel.slug}#rooms", [past]))
            continue
        where = asked.query()
        if answer.fits_in is not None:
            instead = await other_rooms.at_hotel(
                searching, (hotel.id, hotel.slug), wanted, asked, answer.fits_in, language=language, now=now
            )
            if instead is not None:
                reasons, where = [splits.said(instead)], instead.href
            else:
                reasons = [refusals.rooms_needed(answer.fits_in)]
        elif answer.offers:
            reasons = [_("Available, but not with your filters")]
        else:
            fewest = min(answer.refused or (), key=lambda refusal: len(refusal.reasons), default=None)
            reasons = refusals.reasons(fewest.reasons)[:2] if fewest is not None else [_("Not available")]
        whys.append(RefusedHotel(name, f"/{language}/hotels/{hotel.slug}{where}#rooms", reasons))
    return whys


def _plan(
    place: SearchPlace, results: Sequence[SearchResult], cards: Sequence[Card], tiles: str | None
) -> Plan | None:
    """A plan around the centre of a city; a country has none."""
    if len(cards) < 2 or place.centre is None:
        return None
    points = [(result.property.lat, result.property.lon) for result in results]
    centre = place.centre
    return tiled_plan_of(centre, points, tiles) if tiles else plan_of(centre, points)


def _host(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _filters(sort: str | None, stars: str | None, refundable: str | None) -> Filters:
    return Filters(
        sort=next((known for known in SORTS if known == sort), "price"),
        stars=int(stars) if stars in ("1", "2", "3", "4", "5") else None,
        refundable=refundable == "1",
    )


def _same(params: Sequence[tuple[str, str]]) -> str:
    """A mark of the question, so that a cursor is only good for the list that gave it."""
    kept = sorted((name, value) for name, value in params if name != "cursor")
    return sha256(msgspec.json.encode(kept)).hexdigest()[:12]


def _after(cursor: str | None, params: Sequence[tuple[str, str]]) -> Key | None:
    """Where the page begins; a cursor that is not this list's begins at the beginning."""
    try:
        found = pages.decode(cursor, tuple[str, Key])
    except InvalidCursor:
        return None
    return found[1] if found is not None and found[0] == _same(params) else None


handlers = [show_results]
