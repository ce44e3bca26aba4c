"""The search over all hotels: the cheapest offer of each, in order, page by page.

`find` is the whole interface. What it does to be exact and still quick: SQL finds the hotels that sell the
stay and gives an amount that none of their offers costs less than; from the least of these on, offers are
priced by `rates.pricing` in batches, until no hotel left could still come before the last one of the page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter

from hotel_booking.core.dates import local_today
from hotel_booking.core.db import Row, Transaction
from hotel_booking.domains.rates.types import Tax
from hotel_booking.domains.search import area, queries
from hotel_booking.domains.search.cheapest import Cheapest, cheapest
from hotel_booking.domains.search.currency import Exchange
from hotel_booking.domains.search.types import (
    Around,
    FoundOffer,
    FoundProperty,
    Key,
    SearchPage,
    SearchRequest,
    SearchResult,
)

_FIRST_BATCH = 64  # up to so many hotels are priced without asking for their bounds first


async def find(tx: Transaction, request: SearchRequest, now: datetime) -> SearchPage:
    """One page of hotels that sell the stay, each with its cheapest offer that passes the filters.

    At most 3 statements find the candidates (area, bounds, exchange rates) and 3 price each batch of 64,
    256, 1,024 … hotels; a page hardly ever needs a second batch. Raises `UnknownCurrency`.
    """
    found = await _candidates(tx, request)
    days = _days_ahead(found.values(), request.stay.arrival, now)
    if len(days) > _FIRST_BATCH:
        least = await queries.least_charges(tx, request, days, now=now)
        days = {property_id: days[property_id] for property_id in least}
    else:
        least = dict.fromkeys(days, 0)
    exchange = await _exchange(tx, request, {found[i]["currency"] for i in days})
    search = _Search(request, found, least, exchange)
    batch = _FIRST_BATCH
    while (waiting := search.next_batch(batch)) and not search.page_is_full():
        await search.price(tx, {i: days[i] for i in waiting}, now)
        batch *= 4
    exact = search.priced_all or len(found) > _FIRST_BATCH
    filtered = request.refundable or request.price_min is not None or request.price_max is not None
    return search.page(count=search.count() if exact and not filtered else None)
