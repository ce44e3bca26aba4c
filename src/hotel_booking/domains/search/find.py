"""The search over all hotels: the cheapest offer of each, in order, page by page.

`find` is the whole interface. What it does to be exact and still quick: SQL finds the hotels that sell the
stay and gives an amount that none of their offers costs less than; from the least of these on, offers are
priced by `rates.pricing` in batches, until no hotel left could still come before the last one of the page.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import NamedTuple

from msgspec.structs import replace

from hotel_booking.core.dates import business_date, earliest_business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.folding import sort_form
from hotel_booking.core.money import Money
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.exchange.queries import exchange_rates
from hotel_booking.domains.rates.types import CancellationPolicy, Tax
from hotel_booking.domains.search import area, queries
from hotel_booking.domains.search.cheapest import Cheapest, cheapest, refundable, slack
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

# Up to so many hotels are asked in one go what they sell; among more, only those that a page may need.
MANY = 64
# And of up to so many it is counted how many sell the stay; to count more would cost more than the page.
MOST_COUNTED = 1_000
# Above every amount: where hotels stand that cannot be compared, by currency and there by price.
LAST = 2**62


async def find(tx: Transaction, request: SearchRequest, now: datetime) -> SearchPage:
    """One page of hotels that sell the stay, each with its cheapest offer that passes the filters.

    At most 3 statements find the candidates (area, exchange rates, and by price the bounds), 2 ask each
    batch of hotels (up to 64; among more, twice the page, then 4 times as many …; a page hardly ever needs
    a second one), and 1 reads policies. Only hotels that may be on the page are priced. A hotel whose
    currency cannot be compared comes after the others by price; a filter on prices leaves it out and says so.
    """
    found = await candidates(tx, request)
    days = _days_ahead(found.values(), request.stay.arrival, now)
    currencies = {found[i].currency for i in days}
    rates = await exchange_rates(tx) if needs_rates(request, currencies) else {}
    exchange = compared_in(request, currencies, rates)
    past, uncompared = len(found) - len(days), 0
    if request.currency and request.filters_prices:
        compared = {i: ahead for i, ahead in days.items() if exchange.compares(found[i].currency)}
        uncompared, days = len(days) - len(compared), compared
    many = len(days) > MANY
    ready, sold = await among(tx, request, found, days, exchange, now=now, many=many)
    return page_of(request, ready, sold if counts(request, len(days)) else None, uncompared, past)


async def among(
    tx: Transaction,
    request: SearchRequest,
    found: Mapping[int, FoundProperty],
    days: Mapping[int, int],
    exchange: Exchange,
    *,
    now: datetime,
    many: bool,
) -> tuple[list[tuple[Key, SearchResult]], int]:
    """The results of some hotels in order, as many as the page needs and one more where there is one, and how
    many of the hotels sell the stay (where that is counted). `days` are those asked about, with the days from
    their own today to the arrival. `many`: the search has so many hotels that not all of them are priced."""
    # Any other order is known before the prices are, so there only the hotels of the page are looked at.
    bounded = many and request.sort == "price"
    least = dict.fromkeys(days, 0)
    if bounded:
        currencies = {i: found[i].currency for i in days}
        least = await queries.least_charges(tx, request, days, currencies=currencies, now=now)
    search = _Search(request, now, exchange)
    search.wait_for((found[i] for i in least), least, skip=many)
    size = 2 * (request.limit + 1) if many else MANY
    while batch := search.next_batch(size):
        await search.ask(tx, batch, days)
        size *= 4
    return await search.results(tx), len(least) if bounded else search.sold


def counts(request: SearchRequest, hotels: int) -> bool:
    """Whether it is counted how many of the hotels sell the stay: where that costs no more than the page."""
    filtered = request.refundable or request.filters_prices
    return not filtered and hotels <= (MOST_COUNTED if request.sort == "price" else MANY)


def page_of(
    request: SearchRequest,
    ready: Sequence[tuple[Key, SearchResult]],
    total_count: int | None,
    uncompared: int,
    past: int,
) -> SearchPage:
    """The first results in order, and the key of the last one where more follow."""
    page = ready[: request.limit]
    after = page[-1][0] if len(ready) > request.limit else None
    return SearchPage(tuple(result for _, result in page), after, total_count, uncompared, past)


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


class _Asked(NamedTuple):
    """A hotel whose offers are known, but not their prices."""

    key: Key
    place: FoundProperty
    pairs: list[SoldPair]
    taxes: tuple[Tax, ...]


class _Search:
    """The hotels of one search: those still waiting to be asked, and those asked and not priced, by the least
    key that they can have, and those priced, by their exact key."""

    def __init__(self, request: SearchRequest, now: datetime, exchange: Exchange) -> None:
        self.request = request
        self.now = now
        self.exchange = exchange
        self.sold = 0
        self._waiting: list[tuple[Key, FoundProperty]] = []
        self._asked: list[_Asked] = []
        self._ready: list[tuple[Key, FoundProperty, Cheapest]] = []
        self._policies: dict[int, CancellationPolicy] = {}

    def wait_for(self, places: Iterable[FoundProperty], least: Mapping[int, int], *, skip: bool) -> None:
        """Take in the hotels that may have offers. `skip` leaves out those that belong to earlier pages
        for certain (the others do no harm, and are needed to count)."""
        for place in places:
            key = self._least_key(place, least[place.id])
            if not skip or not self._is_passed(key):
                self._waiting.append((key, place))
        self._waiting.sort(key=itemgetter(0), reverse=True)

    def next_batch(self, size: int) -> list[FoundProperty]:
        """The next hotels to ask; none where the page is complete or nothing waits."""
        while self._asked and not self._is_full():
            if self._waiting and self._waiting[-1][0] < self._asked[-1].key:
                break
            self._price(self._asked.pop())
        if not self._waiting or self._is_full():
            return []
        return [self._waiting.pop()[1] for _ in range(min(size, len(self._waiting)))]

    async def ask(self, tx: Transaction, batch: list[FoundProperty], days: Mapping[int, int]) -> None:
        """Ask a batch of hotels what they sell; those that sell nothing drop out."""
        ids = [place.id for place in batch]
        rows = await queries.sold_pairs(tx, self.request, {i: days[i] for i in ids}, now=self.now)
        pairs = {i: list(group) for i, group in groupby(rows, key=attrgetter("property_id"))}
        self.sold += len(pairs)
        taxes = await queries.taxes_of(tx, list(pairs)) if pairs else {}
        if self.request.refundable:
            self._policies |= await _policies(tx, rows)
        for place in batch:
            if place.id not in pairs:
                continue
            own = taxes.get(place.id, ())
            least = int(pairs[place.id][0].least) - slack(self.request, len(own), place.currency)
            key = self._least_key(place, least)
            if not self._is_passed(key):
                self._asked.append(_Asked(key, place, pairs[place.id], own))
        self._asked.sort(key=attrgetter("key"), reverse=True)

    async def results(self, tx: Transaction) -> list[tuple[Key, SearchResult]]:
        """The results of the page in order, and one more where there is one."""
        ready = self._ready[: self.request.limit + 1]
        policies = self._policies or await _policies(tx, [offer.pair for _, _, offer in ready])
        return [
            (
                key,
                SearchResult(
                    replace(place, distance_m=None),
                    self._found(place, offer, policies[offer.pair.policy_id]),
                    place.distance_m,
                ),
            )
            for key, place, offer in ready
        ]

    def _price(self, asked: _Asked) -> None:
        """Price a hotel exactly; one without an offer that passes the filters drops out."""
        offer = cheapest(
            asked.place,
            asked.pairs,
            asked.taxes,
            self.request,
            exchange=self.exchange,
            policies=self._policies,
            now=self.now,
        )
        if offer is not None:
            key = self._key(asked.place, offer.total)
            if self.request.after is None or key > self.request.after:
                insort(self._ready, (key, asked.place, offer), key=itemgetter(0))

    def _is_full(self) -> bool:
        """Whether the page, and one more result to know that there is a next one, are certain."""
        last = self.request.limit
        if len(self._ready) <= last:
            return False
        key = self._ready[last][0]
        return not (self._waiting and self._waiting[-1][0] < key) and not (
            self._asked and self._asked[-1].key < key
        )

    def _is_passed(self, key: Key) -> bool:
        """Whether a hotel was on an earlier page for certain: its key is known without its price."""
        return self.request.sort != "price" and self.request.after is not None and key <= self.request.after

    def _least_key(self, place: FoundProperty, least: int) -> Key:
        # Rounding is to the nearest, so a lower amount never becomes the higher one.
        return self._key(place, max(0, least))

    def _key(self, place: FoundProperty, total: int) -> Key:
        match self.request.sort:
            case "price":
                amount = self.exchange.convert(total, place.currency)
                if amount is None:
                    return Key(LAST + int(place.currency, 36), total, place.id)
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
    if not isinstance(where, Around):
        return {place.id: place for place in places}
    inside, metres = area.distances(where, [place.lat for place in places], [place.lon for place in places])
    return {
        place.id: replace(place, distance_m=distance)
        for place, near, distance in zip(places, inside.tolist(), metres.tolist(), strict=True)
        if near
    }


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


def needs_rates(request: SearchRequest, currencies: set[str]) -> bool:
    """Whether amounts of hotels in these currencies can be compared only by exchange rates."""
    if len(currencies) == 1 and request.currency in (None, *currencies):
        return False
    return request.currency is not None or request.sort == "price"


def compared_in(request: SearchRequest, currencies: set[str], rates: Mapping[str, Decimal]) -> Exchange:
    """What amounts are compared in: the currency asked for, the only one there is, or the euro. Where the one
    asked for has no rate, nothing can be shown in it, and the euro serves to sort; a filter stays in it."""
    if len(currencies) == 1 and request.currency in (None, *currencies):
        return Exchange(next(iter(currencies)), {})
    if not needs_rates(request, currencies):
        return Exchange("EUR", {})
    if request.currency is None or not (request.currency in rates or request.filters_prices):
        return Exchange("EUR", rates)
    return Exchange(request.currency, rates)


async def _policies(tx: Transaction, pairs: Iterable[SoldPair]) -> dict[int, CancellationPolicy]:
    ids = {pair.policy_id for pair in pairs}
    return await queries.policies(tx, list(ids)) if ids else {}
