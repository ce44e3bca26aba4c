"""The calendar in which a stay is chosen, with the lowest price of each night at the place: a part of a page,
fetched by the search box's script. Without the script the two date fields do."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.core.dates import LAST_NIGHT, Stay
from hotel_booking.core.locales import locale_of
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import Around, SearchRequest, Within
from hotel_booking.http.access import public
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.web.i18n.phrases import Phrases
from hotel_booking.web.search import query
from hotel_booking.web.search.destinations import LONGEST, searched
from hotel_booking.web.search.months import moved, weeks
from hotel_booking.web.site import chosen_currency, draw, language_of

_MONTHS = 2


class Day(msgspec.Struct, frozen=True):
    """A day: whether it can be chosen, what its night costs at least (None: nothing is free, or no place is
    chosen yet), whether that is cheap for these months."""

    day: date
    open: bool
    price: int | None
    low: bool


@get("/nights", opt=public(), include_in_schema=False)
async def show_nights(
    request: Request[Any, Any, State], searching: Searching, now: datetime
) -> Response[str]:
    """Two months from `month` on. At most 13 statements."""
    language = language_of(request)
    typed, at = (str(request.query_params.get(name, "")).strip()[:LONGEST] for name in ("place", "at"))
    _, place = await searched(searching, request.app.state, typed, at, language, now)
    where, name = (place.where, place.name) if place is not None else (None, "")
    today = await searching.earliest_date(where, now)
    asked = query.read(request.query_params.dict(), today=today, language=language)
    latest = moved(LAST_NIGHT, -_MONTHS)
    first = min(max((asked.month or today).replace(day=1), today.replace(day=1)), latest)
    last = moved(first, _MONTHS) - timedelta(days=1)
    currency, prices = await _prices(request, searching, where, asked, max(first, today), last, now)
    known = sorted(prices.values())
    low = known[len(known) // 4] if len(known) >= 8 and known[0] < known[-1] else None
    week = locale_of(language).first_week_day

    def day(value: date) -> Day:
        price = prices.get(value)
        return Day(value, value >= today, price, price is not None and low is not None and price <= low)

    shown = [moved(first, place) for place in range(_MONTHS)]
    body = draw(
        request.scope,
        language,
        "search/nights.html",
        months=[(month, weeks(month, week, day)) for month in shown],
        weekdays=[date(2024, 1, 1) + timedelta(days=week + place) for place in range(7)],
        before=moved(first, -1) if first > today.replace(day=1) else None,
        after=moved(first, 1) if first < latest else None,
        shown_in=currency,
        priced=bool(prices),
        place=name,
        party=asked.party[:1],
        phrases=Phrases(language, translations(language)),
    )
    return Response(body, media_type="text/html", headers={"cache-control": "private, max-age=120"})


async def _prices(
    request: Request[Any, Any, State],
    searching: Searching,
    where: Around | Within | None,
    asked: query.Asked,
    first: date,
    last: date,
    now: datetime,
) -> tuple[str, dict[date, int]]:
    """The currency, and each night's lowest price in the area."""
    if where is None or first > last or not asked.party:
        return "", {}
    wanted = SearchRequest(
        where=where,
        stay=Stay(first, first + timedelta(days=1)),
        party=asked.party,
        currency=chosen_currency(request.scope),
    )
    currency, prices = await searching.lowest_nights(wanted, first, last, now=now)
    return currency, dict(prices)


handlers = [show_nights]
