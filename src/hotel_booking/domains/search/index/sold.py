"""What hotels sell for a stay, priced, from the arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.search.find import LAST
from hotel_booking.domains.search.index.kernel import Party, Stays
from hotel_booking.domains.search.index.layout import Array
from hotel_booking.domains.search.index.totals import Pricer, columns_at, has_extras
from hotel_booking.domains.search.index.view import IndexView, letters
from hotel_booking.domains.search.types import SearchRequest

# Cells of nights and pairs that are worked on at a time, some 50 MB of numbers.
_CELLS = 1_000_000


class Priced(NamedTuple):
    """Hotels that sell the stay, priced: places among the slots, where the pairs of each begin,
    the least totals; and of all pairs the columns, the totals of the party and of each kind of room, the
    places of type and rate among the stays' columns."""

    hotels: Array
    starts: Array
    least: Array
    columns: Array
    totals: Array
    rooms: tuple[Array, ...]
    types: Array
    rates: Array
    stays: Stays

    def pairs(self, hotel: int) -> slice:
        """Where the hotel's pairs are."""
        end = int(self.starts[hotel + 1]) if hotel + 1 < len(self.starts) else len(self.columns)
        return slice(int(self.starts[hotel]), end)


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
            if found is not None:
                yield found
            places = places[size:]

    def _prices(self, places: Array) -> Priced | None:
        view, request, party = self._view, self._request, self._party
        arrays, slots = view.arrays, self._slots[places]
        nights = request.stay.nights
        stays = Stays(arrays, view.lists.bands, slots, request.stay.arrival.toordinal(), nights)
        pairs = stays.sold(party, self._ahead[places], request.meals)
        if not len(pairs):
            return None
        own = arrays["rate_own_extras"][stays.rates.at]
        if own.any():
            unknown = (own[stays.rate_of[pairs]] != 0) & has_extras(stays, pairs, party)
            if unknown.any():
                hotels = np.unique(stays.pairs.place[pairs[unknown]])
                self.left += places[hotels].tolist()
                pairs = pairs[~np.isin(stays.pairs.place[pairs], hotels)]
        if not len(pairs):
            return None
        totals = self._pricer.totals(stays, pairs, party)
        rooms, whole = totals.rooms, totals.party
        if request.filters_prices:
            passes = self._passes(whole, slots[stays.pairs.place[pairs]])
            pairs, whole, rooms = pairs[passes], whole[passes], tuple(room[passes] for room in rooms)
            if not len(pairs):
                return None
        hotel = stays.pairs.place[pairs]
        starts = np.concatenate(([0], np.flatnonzero(hotel[1:] != hotel[:-1]) + 1))
        self.sold += len(starts)
        return Priced(
            hotels=places[hotel[starts]],
            starts=starts,
            least=np.minimum.reduceat(whole, starts),
            columns=columns_at(stays.pairs.at, pairs),
            totals=whole,
            rooms=rooms,
            types=stays.type_of[pairs],
            rates=stays.rate_of[pairs],
            stays=stays,
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
    """The different ones of numbers that are mostly one."""
    if len(values) and values.min() == values.max():
        return [int(values[0])]
    found: list[int] = np.unique(values).tolist()
    return found
