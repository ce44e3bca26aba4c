"""Where to: places and hotels suggested while a guest types, in the page's language."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.places import PlaceHit, find_places
from hotel_booking.http.access import public
from hotel_booking.web.language import locale_of
from hotel_booking.web.site import language_of, texts_of

_SHOWN = 8


class Suggestion(msgspec.Struct, frozen=True):
    """What is suggested: its name, what tells it from others of that name, and the key that the search box
    sends as `at` when it is chosen."""

    key: str
    name: str
    detail: str


class Suggestions(msgspec.Struct, frozen=True):
    """The likeliest first."""

    places: list[Suggestion]


@get("/places", opt=public(), include_in_schema=False)
async def suggest(request: Request[Any, Any, State], tx: Transaction, q: str = "") -> Response[Suggestions]:
    """At most three statements."""
    language = language_of(request)
    hits = await find_places(tx, q, limit=_SHOWN)
    answer = Suggestions([Suggestion(key_of(hit), hit.name, detail(hit, language)) for hit in hits])
    return Response(answer, headers={"cache-control": "private, max-age=300", "vary": "cookie"})


def key_of(hit: PlaceHit) -> str:
    """What names the hit in an address: a GeoNames id, or a hotel's slug behind `hotel:`."""
    return f"hotel:{hit.slug}" if hit.kind == "property" else str(hit.id)


def detail(hit: PlaceHit, language: str) -> str:
    """What tells the hit from others of its name: "Hotel, Portugal"."""
    country = str(locale_of(language).territories.get(hit.country, hit.country))
    kind = texts_of(language).gettext("Hotel") if hit.kind == "property" else ""
    return ", ".join(part for part in (kind, country) if part)


handlers = [suggest]
