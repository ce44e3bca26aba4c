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
from hotel_booking.domains.properties.destinations import Destination
from hotel_booking.domains.properties.queries import InList
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import SORTS, Key, SearchPage, SearchRequest, SearchResult, Sort
from hotel_booking.http import pages
from hotel_booking.http.access import public
from hotel_booking.http.fast_path import direct
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.problems import InvalidCursor
from hotel_booking.http.security_headers import PAGE_POLICY
from hotel_booking.http.ui.render import see_other
from hotel_booking.web.i18n.conditions import Conditions
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.kept_pages import Origin
from hotel_booking.web.maps.results import ResultsPlan, plan_of, tiled_plan_of
from hotel_booking.web.search import nothing_free, other_rooms, query
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
from hotel_booking.web.site import chosen_currency, kept_page, language_of, query_of, site

_PAGE = 20
_NAMED = 2  # the last rank of a hit whose name holds what was typed
_LISTED = 60  # hotels of a place where no dates are asked for yet


class Undated(msgspec.Struct, frozen=True):
    """A hotel of a place, before any date is asked for."""

    name: str
    city: str
    stars: int
    distance: str | None
    picture: str
    srcset: str
    href: str


class Filters(msgspec.Struct, frozen=True):
    """What narrows the list, as the address says it; what cannot be read narrows nothing."""

    sort: Sort = "price"
    stars: int | None = None
    refundable: bool = False


class _Question(msgspec.Struct, frozen=True):
    """What the page was asked: where as typed and by key (`at`), and the `place` that is meant by it, where
    one is; what stays and rooms; what narrows the list. `mark`: of all that but the page of the list."""

    typed: str
    at: str
    to: Destination
    place: SearchPlace | None
    filters: Filters
    asked: Asked
    today: date
    mark: str

    def address(self, **changes: Any) -> str:
        """The same question with changes, as a query string."""
        kept = {
            "place": self.typed,
            "at": self.at,
            "sort": self.filters.sort if self.filters.sort != "price" else None,
            "stars": self.filters.stars,
            "refundable": "1" if self.filters.refundable else None,
        }
        return self.asked.query(**kept | changes)


@get("/search", opt=public() | direct(), include_in_schema=False)
async def show_results(
    request: Request[Any, Any, State],
    searching: Searching,
    settings: Settings,
    now: datetime,
    cursor: str | None = None,
) -> Response[Any]:
    """The list; a hotel that is meant by its name is gone to. At most 20 statements, and for families and
    several rooms 4 more for another number of rooms; where nothing is free that is tried twice, each other
    date that is tried takes 4, and each hotel that is asked why 3, or 7 where the party needs another number
    of rooms."""
    language = language_of(request)
    question = await _read(request, searching, language, now)
    asked, place, meant = question.asked, question.place, question.to.meant
    if meant is not None and meant.hit.kind == "property":
        rooms = "#rooms" if asked.stay is not None else ""
        return see_other(request, f"/{language}/hotels/{meant.hit.slug}{asked.query()}{rooms}")
    if place is None:
        return site(request, "search/results.html", **_values(question, language, cursor))
    if asked.stay is None:
        values = _values(question, language, cursor)
        values["undated"] = await _undated(searching, request.app.state, place, asked, language=language)
        return site(request, "search/results.html", **values)
    wanted = SearchRequest(
        where=place.where,
        stay=asked.stay,
        party=asked.party,
        stars=tuple(range(question.filters.stars, 6)) if question.filters.stars is not None else (),
        refundable=question.filters.refundable,
        sort=question.filters.sort,
        currency=chosen_currency(request.scope),
        limit=_PAGE,
        after=_after(cursor, question.mark),
    )
    origin = _origin(searching, wanted, now, question)
    if origin is not None and (kept := kept_page(request, origin)) is not None:
        return kept
    found = await searching.find(wanted, now)
    values = _values(question, language, cursor)
    values |= await _list(request, searching, settings, question, place, wanted, found, now)
    if not found.results and cursor is None:
        values |= await nothing_free.alternatives(
            searching, wanted, asked, question.address, today=question.today, language=language, now=now
        )
    # What changed while it was read would be kept under what it was before, and may be so again.
    if not found.results or origin != _origin(searching, wanted, now, question):
        origin = None
    tiles = settings.map_tiles
    policy = PAGE_POLICY.replace("img-src 'self'", f"img-src 'self' {_host(tiles)}") if tiles else PAGE_POLICY
    return site(request, "search/results.html", etag=True, origin=origin, policy=policy, **values)


async def _read(
    request: Request[Any, Any, State], searching: Searching, language: str, now: datetime
) -> _Question:
    params = request.query_params
    typed = str(params.get("place", "")).strip()[:LONGEST]
    at = str(params.get("at", "")).strip()[:LONGEST]
    to, place = await searched(searching, request.app.state, typed, at, language, now)
    # Each hotel of the place decides by its own date; what is past at all of them is refused here.
    today = await searching.earliest_date(place.where if place is not None else None, now)
    return _Question(
        typed=typed,
        at=at,
        to=to,
        place=place,
        filters=_filters(params.get("sort"), params.get("stars"), params.get("refundable")),
        asked=query.read(params.dict(), today=today, language=language),
        today=today,
        mark=_mark(list(params.multi_items())),
    )


def _values(question: _Question, language: str, cursor: str | None) -> dict[str, Any]:
    """What the page shows of the question itself, and nothing found for it yet."""
    texts, asked, place = translations(language), question.asked, question.place
    by_key = place is not None and (question.at or question.typed.isdigit())
    return {
        "asked": asked,
        "typed_place": place.name if place is not None and by_key else question.typed,
        "at": place.key if place is not None else "",
        "place": place,
        # The place alone makes it another page: dates, guests and filters vary it.
        "own_query": query_of({"place": place.key}) if place is not None else "",
        "filters": question.filters,
        "phrases": Phrases(language, texts),
        "today": question.today,
        "first": cursor is None,
        "past": 0,
        "cards": "",
        "plan": None,
        "others": [],
        "apart": None,
        "whys": [],
        "count": None,
        "next_href": None,
        "undated": [],
        # Nothing is called as it was typed: what is offered only looks like it.
        "similar": place is None and all(other.rank > _NAMED for other in question.to.others),
        "others_meant": [
            (one, asked.query(place=one.name, at=one.key))
            for one in (suggestion(other, language, texts) for other in question.to.others)
        ],
    }


async def _list(
    request: Request[Any, Any, State],
    searching: Searching,
    settings: Settings,
    question: _Question,
    place: SearchPlace,
    wanted: SearchRequest,
    found: SearchPage,
    now: datetime,
) -> dict[str, Any]:
    """The hotels that were found, as cards and on the plan."""
    asked, language = question.asked, language_of(request)
    cheaper = await other_rooms.in_list(searching, wanted, found.results, asked, language=language, now=now)
    shown = await listed(searching, request.app.state, [one.property for one in found.results], language)
    cards = _cards(found.results, shown, cheaper, asked, language)
    plan = _plan(place, found.results, cards, settings.map_tiles)
    write = CardList(language, wanted.stay.nights, len(asked.party), numbered=plan is not None)
    offers = [result.offer for result in found.results]
    next_key = pages.encode((question.mark, found.after)) if found.after else None
    return {
        "cards": write.cards(cards),
        "count": found.total_count,
        "past": found.past,
        "converted": any(
            card.approximate is not None and card.approximate.currency != card.total.currency
            for card in cards
        ),
        # Then the hotels' own currencies are all there is: the page says why.
        "unrated": wanted.currency
        if all(offer.currency != wanted.currency for offer in offers)
        and not any(offer.approximate and offer.approximate.currency == wanted.currency for offer in offers)
        else None,
        "uncompared": any(not offer.compared for offer in offers),
        "plan": plan,
        "dots": dots(plan, cards, language) if plan is not None else "",
        "attribution": settings.map_attribution,
        "address": question.address,
        "next_href": question.address(cursor=next_key) if next_key else None,
    }


def _origin(searching: Searching, wanted: SearchRequest, now: datetime, question: _Question) -> Origin | None:
    """What the page follows from; None where that is not known."""
    marks = [searching.page_mark(one, now) for one in (wanted, *other_rooms.instead_of(wanted))]
    rates = searching.exchange_rates() if wanted.currency is not None else None
    return (
        None
        if None in marks
        else Origin(now, (question.to.others, question.place, question.today, marks, rates))
    )


async def _undated(
    searching: Searching, state: State, place: SearchPlace, asked: Asked, *, language: str
) -> list[Undated]:
    """The hotels of the place, the nearest first or by name."""
    phrases = Phrases(language, translations(language))
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
) -> list[Card]:
    texts = translations(language)
    conditions, splits = Conditions(language, texts), RoomSplitPhrases(language, texts)
    phrases = Phrases(language, texts)
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


def _plan(
    place: SearchPlace, results: Sequence[SearchResult], cards: Sequence[Card], tiles: str | None
) -> ResultsPlan | None:
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


def _mark(params: Sequence[tuple[str, str]]) -> str:
    """A mark of the question, so that a cursor is only good for the list that gave it."""
    kept = sorted((name, value) for name, value in params if name != "cursor")
    return sha256(msgspec.json.encode(kept)).hexdigest()[:12]


def _after(cursor: str | None, mark: str) -> Key | None:
    """Where the page begins; a cursor that is not this list's begins at the beginning."""
    try:
        found = pages.decode(cursor, tuple[str, Key])
    except InvalidCursor:
        return None
    return found[1] if found is not None and found[0] == mark else None


handlers = [show_results]
