"""A hotel's page: pictures, rooms with every offer side by side, what is not sold and why, prices by day."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State
from markupsafe import Markup

from hotel_booking.core.config import Settings
from hotel_booking.core.dates import earliest_business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.errors import NoSuchProperty
from hotel_booking.http.access import public
from hotel_booking.web import placeholder_art
from hotel_booking.web.i18n.catalogues import translations
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.maps.city import city_plan
from hotel_booking.web.property import jsonld, social, view
from hotel_booking.web.property.view import FEW, PropertyView
from hotel_booking.web.search import query
from hotel_booking.web.search.other_rooms import RoomSplitPhrases
from hotel_booking.web.search.query import Asked
from hotel_booking.web.site import (
    CARRIED,
    canonical,
    chosen_currency,
    language_of,
    link,
    site,
)

_LONGEST_AHEAD = timedelta(days=730)


@get("/hotels/{slug:str}", opt=public(), include_in_schema=False)
async def show_property(
    request: Request[Any, Any, State], tx: Transaction, settings: Settings, now: datetime, slug: str
) -> Response[Any]:
    """The page. What is wrong in the question stands beside its field; the hotel is shown all the same."""
    language = language_of(request)
    texts = translations(language)
    try:
        property_, today = await view.today_at(tx, slug, now)
    except NoSuchProperty:
        asked = query.read(request.query_params.dict(), today=earliest_business_date(now), texts=texts)
        home = link(language) + asked.query()
        return site(request, "property/unknown.html", status=404, home=home)
    asked = query.read(
        request.query_params.dict(),
        today=today,
        texts=texts,
        currency=chosen_currency(request.scope),
    )
    hotel = await view.load(tx, property_, asked, language=language, texts=texts, today=today, now=now)
    say = Phrases(language, texts)
    url = canonical(request)
    origin = settings.public_url.rstrip("/")
    return site(
        request,
        "property/page.html",
        etag=True,
        hotel=hotel,
        property=property_,
        asked=asked,
        few=FEW,
        say=say,
        here=request.scope["path"],
        book=link(language, "book"),
        origin=origin,
        social=social.address(slug, hotel.cover, hotel.setting),
        summary=say.summary(hotel.name, property_, hotel.description),
        party_text=say.party(asked.party),
        occupancies=[say.occupancy(one) for one in asked.party],
        rules=say.rules(property_),
        plan=_plan(hotel, say),
        limits=_between("min", today, "max", today + _LONGEST_AHEAD),
        linked_data=_linked_data(hotel, asked, say, url, origin),
        back=_back(asked, language),
        instead=RoomSplitPhrases(language, texts).said(hotel.instead) if hotel.instead is not None else None,
    )


def _back(asked: Asked, language: str) -> str | None:
    """The list of hotels that the guest came from, with the search as it is now."""
    if not asked.carried.keys() & {"place", "at"}:
        return None
    return link(language, "search") + asked.query()


def _between(least: str, first: date, most: str, last: date) -> Markup:
    """The limits of a date field."""
    return Markup(' {}="{}" {}="{}"').format(least, first, most, last)


def _plan(hotel: PropertyView, say: Phrases) -> Any:
    if hotel.city is None or hotel.centre_km is None:
        return None
    property_ = hotel.property
    return city_plan((hotel.city.lat, hotel.city.lon), (property_.lat, property_.lon), say.kilometres)


def _linked_data(hotel: PropertyView, asked: Asked, say: Phrases, url: str, origin: str) -> Markup:
    data = jsonld.hotel(
        hotel.property,
        name=hotel.name,
        description=say.summary(hotel.name, hotel.property, hotel.description),
        url=url,
        images=[f"{origin}{picture.full}" for picture in hotel.gallery[:5]],
        amenities=[say.word(word) for _, words in hotel.amenities for word in words],
    )
    if hotel.found is not None and hotel.found.offers:
        data["makesOffer"] = [
            jsonld.offer(
                one,
                room_type=hotel.names["room_type", one.room_type],
                rate_plan=hotel.names["rate_plan", one.rate_plan],
                url=f"{url}{asked.query(**dict.fromkeys(CARRIED))}#room-{one.room_type}",
            )
            for one in hotel.found.offers
        ]
    return jsonld.script(data)


handlers = [show_property]
unprefixed = [*placeholder_art.handlers]
