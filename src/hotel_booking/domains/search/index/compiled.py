"""A page of a search, and the nights of a hotel, by compiled code (`stays.c`) where it is there: one pass
over the arrays instead of some hundred operations of NumPy. `find.py`, `kernel.py`, `totals.py` and
`single_nights.py` say the same, serve where more is asked than it knows, and are what it is compared with in
tests.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable
from ctypes import addressof, c_int64, c_void_p
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates.party import Party
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.area import bounds, on_sphere
from hotel_booking.domains.search.find import MANY, MOST_COUNTED, compared_in
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.compiled_offers import CompiledOffers
from hotel_booking.domains.search.index.layout import Array, Arrays, Lists
from hotel_booking.domains.search.index.library import (
    AREA,
    DONE,
    ENTRY,
    MOST_KINDS,
    MOST_NIGHTS,
    NIGHT,
    POINTERS,
    RANGES,
    RESULTS,
    STAY,
    TOO_MANY,
    Addresses,
    Calendar,
    Counts,
    Found,
    Gives,
    Index,
    Picked,
    address_of,
)
from hotel_booking.domains.search.index.schemes import Schemes, key_of
from hotel_booking.domains.search.types import MAX_LIMIT, Around, SearchRequest, Within

# As in area.c and stays.c.
_AROUND, _BOX, _WITHIN = range(3)
_SORTS = {"price": 0, "distance": 1, "stars": 2, "name": 3}
# That there is room for at first; no power of two, so that rows do not share places of the processor's cache.
_HOTELS = 4104
_WRITTEN = 64 * 1024  # bytes of a page, likewise
_GROWN = 8
SAME = -1  # in `worth`


_PICKED = len(Picked._fields)
_NO_RANGES = ((0.0, 0.0),) * RANGES
_NO_AMENITIES = [0] * layout.AMENITY_WORDS


class Page(NamedTuple):
    """The hotels that the page needs and one more where there is one (rows of `Picked`), how many sell the
    stay, and the slots, metres and days to the arrival of those that only SQL can tell of; the rest as
    `find.Answer` has it. It stands in the scratch until that is given back."""

    scratch: Scratch
    picked: Array
    sold: int
    left: list[tuple[int, int, int]]
    exchange: Exchange
    hotels: int
    uncompared: int
    past: int


class Compiled:
    """The compiled code over one file's arrays."""

    def __init__(self, arrays: Arrays, library: ctypes.PyDLL) -> None:
        self._arrays = arrays  # as long as their addresses are used
        self._library = library
        sized = ("state", "type_id", "rate_type", "meal", "heap")
        sizes = (layout.ROWS, *(arrays[name].shape[0] for name in sized))
        index = Index(*sizes, *(address_of(arrays[name]) for name in POINTERS))
        self._kept, self._index = index, addressof(index)
        self._header = (c_int64 * len(arrays["header"])).from_address(address_of(arrays["header"]))
        self._schemes = Schemes()
        self._addresses = Addresses()
        self.offers = CompiledOffers(index, library, arrays, self._schemes, self._addresses)
        self._spare: list[Scratch] = []

    def page(
        self,
        request: SearchRequest,
        lists: Lists,
        limits: tuple[Array, Array, Array],
        today: Array,
        gives: Callable[[int, int, int], bool] | None,
    ) -> Page | None:
        """The hotels of a page; None where only NumPy can tell. `limits` are `IndexView.limits` of the stay,
        `today` what `IndexView.days` says. `gives`: whether a slot's pair gives money back where the party
        pays so much, for those who want only that. Raises `TooLarge`."""
        party, after = Party.of(request.party), request.after
        asked = self._area(request, today)
        meals = _bits(request.meals)
        if asked is None or meals is None or isinstance(after and after.value, str):
            return None
        if request.stay.nights > MOST_NIGHTS or len(party.kinds) > MOST_KINDS:
            return None
        scratch = self._spare.pop() if self._spare else Scratch(_HOTELS)
        while (known := self._inside(asked, scratch)) == TOO_MANY:
            scratch = Scratch(scratch.most * _GROWN)
        page = self._page(request, party, lists, limits, meals, gives, scratch) if known == DONE else None
        if page is None:
            self.give_back(scratch)
        return page

    def give_back(self, scratch: Scratch) -> None:
        """For the next search: its page is not read any more."""
        if scratch.most == _HOTELS:
            self._spare.append(scratch)

    def _inside(self, asked: bytes, scratch: Scratch) -> int:
        at, row = scratch.at, scratch.most * 8
        known: int = self._library.inside(
            self._index, asked, scratch.most, at, at + row, at + 2 * row, at + 3 * row, scratch.found_at
        )
        return known

    def _page(
        self,
        request: SearchRequest,
        party: Party,
        lists: Lists,
        limits: tuple[Array, Array, Array],
        meals: int,
        gives: Callable[[int, int, int], bool] | None,
        scratch: Scratch,
    ) -> Page | None:
        """The page of the hotels that `inside` found."""
        found, by_price = scratch.found, request.sort == "price"
        arrival, nights = request.stay.arrival, request.stay.nights
        keys = scratch.keys[: found.schemes]
        currencies = [layout.letters(key >> 16 & 0xFFFF) for key in keys]
        exchange = compared_in(request, set(currencies), lists.per_euro)
        compares = request.filters_prices and request.currency is not None
        schemes = self._schemes.pointers(
            lists,
            keys,
            party.kinds,
            arrival,
            nights,
            exchange if compares or by_price else None,
        )
        if schemes is None:
            return None
        uncompared = 0
        if compares and not all(map(exchange.compares, currencies)):
            schemes = type(schemes)(*schemes)
            for place, currency in enumerate(currencies):
                if not exchange.compares(currency):
                    schemes[place * len(party.kinds)] = None
                    uncompared += found.of_scheme[place]
        hotels = found.hotels - uncompared
        asks, failed = _asking(gives)
        each = _each(party.rooms)
        after, wanted = request.after, min(request.limit, MAX_LIMIT) + 1
        stay = STAY.pack(
            arrival.toordinal() % layout.ROWS,
            nights,
            len(request.party),
            len(party.kinds),
            addressof(each),
            len(limits[0]),
            *self._addresses.of(nights, limits),
            meals,
            compares,
            -1 if request.price_min is None else request.price_min,
            -1 if request.price_max is None else request.price_max,
            _SORTS[request.sort],
            wanted,
            hotels > MOST_COUNTED if by_price else hotels > MANY or gives is not None,
            0 if asks is None else ctypes.cast(asks, c_void_p).value,
            *((0, 0, 0, 0) if after is None else (1, after.value, after.then, after.property_id)),
        )
        at, row, counts = scratch.at, scratch.most * 8, scratch.counts
        known = self._library.page(
            self._index, stay, schemes, at, at + row, at + 2 * row, at + 3 * row, found.hotels,
            at + 4 * row, at + (4 + ENTRY) * row, scratch.picked_at, scratch.counts_at,
        )  # fmt: skip
        if failed:
            raise failed[0]
        if known != DONE:
            return None
        numbers = scratch.numbers
        left = numbers[:3, numbers[4 + ENTRY, : counts.left]].T.tolist() if counts.left else []
        picked = scratch.picked[: counts.results]
        return Page(scratch, picked, counts.sold, left, exchange, hotels, uncompared, found.past)

    def written(
        self,
        request: SearchRequest,
        form: bytes,
        page: Page,
        gives: bytes,
        worth: Array | None,
    ) -> bytes | None:
        """The first results of a page as a form has them, with commas between. `gives`: whether each of them
        gives money back; `worth`: what its total is in the currency compared in where they are not in the
        order of that, int64, or SAME; None: not told."""
        text = _text(form)
        asked = RESULTS.pack(
            addressof(text),
            len(form),
            request.stay.nights,
            len(request.party),
            isinstance(request.where, Around),
            layout.letters_code(page.exchange.target),
            request.sort == "price",
            0 if worth is None else address_of(worth),
        )
        scratch = page.scratch
        while True:
            known = self._library.write_results(
                self._index, asked, gives, scratch.picked_at, len(gives), scratch.text_at, len(scratch.text),
                scratch.used_at,
            )  # fmt: skip
            if known != TOO_MANY:
                return ctypes.string_at(scratch.text_at, scratch.used.value) if known == DONE else None
            scratch.write_into(np.empty(len(scratch.text) * _GROWN, np.uint8))

    def calendar(
        self,
        lists: Lists,
        slot: int,
        first: date,
        nights: int,
        ahead: int,
        occupancy: Occupancy,
        shape: tuple[int, int],
        only: tuple[int, int],
    ) -> list[list[int]] | None:
        """The nights of a slot from `first` on, `ahead` days from its today, each as `Night` in `stays.c`;
        None where only NumPy can tell. `shape`: how many room types and plans it has; `only`: the places of
        those asked for, negative where it is all. Raises `TooLarge`."""
        key, (types, plans) = key_of(self._arrays, slot), shape
        dated = self._schemes.are_dated(lists, [key])
        if dated:
            schemes = self._schemes.single_nights(lists, key, occupancy, first, nights)
        else:
            schemes = self._schemes.pointers(lists, [key], (occupancy,), first, 1, None)
        if schemes is None:
            return None
        rules = self._header[layout.RULES]
        row = first.toordinal() % layout.ROWS
        asked = Calendar(slot, row, nights, ahead, types, plans, *only, rules, dated)
        found = np.empty((nights, NIGHT), np.int64)
        if self._library.calendar(self._index, addressof(asked), schemes, address_of(found)) != DONE:
            return None
        told: list[list[int]] = found.tolist()
        return told

    def _area(self, request: SearchRequest, today: Array) -> bytes | None:
        """Where is looked, and what hotels must have; None where only NumPy can tell."""
        where = request.where
        stars = _bits(request.stars) if request.stars else -1
        if stars is None or not all(0 <= code < 64 * layout.AMENITY_WORDS for code in request.amenities):
            return None
        shape, country, region = _WITHIN, 0, -1
        x = y = z = radius_km = south = north = 0.0
        meridians: list[tuple[float, float]] = []
        if isinstance(where, Within):
            country = layout.letters_code(where.country)
            region = -1 if where.region is None else where.region
        else:
            shape = _BOX
            south, north, meridians = bounds(where)
            if isinstance(where, Around):
                shape, radius_km = _AROUND, where.radius_km
                x, y, z = on_sphere(where.lat, where.lon)
        (west, east), (west_too, east_too) = (*meridians, *_NO_RANGES)[:RANGES]
        amenities = _NO_AMENITIES
        if request.amenities:
            amenities = [0] * layout.AMENITY_WORDS
            for code in request.amenities:
                amenities[code // 64] |= 1 << code % 64
        return AREA.pack(
            self._header[layout.PROPERTIES],
            self._header[layout.SORTED],
            shape,
            len(meridians),
            *(x, y, z, radius_km, south, north, west, west_too, east, east_too),
            country,
            region,
            stars,
            bool(request.amenities),
            *amenities,
            request.stay.arrival.toordinal(),
            len(today),
            *self._addresses.of("today", (today,)),
        )


class Scratch:
    """Room for what is found of a search, for one at a time: to make it anew costs as much as the search."""

    def __init__(self, most: int) -> None:
        self.most = most  # hotels
        # Slots, metres, days to the arrival, schemes; entries; places of those left.
        self.numbers = np.empty((4 + ENTRY + 1, most), np.int64)
        self.at = address_of(self.numbers)
        self.picked = np.empty((MAX_LIMIT + 1, _PICKED), np.int64)
        self.picked_at = address_of(self.picked)
        self.found, self.counts, self.used = Found(), Counts(), c_int64()
        self.found_at, self.counts_at, self.used_at = map(addressof, (self.found, self.counts, self.used))
        self.keys = self.found.key
        self.write_into(np.empty(_WRITTEN, np.uint8))

    def write_into(self, text: Array) -> None:
        """Where results are written."""
        self.text, self.text_at = text, address_of(text)


def _asking(gives: Callable[[int, int, int], bool] | None) -> tuple[Any, list[Exception]]:
    """What `stays.c` calls, or None, and what went wrong in it."""
    failed: list[Exception] = []
    if gives is None:
        return None, failed

    def ask(slot: int, pair: int, total: int) -> int:
        try:
            return gives(slot, pair, total)
        except Exception as error:  # raised again where Python goes on
            failed.append(error)
            return -1

    return Gives(ask), failed


@lru_cache(maxsize=64)
def _text(form: bytes) -> ctypes.Array[ctypes.c_char]:
    """A text where it stays; there are a few forms."""
    return ctypes.create_string_buffer(form)


@lru_cache(maxsize=1024)
def _each(rooms: tuple[int, ...]) -> ctypes.Array[c_int64]:
    """How many rooms of each kind there are, as compiled code reads it."""
    return (c_int64 * len(rooms))(*rooms)


def _bits(numbers: Iterable[int]) -> int | None:
    """A set of small numbers; None where one is none."""
    found = 0
    for number in numbers:
        if not 0 <= number < 63:
            return None
        found |= 1 << number
    return found
