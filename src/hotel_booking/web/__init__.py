"""The guests' site: every page under its language, /en/ /de/ /fr/ /es/ /ar/, made of the same handlers."""

from __future__ import annotations

from typing import Any

from litestar import Router

from hotel_booking.core.lru_cache import LruCache
from hotel_booking.http.bodies import SITE_LIMIT
from hotel_booking.web import group_pages, redirects, security_txt, sitemap, social
from hotel_booking.web.account import routes as account
from hotel_booking.web.booking import (
    amend,
    checkout,
    contact,
    manage,
    own_list,
    payment,
    quotes,
    receipt,
)
from hotel_booking.web.group_pages import follow as follow_group_pages
from hotel_booking.web.group_pages import look as look_for_group_pages
from hotel_booking.web.kept_pages import MOST_KEPT, KeptPages
from hotel_booking.web.problem import problem_page
from hotel_booking.web.property import content, currencies, known, page
from hotel_booking.web.search import (
    destinations,
    home,
    hotels,
    listed,
    results,
    stay_picker,
)
from hotel_booking.web.templating import compile_all

_PAGES = [
    *home.handlers,
    *hotels.handlers,
    *destinations.handlers,
    *results.handlers,
    *stay_picker.handlers,
    *page.handlers,
    *quotes.handlers,
    *checkout.handlers,
    *contact.handlers,
    *payment.handlers,
    *own_list.handlers,
    *manage.handlers,
    *receipt.handlers,
    *amend.handlers,
    *account.handlers,
    *group_pages.handlers,
]
# Addresses without a language: they send the guest on, or are the same in all.
_UNPREFIXED = [
    *redirects.handlers,
    *sitemap.handlers,
    *security_txt.handlers,
    *social.handlers,
    *manage.unprefixed,
    *page.unprefixed,
]

__all__ = [
    "compile_all",
    "follow_group_pages",
    "handlers",
    "kept",
    "look_for_group_pages",
    "problem_page",
]


def kept() -> dict[str, Any]:
    """What the site's pages keep in the application's state between requests; empty at first."""
    contents: content.Contents = LruCache("hotel_pages", content.MOST_KEPT)
    options: currencies.KeptCurrencies = LruCache("currencies", currencies.MOST_KEPT)
    places: destinations.KeptPlaces = LruCache("places", destinations.MOST_KEPT)
    pages: KeptPages = LruCache("pages", MOST_KEPT)
    marked: known.KeptHotels = LruCache("hotels", known.MOST_KEPT)
    shown: listed.KeptShown = LruCache("listed_hotels", listed.MOST_KEPT)
    return {
        "kept_pages": pages,
        "property_contents": contents,
        "known_hotels": marked,
        "listed_hotels": shown,
        "property_currencies": options,
        "search_places": places,
        "home_cities": None,
        "counted_countries": None,
    }


# Registered once, whatever the number of languages; `http/routing.py` answers 404 for any other first word.
handlers = [
    Router(path="/{language:str}", route_handlers=_PAGES, request_max_body_size=SITE_LIMIT),
    *_UNPREFIXED,
]
