"""The search over all hotels in the arrays: the same page that `search.find` makes in SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache, partial
from hashlib import blake2b
from heapq import heapify, heappop, heappush
from itertools import repeat
from typing import NamedTuple, TypeVar

import numpy as np

from hotel_booking.core.folding import sort_form
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates.party import Party
from hotel_booking.domains.search.find import MANY, compared_in, counts
from hotel_booking.domains.search.form import WrittenPage
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.compiled import Compiled, Page
from hotel_booking.domains.search.index.layout import Array, letters
from hotel_booking.domains.search.index.library import Picked
from hotel_booking.domains.search.index.refunds import Refunds
from hotel_booking.domains.search.index.results import Chosen, Results, results_of, with_distance, worth_of
from hotel_booking.domains.search.index.sold import Priced, Sales, converted, different
from hotel_booking.domains.search.index.view import IndexView
from hotel_booking.domains.search.types import Around, FoundProperty, Key, SearchRequest, SearchResult

T = TypeVar("T")
_NAME_BYTES = 40
_sort_form = lru_cache(maxsize=4096)(sort_form)


class Answer(NamedTuple):
    """What the arrays say: results in order, as many as the page needs and one more where there is one, and
    how many hotels sell the stay, where that is counted (`find.counts`). `left` are the hotels that only SQL
    can tell of, `days` those from their own today to the arrival; `hotels`: how many there are to ask."""

    ready: list[tuple[Key, SearchResult]]
    sold: int
    left: dict[int, FoundProperty]
    days: dict[int, int]
    exchange: Exchange
    hotels: int
    uncompared: int
    past: int


def find(view: IndexView, request: SearchRequest, now: datetime) -> Answer | None:
    """The page as far as the arrays know it; None where they do not hold the dates. Raises `TooLarge`."""
    arrival, departure = request.stay.arrival.toordinal(), request.stay.departure.toordinal()
    if not view.holds(arrival, departure):
        return None
    answer = _by_compiled(view, request, now, partial(_answered, view, request))
    if answer is not None:
        return answer
    slots, metres = view.inside(request.where, request)
    ahead = arrival - view.todays(slots, now)
    chosen = ahead >= 0
    past = len(slots) - int(chosen.sum())
    if past:
        slots, ahead = slots[chosen], ahead[chosen]
        metres = metres if metres is None else metres[chosen]
    codes = view.arrays["currency"][slots]
    currencies = {letters(code) for code in different(codes)}
    exchange = compared_in(request, currencies, view.lists.per_euro)
    uncompared = 0
    if request.currency and request.filters_prices:
        compared = np.isin(codes, [layout.letters_code(c) for c in currencies if exchange.compares(c)])
        uncompared = len(slots) - int(compared.sum())
        slots, ahead = slots[compared], ahead[compared]
        metres = metres if metres is None else metres[compared]
    search = _Search(view, request, now, exchange, slots, ahead, metres)
    ready = search.page(len(slots) > MANY)
    left = {hotel.id: hotel for hotel in map(search.property, search.sales.left)}
    days = dict(zip(left, ahead[search.sales.left].tolist(), strict=True))
    return Answer(ready, search.sales.sold, left, days, exchange, len(slots), uncompared, past)


def written(view: IndexView, request: SearchRequest, form: bytes, now: datetime) -> WrittenPage | None:
    """The same page as compiled code writes it; None where `find` has to say it. Raises `TooLarge`."""
    if not view.holds(request.stay.arrival.toordinal(), request.stay.departure.toordinal()):
        return None
    return _by_compiled(view, request, now, partial(_written, view, request, form))


def page_mark(view: IndexView, request: SearchRequest, now: datetime) -> bytes | None:
    """What the page follows from, but for the exchange rates, as 16 bytes: others after any change of it, and
    of what its hotels say of themselves. None where compiled code does not know all of it. Raises
    `TooLarge`."""
    if not view.holds(request.stay.arrival.toordinal(), request.stay.departure.toordinal()):
        return None
    return _by_compiled(view, request, now, partial(_marked, view))


def _by_compiled(
    view: IndexView, request: SearchRequest, now: datetime, then: Callable[[Compiled, Page, Refunds], T]
) -> T | None:
    """What is made of compiled code's page; None where there is none."""
    code = view.compiled
    if code is None:
        return None
    refunds = Refunds(view, request.stay, Party.of(request.party), now)
    gives = _asking(view, refunds) if request.refundable else None
    page = code.page(request, view.lists, view.limits(request.stay.nights), view.days(now), gives)
    if page is None:
        return None
    made = then(code, page, refunds)
    code.give_back(page.scratch)
    return made


def _written(
    view: IndexView, request: SearchRequest, form: bytes, code: Compiled, page: Page, refunds: Refunds
) -> WrittenPage | None:
    if page.left:
        return None
    picked = page.picked[: request.limit]
    gives, worth = refunds.given(picked), worth_of(view, request, page.exchange, picked)
    results = code.written(request, form, page, gives, worth)
    if results is None:
        return None
    goes_on = len(page.picked) > request.limit
    after = _key(view, request, Picked(*picked[-1].tolist())) if goes_on else None
    total_count = page.sold if counts(request, page.hotels) else None
    return WrittenPage(results, after, total_count, page.uncompared, page.past)


def _marked(view: IndexView, _code: Compiled, page: Page, refunds: Refunds) -> bytes | None:
    if page.left:
        return None
    mark = blake2b(page.picked.tobytes(), digest_size=16)
    mark.update(refunds.given(page.picked))
    mark.update(f"{view.number} {page.sold} {page.uncompared} {page.past}".encode())
    return mark.digest()


def _key(view: IndexView, request: SearchRequest, one: Picked) -> Key:
    if request.sort != "name":
        return Key(one.value, one.then, one.id)
    return Key(_sort_form(view.content(one.slot, one.version, one.content_at).property.name), 0, one.id)


def _asking(view: IndexView, refunds: Refunds) -> Callable[[int, int, int], bool]:
    """What says whether a slot's pair gives money back where the party pays so much."""
    policies, clocks = view.arrays["policy"], view.arrays["clock"]

    def gives(slot: int, pair: int, total: int) -> bool:
        return refunds.gives(slot, pair, int(policies[pair]), int(clocks[slot]), total)

    return gives


def _answered(
    view: IndexView, request: SearchRequest, _code: Compiled, page: Page, refunds: Refunds
) -> Answer:
    """The answer of compiled code."""
    on_circle = isinstance(request.where, Around)
    left, days = {}, {}
    for slot, metres, ahead in page.left:
        hotel = view.content_of(slot).property
        left[hotel.id] = with_distance(hotel, metres) if on_circle else hotel
        days[hotel.id] = ahead
    picked = list(map(Picked._make, page.picked.tolist()))
    results = results_of(view, request, refunds, page.exchange, picked)
    ready = [(_key(view, request, one), result) for one, result in zip(picked, results, strict=True)]
    return Answer(ready, page.sold, left, days, page.exchange, page.hotels, page.uncompared, page.past)


def candidates(view: IndexView, request: SearchRequest) -> dict[int, FoundProperty]:
    """The hotels in the area that pass the filters on hotels, by id."""
    slots, metres = view.inside(request.where, request)
    distances = [None] * len(slots) if metres is None else metres.tolist()
    found = {}
    for slot, distance in zip(slots.tolist(), distances, strict=True):
        hotel = view.content_of(slot).property
        found[hotel.id] = hotel if distance is None else with_distance(hotel, distance)
    return found


class _Search:
    def __init__(
        self,
        view: IndexView,
        request: SearchRequest,
        now: datetime,
        exchange: Exchange,
        slots: Array,
        ahead: Array,
        metres: Array | None,
    ) -> None:
        self.sales = Sales(view, request, exchange, slots, ahead)
        self._view = view
        self._request = request
        self._exchange = exchange
        self._slots = slots
        self._metres = metres
        self._results = Results(view, request, now, exchange, slots, metres)

    def property(self, place: int) -> FoundProperty:
        """A hotel by its place among the slots."""
        found = self._view.content_of(int(self._slots[place])).property
        return found if self._metres is None else with_distance(found, int(self._metres[place]))

    def page(self, many: bool) -> list[tuple[Key, SearchResult]]:
        """The results of the page and one more. `many`: only the hotels of the page are asked what they sell,
        where the order is known before the prices are."""
        state = self._view.arrays["state"][self._slots]
        known = state == layout.LIVE
        places = known.nonzero()[0]
        if len(places) < len(known):
            self.sales.left += np.flatnonzero(~known).tolist()
        wanted = self._request.limit + 1
        if self._request.sort == "price":
            return self._results.built(self._by_price(self.sales.cheapest(places, wanted), wanted))
        places = self._in_order(places)
        found: list[tuple[Key, Chosen]] = []
        size = 2 * wanted if many else max(1, len(places))
        while len(places) and len(found) < wanted:
            for priced in self.sales.priced(places[:size]):
                found += self._by_place(priced, wanted - len(found))
            places, size = places[size:], size * 4
        return self._results.built(found)

    # -- order -----------------------------------------------------------------------------------------------

    def _by_price(self, parts: Sequence[Priced], wanted: int) -> list[tuple[Key, Chosen]]:
        """The cheapest hotels after the page before."""
        if not parts:
            return []
        hotels = np.concatenate([part.hotels for part in parts])
        slots = self._slots[hotels]
        ids = self._view.arrays["id"][slots]
        least = np.concatenate([part.least for part in parts])
        value, then = converted(self._exchange, least, self._view.arrays["currency"][slots])
        then = np.zeros(len(value), np.int64) if then is None else then
        after = self._request.after
        kept = np.arange(len(value))
        # A hotel whose cheapest pair gives nothing back may come later by another one.
        if after is not None and not self._request.refundable:
            kept = np.flatnonzero(_later(after, value, then, ids))
        if len(kept) > wanted and not self._request.refundable:
            last = np.partition(value[kept], wanted - 1)[wanted - 1]
            kept = kept[value[kept] <= last]
        kept = kept[np.lexsort((ids[kept], then[kept], value[kept]))]
        if self._request.refundable:
            return self._by_price_refundable(parts, kept, (value, then, ids), wanted)
        kept = kept[:wanted]
        chosen = (
            [(part, place) for part in parts for place in range(len(part.hotels))] if len(parts) > 1 else []
        )
        keys = zip(value[kept].tolist(), then[kept].tolist(), ids[kept].tolist(), strict=True)
        if chosen:
            picked = [chosen[hotel] for hotel in kept.tolist()]
            return [
                (Key(*key), Chosen(part, int(part.hotels[own]), int(part.best[own])))
                for key, (part, own) in zip(keys, picked, strict=True)
            ]
        places, pairs = hotels[kept].tolist(), parts[0].best[kept].tolist()
        return [
            (Key(*key), Chosen(parts[0], place, pair))
            for key, place, pair in zip(keys, places, pairs, strict=True)
        ]

    def _by_price_refundable(
        self, parts: Sequence[Priced], order: Array, keys: tuple[Array, Array, Array], wanted: int
    ) -> list[tuple[Key, Chosen]]:
        """The same among offers that give money back: each hotel is looked at by the least key that it can
        have, and comes up again by its exact one."""
        value, then, ids = (array.tolist() for array in keys)
        after = self._request.after
        waiting: list[tuple[Key, int, Chosen | None]] = [
            (Key(value[hotel], then[hotel], ids[hotel]), 0, None) for hotel in order.tolist()
        ]
        by_id = {ids[hotel]: hotel for hotel in order.tolist()}
        heapify(waiting)
        found: list[tuple[Key, Chosen]] = []
        while waiting and len(found) < wanted:
            key, _, chosen = heappop(waiting)
            if chosen is not None:
                found.append((key, chosen))
                continue
            part, own = _part_of(parts, by_id[key.property_id])
            chosen = self._refundable(part, own)
            if chosen is None:
                continue
            total = part.totals[chosen.pair : chosen.pair + 1]
            codes = self._view.arrays["currency"][self._slots[chosen.place : chosen.place + 1]]
            exact, rest = converted(self._exchange, total, codes)
            key = Key(int(exact[0]), 0 if rest is None else int(rest[0]), key.property_id)
            if after is None or key > after:
                heappush(waiting, (key, 1, chosen))
        return found

    def _by_place(self, priced: Priced, wanted: int) -> list[tuple[Key, Chosen]]:
        """The first hotels of those priced, in the order that they are in."""
        found: list[tuple[Key, Chosen]] = []
        after = self._request.after
        # Those that are passed over, or give nothing back, make room for others.
        all_wanted = after is None and not self._request.refundable
        hotels = priced.hotels[:wanted] if all_wanted else priced.hotels
        for own, (key, place, best) in enumerate(
            zip(self._keys(hotels), hotels.tolist(), priced.best.tolist(), strict=not all_wanted)
        ):
            if len(found) == wanted:
                break
            if after is not None and key <= after:
                continue
            chosen: Chosen | None = Chosen(priced, place, best)
            if self._request.refundable:
                chosen = self._refundable(priced, own)
            if chosen is not None:
                found.append((key, chosen))
        return found

    def _refundable(self, priced: Priced, own: int) -> Chosen | None:
        """A hotel's cheapest pair that gives money back."""
        pairs = priced.pairs(own)
        place = int(priced.hotels[own])
        order = pairs.start + np.argsort(priced.totals[pairs], kind="stable")
        slots = np.full(len(order), self._slots[place])
        given = self._results.refunded(priced, slots, order)
        return next((Chosen(priced, place, int(order[i])) for i, gives in enumerate(given) if gives), None)

    def _in_order(self, places: Array) -> Array:
        """The hotels in an order that is not by price; of many, those of earlier pages are left out."""
        arrays, slots, after = self._view.arrays, self._slots[places], self._request.after
        ids = arrays["id"][slots]
        if self._request.sort == "name":
            return self._by_name(places, ids)
        metres = np.zeros(len(places), np.int64) if self._metres is None else self._metres[places]
        value, then = metres, np.zeros(len(places), np.int64)
        if self._request.sort == "stars":
            value, then = -arrays["stars"][slots].astype(np.int64), metres
        order = np.lexsort((ids, then, value))
        if after is not None and len(self._slots) > MANY:
            order = order[_later(after, value, then, ids)[order]]
        return places[order]

    def _by_name(self, places: Array, ids: Array) -> Array:
        """By name: by what the arrays have of it, and where that is equal and not the whole, by the rest."""
        names = self._view.arrays["name"][self._slots[places]]
        order = np.lexsort((ids, names))
        after = self._request.after
        if after is not None and len(self._slots) > MANY:
            order = order[names[order] >= str(after.value).encode()[:_NAME_BYTES]]
        equal = np.flatnonzero(names[order][1:] == names[order][:-1])
        ordered = places[order]
        for first in equal.tolist():
            if len(names[order[first]]) < _NAME_BYTES or (first and first - 1 in equal):
                continue
            last = first + 1
            while last < len(order) and names[order[last]] == names[order[first]]:
                last += 1
            some = ordered[first:last].copy()
            keyed = zip(self._keys(some), some.tolist(), strict=True)
            ordered[first:last] = [place for _, place in sorted(keyed)]
        return ordered

    def _keys(self, places: Array) -> Iterator[Key]:
        """Where hotels stand, in another order than by price."""
        arrays, slots = self._view.arrays, self._slots[places]
        numbers = arrays["id"][slots].tolist()
        metres = [0] * len(numbers) if self._metres is None else self._metres[places].tolist()
        match self._request.sort:
            case "stars":
                return map(Key, (-arrays["stars"][slots].astype(np.int64)).tolist(), metres, numbers)
            case "name":
                names = (_sort_form(content.property.name) for content in self._view.contents(slots))
                return map(Key, names, repeat(0), numbers)
        return map(Key, metres, repeat(0), numbers)


def _part_of(parts: Sequence[Priced], hotel: int) -> tuple[Priced, int]:
    """Which of the parts has a hotel, and its place there."""
    for part in parts:
        if hotel < len(part.hotels):
            return part, hotel
        hotel -= len(part.hotels)
    raise IndexError(hotel)


def _later(after: Key, value: Array, then: Array, ids: Array) -> Array:
    """Which keys come after one."""
    same = value == after.value
    later: Array = (value > after.value) | (
        same & ((then > after.then) | ((then == after.then) & (ids > after.property_id)))
    )
    return later
