"""What hotels sell for a stay, priced, from the arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates.party import Party
from hotel_booking.domains.search.find import LAST
from hotel_booking.domains.search.index.kernel import Stays
from hotel_booking.domains.search.index.layout import Array, letters
from hotel_booking.domains.search.index.totals import Pricer, columns_at, has_extras
from hotel_booking.domains.search.index.view import IndexView, are_one
from hotel_booking.domains.search.types import SearchRequest

# Cells of nights and pairs that are worked on at a time, some 50 MB of numbers.
_CELLS = 1_000_000
# Pairs that are priced without asking first which of them could be cheap enough.
_FEW = 2_000


class Priced(NamedTuple):
    """Hotels that sell the stay, priced: their places among the slots, where the pairs of each begin, the
    least totals and the pairs that have them; and of all pairs the columns, and the totals of the party and
    of each kind of room."""

    hotels: Array
    starts: Array
    least: Array
    best: Array
    columns: Array
    totals: Array
    rooms: tuple[Array, ...]

    def pairs(self, hotel: int) -> slice:
        """Where the hotel's pairs are."""
        end = int(self.starts[hotel + 1]) if hotel + 1 < len(self.starts) else len(self.columns)
        return slice(int(self.starts[hotel]), end)


class _Asked(NamedTuple):
    """The pairs that some hotels sell: the hotels' places, their stays, the pairs, and of each the place of
    its hotel among these."""

    places: Array
    stays: Stays
    pairs: Array
    hotels: Array

    def of(self, chosen: Array) -> _Asked:
        """Some of the pairs."""
        return self._replace(pairs=self.pairs[chosen], hotels=self.hotels[chosen])

    def starts(self) -> Array:
        """Where the pairs of each hotel begin."""
        hotels = self.hotels
        begins = np.ones(len(hotels), bool)
        np.not_equal(hotels[1:], hotels[:-1], out=begins[1:])
        return begins.nonzero()[0]


class Sales:
    """What the hotels in `slots` sell for a search; `ahead` are the days from each one's today to arrival.
    `left` collects the places of those that only SQL can tell of, `sold` counts those that sell the stay."""

    def __init__(
        self, view: IndexView, request: SearchRequest, exchange: Exchange, slots: Array, ahead: Array
    ) -> None:
        self.sold = 0
        self.left: list[int] = []
        self._view = view
        self._request = request
        self._exchange = exchange
        self._slots = slots
        self._ahead = ahead
        self._party = Party.of(request.party)
        self._pricer = Pricer(view, request.stay.arrival, request.stay.nights)

    def priced(self, places: Array) -> Iterator[Priced]:
        """What the hotels at these places sell, in their order."""
        nights = self._request.stay.nights
        while len(places):
            size = len(places)
            if size * nights * 8 > _CELLS:
                pairs = self._view.arrays["pairs"][self._slots[places]].cumsum()
                size = max(1, int(np.searchsorted(pairs, _CELLS // nights, "right")))
            found = self._prices(places[:size])
            if found is not None and len(found.hotels):
                yield found
            places = places[size:]

    def cheapest(self, places: Array, wanted: int) -> list[Priced]:
        """What the hotels at these places sell, as far as one of the cheapest so many after the page before
        could be among them: of many hotels only those are priced whose least amount is low enough."""
        request, after = self._request, self._request.after
        if request.filters_prices or request.refundable or len(places) * request.stay.nights * 8 > _CELLS:
            return list(self.priced(places))
        asked = self._ask(places)
        if asked is None:
            return []
        starts = asked.starts()
        if len(asked.pairs) <= _FEW:
            return [self._price(asked, starts)]
        self.sold += len(starts)
        hotels = asked.hotels[starts]
        least = self._pricer.least(asked.stays, asked.pairs, starts, request)
        value, _ = converted(self._exchange, least, self._view.arrays["currency"][asked.stays.slots[hotels]])
        size = 2 * wanted
        while True:
            size = min(size, len(value))
            first = np.argpartition(value, size - 1)[:size] if size < len(value) else np.arange(len(value))
            chosen = np.zeros(len(value), bool)
            chosen[first] = True
            ends = np.append(starts[1:], len(asked.pairs))
            some = asked.of(chosen.repeat(ends - starts))
            found = self._price(some, some.starts())
            self.sold -= len(found.hotels)
            if size == len(value):
                return [found]
            slots = self._slots[found.hotels]
            exact, _ = converted(self._exchange, found.least, self._view.arrays["currency"][slots])
            if after is not None:
                exact = exact[exact > after.value]
            if len(exact) >= wanted and np.partition(exact, wanted - 1)[wanted - 1] < value[~chosen].min():
                return [found]
            size *= 4

    def _prices(self, places: Array) -> Priced | None:
        asked = self._ask(places)
        return None if asked is None else self._priced(asked)

    def _ask(self, places: Array) -> _Asked | None:
        """Which pairs the hotels at these places sell; None where there is none."""
        view, request, party = self._view, self._request, self._party
        stays = Stays(view, self._slots[places], request.stay.arrival.toordinal(), request.stay.nights)
        pairs = stays.sold(party, self._ahead[places], request.meals)
        own = stays.rates.of(view.arrays["rate_own_extras"])
        if len(pairs) and own.any():
            unknown = (own[stays.rate_of[pairs]] != 0) & has_extras(stays, pairs, party)
            if unknown.any():
                hotels = np.unique(stays.pairs.place[pairs[unknown]])
                self.left += places[hotels].tolist()
                pairs = pairs[~np.isin(stays.pairs.place[pairs], hotels)]
        return _Asked(places, stays, pairs, stays.pairs.place.take(pairs)) if len(pairs) else None

    def _priced(self, asked: _Asked) -> Priced | None:
        """The pairs that pass the filter on prices."""
        if not self._request.filters_prices:
            return self._price(asked, asked.starts())
        totals = self._pricer.totals(asked.stays, asked.pairs, self._party)
        passes = self._passes(totals.party, asked.stays.slots[asked.hotels])
        asked = asked.of(passes)
        return self._price(asked, asked.starts()) if len(asked.pairs) else None

    def _price(self, asked: _Asked, starts: Array) -> Priced:
        places, stays, pairs, hotels = asked
        totals = self._pricer.totals(stays, pairs, self._party)
        self.sold += len(starts)
        least, best = _cheapest(totals.party, starts)
        return Priced(
            hotels=places[hotels[starts]],
            starts=starts,
            least=least,
            best=best,
            columns=columns_at(stays.pairs.at, pairs),
            totals=totals.party,
            rooms=totals.rooms,
        )

    def _passes(self, totals: Array, slots: Array) -> Array:
        """Which totals are within the prices asked for."""
        request = self._request
        if request.currency:
            totals, _ = converted(self._exchange, totals, self._view.arrays["currency"][slots])
        passes = np.ones(len(totals), bool)
        if request.price_min is not None:
            passes &= totals >= request.price_min
        if request.price_max is not None:
            passes &= totals <= request.price_max
        return passes


def _cheapest(totals: Array, starts: Array) -> tuple[Array, Array]:
    """Of runs that begin at `starts` the least total and the first pair that has it."""
    if int(totals.max()) >= 2**42:
        least = np.minimum.reduceat(totals, starts)
        ends = [*starts[1:].tolist(), len(totals)]
        runs = zip(starts.tolist(), ends, strict=True)
        return least, np.array([start + int(np.argmin(totals[start:end])) for start, end in runs])
    both = np.minimum.reduceat(totals << 20 | np.arange(len(totals)), starts)  # a million pairs at most
    return both >> 20, both & (2**20 - 1)


def converted(exchange: Exchange, totals: Array, codes: Array) -> tuple[Array, Array | None]:
    """Totals in the currency of comparison, and what orders those that cannot be compared: they come
    last, by currency and there by total."""
    found, then = totals, None
    for code in different(codes):
        currency = letters(code)
        if currency == exchange.target:
            continue
        if found is totals:
            found = totals.copy()
        some = np.flatnonzero(codes == code)
        factor = exchange.factor(currency)
        if factor is None:
            then = np.zeros(len(totals), np.int64) if then is None else then
            then[some] = totals[some]
            found[some] = LAST + int(currency, 36)
            continue
        amounts, up, down = totals[some], factor.numerator, factor.denominator
        if 2 * int(amounts.max()) * up + down < 2**62 and down < 2**60:
            found[some] = (2 * amounts * up + down) // (2 * down)
        else:
            found[some] = [exchange.convert(amount, currency) for amount in amounts.tolist()]
    return found, then


def different(values: Array) -> list[int]:
    """The different ones of numbers, in their order."""
    return [int(values[0])] if are_one(values) else sorted(set(values.tolist()))
