"""What hotels sell and what the cheapest of it costs, by compiled code (`stays.c`) where it is there: one
pass over the arrays instead of some hundred operations of NumPy. `kernel.py` and `totals.py` say the same,
serve where a search asks for more than it knows, and are what it is compared with in tests.

The library is built with the package (`hatch_build.py`); `LIBRARY` is None where it is not, or of another
`stays.c`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, Structure, c_char_p, c_int64, c_void_p
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hotel_booking.core.money import step
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates.types import MILLION, Occupancy
from hotel_booking.domains.search.find import LAST
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.charges import ANY_DAY, Taxation, in_bands, taxation
from hotel_booking.domains.search.index.layout import Array, Arrays, Lists
from hotel_booking.domains.search.types import SearchRequest

LEFT_TO_SQL = -2  # as in stays.c
_MOST_NIGHTS, _MOST_TAXES, _MOST_MEALS = 64, 8, 16
_MOST_HOUSES = 64  # different ones in one search; among hotels all over the world NumPy serves
_REMEMBERED = 4096

_POINTERS = (
    "free", "type_rule", "price", "rate_rule",
    "first_type", "types", "first_rate", "rates", "first_pair", "pairs",
    "taxes", "currency", "bands",
    "base_occupancy", "max_occupancy", "max_adults", "max_children", "extra_adult", "child_amounts",
    "rate_type", "rate_own_extras",
    "pair_type", "pair_rate", "pair_own", "adjust_kind", "adjust_value",
    "min_advance", "max_advance", "min_stay", "max_stay", "meal",
)  # fmt: skip


class _Index(Structure):
    _fields_ = (
        *((f"size_{name}", c_int64) for name in ("rows", "properties", "types", "rates", "pairs")),
        *((name, c_void_p) for name in _POINTERS),
    )


class _House(Structure):
    _fields_ = (
        *((name, c_int64) for name in ("key", "persons", "adults", "children")),
        ("in_band", c_int64 * layout.BANDS),
        *((name, c_int64) for name in ("step", "up", "down", "last", "per_line", "plain", "fixed", "taxes")),
        ("value", c_int64 * _MOST_TAXES),
        ("applies", c_int64 * _MOST_NIGHTS),
        ("included", c_int64 * _MOST_NIGHTS),
        ("due", c_int64 * _MOST_NIGHTS),
        ("due_once", c_int64),
    )


class _Stay(Structure):
    _fields_ = (
        *((name, c_int64) for name in ("first_row", "nights", "rooms", "rules")),
        *((name, c_void_p) for name in ("through", "arrival", "departure")),
        ("meals", c_int64),
        ("meal", c_int64 * _MOST_MEALS),
        *((name, c_int64) for name in ("compares", "least", "most")),
    )


class Cheapest(NamedTuple):
    """Of each hotel the column of the cheapest pair (negative where it sells none, LEFT_TO_SQL where only SQL
    can tell), what the party pays, and what hotels are sorted by, as `sold.converted` has it."""

    best: Array
    least: Array
    value: Array
    then: Array


def _load() -> ctypes.PyDLL | None:
    path = Path(__file__).with_name("libstays.so")
    if not path.exists():
        return None
    library = ctypes.PyDLL(str(path))  # holds the interpreter's lock: a search takes less than a switch
    built_from = getattr(library, "source", None)
    if built_from is None:
        return None
    built_from.restype = c_char_p
    if built_from() != sha256(path.with_name("stays.c").read_bytes()).hexdigest().encode():
        return None  # a checkout that has moved on since
    numbers = c_void_p
    library.different_houses.argtypes = (
        POINTER(_Index), numbers, c_int64, numbers, c_int64, POINTER(c_int64), numbers,
    )  # fmt: skip
    library.cheapest.argtypes = (
        POINTER(_Index), POINTER(_Stay), c_void_p, numbers, numbers, c_int64, *(numbers,) * 5,
    )  # fmt: skip
    return library


LIBRARY = _load()


class Compiled:
    """The compiled code over one file's arrays."""

    def __init__(self, arrays: Arrays, library: ctypes.PyDLL) -> None:
        self._arrays = arrays  # as long as their addresses are used
        self._library = library
        sizes = (layout.ROWS, *(arrays[name].shape[0] for name in ("state", "type_id", "rate_type", "meal")))
        self._index = _Index(*sizes, *(_address(arrays[name]) for name in _POINTERS))
        self._keys = np.zeros(_MOST_HOUSES, np.int64)
        self._lists: Lists | None = None
        self._houses: dict[tuple[object, ...], _House | None] = {}

    def cheapest(
        self,
        request: SearchRequest,
        exchange: Exchange,
        lists: Lists,
        limits: tuple[Array, Array, Array],
        slots: Array,
        ahead: Array,
    ) -> Cheapest | None:
        """What the hotels in `slots` sell; None where only NumPy can tell. `limits` are `IndexView.limits` of
        the stay. Raises `TooLarge`."""
        party, nights = request.party, request.stay.nights
        if nights > _MOST_NIGHTS or len(request.meals) > _MOST_MEALS or any(r != party[0] for r in party):
            return None
        hotels = len(slots)
        numbers = np.empty((7, hotels), np.int64)
        numbers[0], numbers[1] = slots, ahead
        at, row = _address(numbers), hotels * 8
        count = c_int64()
        if self._library.different_houses(
            self._index, at, hotels, _address(self._keys), _MOST_HOUSES, count, at + 2 * row
        ):
            return None
        compares = request.filters_prices and request.currency is not None
        worth = exchange if compares or request.sort == "price" else None
        houses = self._known(request, worth, lists, self._keys[: count.value].tolist())
        if houses is None:
            return None
        stay = _Stay(
            request.stay.arrival.toordinal() % layout.ROWS,
            nights,
            len(party),
            len(limits[0]),
            *map(_address, limits),
            len(request.meals),
            (c_int64 * _MOST_MEALS)(*request.meals),
            compares,
            -1 if request.price_min is None else request.price_min,
            -1 if request.price_max is None else request.price_max,
        )
        pointers = (c_void_p * len(houses))(*[ctypes.addressof(house) for house in houses])
        found = (at + number * row for number in range(2, 7))
        if self._library.cheapest(self._index, stay, pointers, at, at + row, hotels, *found):
            return None
        return Cheapest(*numbers[3:])

    def _known(
        self, request: SearchRequest, exchange: Exchange | None, lists: Lists, keys: Sequence[int]
    ) -> list[_House] | None:
        """What the hotels have in common, by their keys; None where taxes are of a kind that only NumPy
        computes."""
        if self._lists is not lists or len(self._houses) > _REMEMBERED:
            self._lists, self._houses = lists, {}
        found = []
        for key in keys:
            rounding, taxes = lists.taxes[key >> 32]
            dated = any(tax.valid_from is not None or tax.valid_to is not None for tax in taxes)
            arrival = request.stay.arrival if dated else ANY_DAY
            occupancy, nights = request.party[0], request.stay.nights
            known = (key, occupancy, nights, arrival, None if exchange is None else exchange.target)
            if known not in self._houses:
                currency = layout.letters(key >> 16 & 0xFFFF)
                least = step(currency)
                self._houses[known] = _house(
                    key,
                    lists.bands[key & 0xFFFF],
                    occupancy,
                    least,
                    taxation(rounding, taxes, arrival, nights, occupancy, least),
                    Fraction(1) if exchange is None else exchange.factor(currency),
                    LAST + int(currency, 36),
                )
            house = self._houses[known]
            if house is None:
                return None
            found.append(house)
        return found


def _house(
    key: int,
    bands: Sequence[int],
    occupancy: Occupancy,
    least: int,
    taxes: Taxation,
    factor: Fraction | None,
    last: int,
) -> _House | None:
    """None where the taxes, or what amounts are worth, are of a kind that only NumPy computes."""
    # Each percentage once; where each line is rounded by itself, equal ones of one night are two.
    values: list[tuple[int, int]] = []
    applies = []
    for night in taxes.nights:
        percents = night.percents
        if taxes.per_line:
            percents = tuple(
                (night.added[:place].count(value), value) for place, value in enumerate(night.added)
            )
        values += [percent for percent in percents if percent not in values]
        applies.append(sum(1 << values.index(percent) for percent in percents))
    up, down = (factor.numerator, factor.denominator) if factor is not None else (0, 0)
    largest = max([value for _, value in values] + [night.included_ppm for night in taxes.nights])
    if len(values) > _MOST_TAXES or largest > MILLION or max(up, down) >= 2**60:
        return None
    grown = sum(age >= (bands[-1] + 1 if bands else 0) for age in occupancy.children)
    return _House(
        key,
        occupancy.persons,
        occupancy.adults + grown,
        len(occupancy.children) - grown,
        (c_int64 * layout.BANDS)(*in_bands(bands, occupancy.children)),
        least,
        up,
        down,
        last,
        taxes.per_line,
        taxes.is_plain,
        taxes.fixed,
        len(values),
        (c_int64 * _MOST_TAXES)(*[value for _, value in values]),
        (c_int64 * _MOST_NIGHTS)(*applies),
        (c_int64 * _MOST_NIGHTS)(*[night.included_ppm for night in taxes.nights]),
        (c_int64 * _MOST_NIGHTS)(*[sum(night.included_fixed) for night in taxes.nights]),
        sum(taxes.stay_due),
    )


def _address(array: Array) -> int:
    address: int = array.__array_interface__["data"][0]
    return address
