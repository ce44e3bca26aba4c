"""A hotel's page: pictures, rooms with every offer side by side, what is not sold and why, prices by day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State
from markupsafe import Markup

from hotel_booking.core.dates import business_date, calendar_date, earliest_business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.errors import NoSuchProperty
from hotel_booking.domains.rates.cancellation import balance_instant, deadlines
from hotel_booking.domains.search.searching import Searching
from hotel_booking.http.access import public
from hotel_booking.http.fast_path import direct
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.punctuation import joined
from hotel_booking.web import placeholder_art
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.kept_pages import Origin
from hotel_booking.web.property import jsonld, view
from hotel_booking.web.property.content import Content, content_of
from hotel_booking.web.property.currencies import currencies_of
from hotel_booking.web.property.known import known
from hotel_booking.web.property.offer_list import OfferList
from hotel_booking.web.property.view import PropertyView
from hotel_booking.web.search import query
from hotel_booking.web.search.other_rooms import RoomSplitPhrases
from hotel_booking.web.search.query import Asked
from hotel_booking.web.site import (
    CARRIED,
    chosen_currency,
    kept_page,
    language_of,
    link,
    site,
)

_LONGEST_AHEAD = timedelta(days=730)


@get("/hotels/{slug:str}", opt=public() | direct(), include_in_schema=False)
async def show_property(
    request: Request[Any, Any, State], tx: Transaction, searching: Searching, now: datetime, slug: str
) -> Response[Any]:
    """The page. What is wrong in the question stands beside its field; the hotel is shown all the same.

    No statement, or one where the search index does not know the hotel; two more where it does not know the
    nights, or four where the stay is far from the months shown; and after a change of the hotel or of the
    exchange rates eight more, once."""
    language = language_of(request)
    texts = translations(language)
    try:
        found = await known(searching, request.app.state, slug)
    except NoSuchProperty:
        if slug.isascii() and slug.replace("-", "").isalnum() and slug != slug.lower():
            typed = request.scope["query_string"].decode("latin-1")
            where = link(language, f"hotels/{slug.lower()}") + (f"?{typed}" if typed else "")
            return Response(b"", status_code=301, headers={"location": where})
        asked = query.read(request.query_params.dict(), today=earliest_business_date(now), language=language)
        home = link(language) + asked.query()
        return site(request, "property/unknown.html", status=404, home=home)
    property_ = found.property
    today = business_date(now, property_.timezone, property_.day_end_time)
    asked = query.read(
        request.query_params.dict(),
        today=today,
        language=language,
        currency=chosen_currency(request.scope),
    )
    running = today < calendar_date(now, property_.timezone)
    nights = view.stretches(asked, today)
    shown = (nights.calendar, nights.around)
    mark = searching.nights_mark(slug, shown)
    origin = Origin(now, (found.mark, found.rates_mark, today, running, mark))
    if mark is not None and (kept := kept_page(request, origin)) is not None:
        return kept
    state = request.app.state
    content = await content_of(tx, state, found, language)
    currencies = await currencies_of(tx, state, found, language)
    hotel = await view.load(
        searching, content, asked, currencies.per_euro, nights, language=language, today=today, now=now
    )
    # Nights that changed while they were read would be kept under what they were before, and may be so again.
    indexed = mark is not None and hotel.indexed and searching.nights_mark(slug, shown) == mark
    kept_until = msgspec.structs.replace(origin, until=_next_deadline(content, asked, now))
    phrases = Phrases(language, texts)
    occupancies = [phrases.occupancy(one) for one in asked.party]
    return site(
        request,
        "property/page.html",
        etag=True,
        origin=kept_until if indexed else None,
        content=content,
        hotel=hotel,
        # Whom tomorrow's date could mislead: who comes in spring hears nothing of tonight.
        running=running and (asked.stay is None or asked.stay.arrival <= today + timedelta(days=1)),
        property=content.property,
        asked=asked,
        phrases=phrases,
        here=request.scope["path"],
        offers=OfferList(language, property_, asked, occupancies, link(language, "book")),
        party_said=_party(asked, language),
        occupancies=occupancies,
        limits=_between("min", today, "max", today + _LONGEST_AHEAD),
        currencies=currencies.options(asked.currency),
        compared=currencies.compared(asked.currency, property_.currency),
        linked_data=_linked_data(hotel, content, asked),
        back=_back(asked, language),
        instead=RoomSplitPhrases(language, texts).said(hotel.instead) if hotel.instead is not None else None,
    )


def _next_deadline(content: Content, asked: Asked, now: datetime) -> datetime | None:
    """When what the page says of cancelling and paying the stay will be something else, unless the hotel
    changes it."""
    if asked.stay is None:
        return None
    arrival, timezone = asked.stay.arrival, content.property.timezone
    instants: list[datetime | None] = []
    for plan in content.catalogue.plans.values():
        instants += [since for since, _ in deadlines(content.catalogue.policy(plan), arrival, timezone)]
        instants.append(balance_instant(plan.deposit, arrival, timezone))
    return min((instant for instant in instants if instant is not None and instant > now), default=None)


def _party(asked: Asked, language: str) -> str:
    """Who comes, and for how long: 3 nights, 2 adults."""
    texts = translations(language)
    party = Phrases(language, texts).party(asked.party)
    if asked.stay is None:
        return party
    nights = texts.ngettext("%(num)s night", "%(num)s nights", asked.stay.nights)
    return joined((nights % {"num": asked.stay.nights}, party), language)


def _back(asked: Asked, language: str) -> str | None:
    """The list of hotels that the guest came from, with the search as it is now."""
    if not asked.carried.keys() & {"place", "at"}:
        return None
    return link(language, "search") + asked.query()


def _between(minimum: str, first: date, maximum: str, last: date) -> Markup:
    """The limits of a date field."""
    return Markup(' {}="{}" {}="{}"').format(minimum, first, maximum, last)


def _linked_data(hotel: PropertyView, content: Content, asked: Asked) -> Markup:
    sold = hotel.found.offers if hotel.found is not None else ()
    search = asked.query(**dict.fromkeys(CARRIED)) if sold else ""
    return jsonld.script(
        content.linked,
        [
            jsonld.offer(
                one,
                room_type=content.names["room_type", one.room_type],
                rate_plan=content.names["rate_plan", one.rate_plan],
                url=f"{content.url}{search}#room-{one.room_type}",
            )
            for one in sold
        ],
    )


handlers = [show_property]
unprefixed = [*placeholder_art.handlers]
