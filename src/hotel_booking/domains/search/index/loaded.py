"""One property's catalogue and nights from the arrays, as they are loaded from the database: what offers are
made of, and why others are refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from hotel_booking.domains.rates.queries import Calendar, Calendars, Catalogue
from hotel_booking.domains.rates.restrictions import OPEN, NightState, Restriction, combine
from hotel_booking.domains.rates.types import NightPrice
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.layout import Array
from hotel_booking.domains.search.index.view import IndexView


class Loaded(NamedTuple):
    """What a property sells, and its nights."""

    catalogue: Catalogue
    calendars: Calendars


def loaded(view: IndexView, slug: str, first: date, last: date) -> Loaded | None:
    """A property with its nights from `first` to `last`, both included; None where the arrays do not know all
    of them."""
    slot = view.slot(slug)
    if slot is None or not view.holds(first.toordinal(), last.toordinal()):
        return None
    nights = Nights(view, slot, first, last)
    return None if nights.unknown else Loaded(view.catalogue_of(slot), nights)


def nights_mark(view: IndexView, slug: str, stretches: Iterable[tuple[date, date]]) -> bytes | None:
    """What is known of a property and of its nights in these stretches (first and last, both included), as 16
    bytes: others after any change. None where the arrays do not know all of it."""
    slot = view.slot(slug)
    if slot is None:
        return None
    arrays = view.arrays
    types, rates = _columns(view, slot)
    if arrays["rate_own_extras"][rates].any():
        return None
    mark = blake2b(f"{view.number} {slot} {arrays['version'][slot]}".encode(), digest_size=16)
    for first, last in stretches:
        if not view.holds(first.toordinal(), last.toordinal()):
            return None
        for rows in _rows(first, last):
            for name, columns in _OF_NIGHTS:
                mark.update(arrays[name][rows, types if columns == "types" else rates].tobytes())
    return mark.digest()


_OF_NIGHTS = (("free", "types"), ("type_rule", "types"), ("price", "rates"), ("rate_rule", "rates"))


def _rows(first: date, last: date) -> list[slice]:
    """The rows of the ring from a night to another, both included: at most two stretches."""
    start, count = first.toordinal() % layout.ROWS, (last - first).days + 1
    if start + count <= layout.ROWS:
        return [slice(start, start + count)]
    return [slice(start, layout.ROWS), slice(0, start + count - layout.ROWS)]


def _columns(view: IndexView, slot: int) -> tuple[slice, slice]:
    """Those of a property's room types and of its rates."""
    arrays = view.arrays
    first_type, first_rate = int(arrays["first_type"][slot]), int(arrays["first_rate"][slot])
    return (
        slice(first_type, first_type + int(arrays["types"][slot])),
        slice(first_rate, first_rate + int(arrays["rates"][slot])),
    )


def _copied(array: Array, rows: Sequence[slice], columns: slice) -> Array:
    """A column a row, and no view of what changes."""
    return np.concatenate([array[part, columns] for part in rows]).T


class Nights(Calendars):
    """The calendars of a property's pairs, by the ids of room type and plan; each is made when asked for, of
    what was read in one go: a page may only need to know that they are there. `unknown`: some are not
    known."""

    def __init__(self, view: IndexView, slot: int, first: date, last: date) -> None:
        super().__init__()
        arrays = view.arrays
        catalogue = view.catalogue_of(slot)
        rows = _rows(first, last)
        self._view = view
        self._first, self._count = first, (last - first).days + 1
        types, rates = _columns(view, slot)
        self._first_rate = rates.start
        self.unknown = bool(arrays["rate_own_extras"][rates].any())
        self._free = _copied(arrays["free"], rows, types)
        self._type_rules = _copied(arrays["type_rule"], rows, types)
        self._prices = _copied(arrays["price"], rows, rates)
        self._rate_rules = _copied(arrays["rate_rule"], rows, rates)
        first_pair = int(arrays["first_pair"][slot])
        pairs = slice(first_pair, first_pair + int(arrays["pairs"][slot]))
        self._rates = arrays["pair_rate"][pairs].tolist()
        self._own = arrays["pair_own"][pairs].tolist()
        self._types = {kind.id: place for place, kind in enumerate(catalogue.room_types.values())}
        self._plans = {plan.id: place for place, plan in enumerate(catalogue.plans.values())}
        self._made: dict[tuple[int, int, int], Calendar] = {}
        self._combined: dict[tuple[int, int, int], Restriction] = {}

    def __missing__(self, key: tuple[int, int]) -> Calendar:
        kind, plan = self._types[key[0]], self._plans[key[1]]
        pair = kind * len(self._plans) + plan
        rate, own = self._rates[pair], self._own[pair]
        # A derived plan without restrictions of its own is sold on its parent's nights.
        alike = self._made.get((kind, rate, own))
        if alike is not None:
            self[key] = alike
            return alike
        none = [0] * self._count
        prices, rate_rules = [layout.NO_PRICE] * self._count, none
        if rate >= 0:
            prices = self._prices[rate - self._first_rate].tolist()
            rate_rules = self._rate_rules[rate - self._first_rate].tolist()
        own_rules = self._rate_rules[own - self._first_rate].tolist() if own >= 0 else none
        free, type_rules = self._free[kind].tolist(), self._type_rules[kind].tolist()
        states: dict[date, NightState] = {}
        amounts: dict[date, NightPrice] = {}
        for day, rooms, price, *rules in zip(
            self._days, free, prices, type_rules, rate_rules, own_rules, strict=True
        ):
            if rooms == layout.NOT_ON_SALE:
                continue
            priced = price != layout.NO_PRICE
            restriction = self._restriction(*rules)
            left, at = max(rooms, 0), price if priced else None
            if restriction is OPEN:
                states[day] = NightState(day, True, left, False, at)
            else:
                states[day] = NightState.of(
                    day, on_sale=True, rooms_left=left, price=at, restriction=restriction
                )
            if priced:
                amounts[day] = NightPrice(day, price)
        found = self[key] = self._made[kind, rate, own] = Calendar(states, amounts)
        return found

    @cached_property
    def _days(self) -> list[date]:
        return [self._first + timedelta(days=i) for i in range(self._count)]

    def _restriction(self, kind: int, rate: int, own: int) -> Restriction:
        """The strictest of three rules."""
        key = kind, rate, own
        found = self._combined.get(key)
        if found is None:
            found = self._combined[key] = combine(*(self._view.restriction(rule) for rule in key))
        return found
