"""The search over all hotels: the cheapest offer of each, in order, page by page.

`find` is the whole interface. What it does to be exact and still quick: SQL finds the hotels that sell the
stay and gives an amount that none of their offers costs less than; from the least of these on, offers are
priced by `rates.pricing` in batches, until no hotel left could still come before the last one of the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from itertools import groupby
from operator import attrgetter, itemgetter

from msgspec.structs import replace

from hotel_booking.core.dates import business_date, earliest_business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.folding import sort_form
from hotel_booking.core.money import Money
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.exchange.queries import exchange_rates
from hotel_booking.domains.rates.types import CancellationPolicy
from hotel_booking.domains.search import area, queries
from hotel_booking.domains.search.cheapest import Cheapest, cheapest, refundable
from hotel_booking.domains.search.types import (
    Around,
    Box,
    FoundOffer,
    FoundProperty,
    Key,
    SearchPage,
    SearchRequest,
    SearchResult,
    SoldPair,
    Within,
)

# Up to so many hotels are priced without asking for their bounds first.
FIRST_BATCH = 64
# Above every amount: where hotels stand that cannot be compared, by currency and there by price.
_LAST = 2**62


async def find(tx: Transaction, request: SearchRequest, now: datetime) -> SearchPage:
    """One page of hotels that sell the stay, each with its cheapest offer that passes the filters.

    At most 3 statements find the candidates (area, exchange rates, and by price the bounds) and 3 price
    each batch of 64, 256, 1,024 … hotels; a page hardly ever needs a second one. A hotel whose currency
    cannot be compared comes after the others by price; a filter on prices leaves it out, and says so.
    """
    found = await candidates(tx, request)
    days = _days_ahead(found.values(), request.stay.arrival, now)
    exchange = await _exchange(tx, request, {found[i].currency for i in days})
    uncompared = 0
    if request.currency and (request.price_min is not None or request.price_max is not None):
        compared = {i: ahead for i, ahead in days.items() if exchange.compares(found[i].currency)}
        uncompared, days = len(days) - len(compared), compared
    many = len(days) > FIRST_BATCH
    # Any other order is known before the prices are, so there only the hotels of the page are looked at.
    bounded = many and request.sort == "price"
    least = dict.fromkeys(days, 0)
    if bounded:
        currencies = {i: found[i].currency for i in days}
        least = await queries.least_charges(tx, request, days, currencies=currencies, now=now)
    search = _Search(request, now, exchange)
    search.wait_for((found[i] for i in least), least, skip=many)
    size = FIRST_BATCH
    while batch := search.next_batch(size):
        await search.price(tx, batch, days)
        size *= 4
    filtered = request.refundable or request.price_min is not None or request.price_max is not None
    count = len(least) if bounded else None if many else search.sold
    result = search.page(None if filtered else count, uncompared)
    return replace(result, past=len(found) - len(days))


async def earliest_date(tx: Transaction, where: Around | Box | Within | None, now: datetime) -> date:
    """The earliest date that is today at a hotel of the area; anywhere on earth where no area is known or it
    has no hotel."""
    if where is None:
        return earliest_business_date(now)
    if isinstance(where, Within):
        clocks = await queries.clocks_within(tx, where)
    else:
        south, north, meridians = area.bounds(where)
        clocks = await queries.clocks_in(tx, south=south, north=north, meridians=meridians)
    return min((business_date(now, *clock) for clock in clocks), default=earliest_business_date(now))


class _Search:
    """The hotels of one search: those still waiting to be priced, by the least key that they can have,
    and those priced, by their exact key."""

    def __init__(self, request: SearchRequest, now: datetime, exchange: Exchange) -> None:
        self.request = request
        self.now = now
        self.exchange = exchange
        self.sold = 0
        self._waiting: list[tuple[Key, FoundProperty]] = []
        self._ready: list[tuple[Key, SearchResult]] = []

    def wait_for(self, places: Iterable[FoundProperty], least: Mapping[int, int], *, skip: bool) -> None:
        """Take in the hotels that may have offers. `skip` leaves out those that belong to earlier pages
        for certain (the others do no harm, and are needed to count)."""
        after, by_price = self.request.after, self.request.sort == "price"
        for place in places:
            # Rounding is to the nearest, so a lower amount never becomes the higher one.
            key = self._key(place, max(0, least[place.id]))
            if not skip or by_price or after is None or key > after:
                self._waiting.append((key, place))
        self._waiting.sort(key=itemgetter(0), reverse=True)

    def next_batch(self, size: int) -> list[FoundProperty]:
        """The next hotels to price; none where the page is complete or nothing waits."""
        if not self._waiting or self._is_full():
            return []
        return [self._waiting.pop()[1] for _ in range(min(size, len(self._waiting)))]

    async def price(self, tx: Transaction, batch: list[FoundProperty], days: Mapping[int, int]) -> None:
        """Price a batch of hotels exactly; those without an offer that passes the filters drop out."""
        request = self.request
        ids = [place.id for place in batch]
        rows = await queries.sold_pairs(tx, request, {i: days[i] for i in ids}, now=self.now)
        pairs = {i: list(group) for i, group in groupby(rows, key=attrgetter("property_id"))}
        self.sold += len(pairs)
        taxes = await queries.taxes_of(tx, list(pairs)) if pairs else {}
        policies = await _policies(tx, rows) if request.refundable else {}
        chosen: list[tuple[FoundProperty, Cheapest]] = []
        for place in batch:
            if place.id not in pairs:
                continue
            offer = cheapest(
                place,
                pairs[place.id],
                taxes.get(place.id, ()),
                request,
                exchange=self.exchange,
                policies=policies,
                now=self.now,
            )
            if offer is not None:
                chosen.append((place, offer))
        if not request.refundable:
            policies = await _policies(tx, [offer.pair for _, offer in chosen])
        for place, offer in chosen:
            key = self._key(place, offer.total)
            if request.after is None or key > request.after:
                policy = policies[offer.pair.policy_id]
                self._ready.append((key, SearchResult(place, self._found(place, offer, policy))))
        self._ready.sort(key=itemgetter(0))

    def page(self, total_count: int | None, uncompared: int) -> SearchPage:
        """The first results in order, and the key of the last one where more follow."""
        limit = self.request.limit
        page = self._ready[:limit]
        more = len(self._ready) > limit
        after = page[-1][0] if more else None
        return SearchPage(tuple(result for _, result in page), after, total_count, uncompared)

    def _is_full(self) -> bool:
        """Whether the page, and one more result to know that there is a next one, are certain."""
        last = self.request.limit
        return len(self._ready) > last and self._ready[last][0] < self._waiting[-1][0]

    def _key(self, place: FoundProperty, total: int) -> Key:
        match self.request.sort:
            case "price":
                amount = self.exchange.convert(total, place.currency)
                if amount is None:
                    return Key(_LAST + int(place.currency, 36), total, place.id)
                return Key(amount, 0, place.id)
            case "distance":
                return Key(place.distance_m or 0, 0, place.id)
            case "stars":
                return Key(-place.stars, place.distance_m or 0, place.id)
            case "name":
                return Key(sort_form(place.name), 0, place.id)

    def _found(self, place: FoundProperty, offer: Cheapest, policy: CancellationPolicy) -> FoundOffer:
        pair, request = offer.pair, self.request
        approximate = None
        if self.exchange.target != place.currency and (
            request.sort == "price" or request.currency == self.exchange.target
        ):
            amount = self.exchange.convert(offer.total, place.currency)
            approximate = None if amount is None else Money(amount, self.exchange.target)
        return FoundOffer(
            room_type=pair.room_type,
            room_type_name=pair.room_type_name,
            rate_plan=pair.rate_plan,
            rate_plan_name=pair.rate_plan_name,
            currency=place.currency,
            total=offer.total,
            nights=request.stay.nights,
            rooms=len(request.party),
            rooms_left=pair.rooms_left,
            refundable=refundable(offer, policy, place, request.stay, self.now),
            meal=pair.meal,
            approximate=approximate,
            compared=request.sort != "price" or self.exchange.compares(place.currency),
        )


async def candidates(tx: Transaction, request: SearchRequest) -> dict[int, FoundProperty]:
    """The hotels in the area that pass the filters on hotels, by id."""
    where = request.where
    if isinstance(where, Within):
        places = await queries.properties_within(tx, request, where)
    else:
        south, north, meridians = area.bounds(where)
        places = await queries.properties_in(tx, request, south=south, north=north, meridians=meridians)
    found: dict[int, FoundProperty] = {}
    for place in places:
        if isinstance(where, Around):
            distance = area.distance_km(where.lat, where.lon, place.lat, place.lon)
            if distance > where.radius_km:
                continue
            place = replace(place, distance_m=round(distance * 1000))
        found[place.id] = place
    return found


def _days_ahead(places: Iterable[FoundProperty], arrival: date, now: datetime) -> dict[int, int]:
    """Days from each hotel's own today to the arrival; hotels where that day is over are left out."""
    todays: dict[tuple[str, time], date] = {}
    days = {}
    for place in places:
        clock = place.timezone, place.day_end_time
        today = todays.get(clock)
        if today is None:
            today = todays[clock] = business_date(now, *clock)
        if today <= arrival:
            days[place.id] = (arrival - today).days
    return days


async def _exchange(tx: Transaction, request: SearchRequest, currencies: set[str]) -> Exchange:
    """What amounts are compared in: the currency asked for, the only one there is, or the euro. Where the one
    asked for has no rate, nothing can be shown in it, and the euro serves to sort; a filter stays in it."""
    if len(currencies) == 1 and request.currency in (None, *currencies):
        return Exchange(next(iter(currencies)), {})
    if request.currency is None and request.sort != "price":
        return Exchange("EUR", {})
    rates = await exchange_rates(tx)
    filtered = request.price_min is not None or request.price_max is not None
    if request.currency is None or not (request.currency in rates or filtered):
        return Exchange("EUR", rates)
    return Exchange(request.currency, rates)


async def _policies(tx: Transaction, pairs: Iterable[SoldPair]) -> dict[int, CancellationPolicy]:
    ids = {pair.policy_id for pair in pairs}
    return await queries.policies(tx, list(ids)) if ids else {}
