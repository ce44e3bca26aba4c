"""What is sold for a stay: of properties in slots, the pairs that nothing speaks against. Vectorised.

Columns of the properties asked about are put one after the other; `Columns.local` says where among them one
stands. Everything else is a few operations over nights x columns, the same that the search in SQL does row by
row: a night refuses a stay that is too long for it, a pair one that its plan does not take.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hotel_booking.domains.rates.party import Party
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.layout import Array
from hotel_booking.domains.search.index.view import IndexView, are_one

Index = slice | Array


class Columns(NamedTuple):
    """Neighbouring columns of several slots, one slot after the other: where they are in the arrays, the
    place of each one's slot, and what is taken off a column to have its place here."""

    at: Index
    place: Array
    shift: Array | int

    def of(self, array: Array) -> Array:
        """What an array has of these columns."""
        return array[self.at] if isinstance(self.at, slice) else array.take(self.at)

    def local(self, columns: Array, place: Array) -> Array:
        """Where columns of the arrays stand here; `place` is that of each one's slot."""
        found: Array = columns - (self.shift if isinstance(self.shift, int) else self.shift.take(place))
        return found


def columns_of(first: Array, counts: Array) -> Columns:
    """The columns of slots that begin at `first` and have `counts` of them. Where they follow each other in
    the arrays too, as those of a city mostly do, they are a slice, and nothing is copied."""
    ends = counts.cumsum()
    shift = first - ends + counts
    total = int(ends[-1]) if len(ends) else 0
    place = np.arange(len(counts)).repeat(counts)
    if not total or (shift[0] == shift).all():
        start = int(shift[0]) if len(shift) else 0
        return Columns(slice(start, start + total), place, start)
    return Columns(np.arange(total) + shift.repeat(counts), place, shift)


class Stays:
    """The columns of the properties in `slots`, and their nights from `arrival` (an ordinal) on."""

    def __init__(self, view: IndexView, slots: Array, arrival: int, nights: int) -> None:
        arrays = self.arrays = view.arrays
        self._view = view
        self.slots = slots
        self.nights = nights
        self.types = columns_of(arrays["first_type"][slots], arrays["types"][slots])
        self.rates = columns_of(arrays["first_rate"][slots], arrays["rates"][slots])
        self.pairs = columns_of(arrays["first_pair"][slots], arrays["pairs"][slots])
        first = arrival % layout.ROWS
        self._departure = (arrival + nights) % layout.ROWS
        # The ring of nights begins again at 0: only there rows do not follow each other.
        self._rows = (
            slice(first, first + nights)
            if first + nights <= layout.ROWS
            else [(arrival + night) % layout.ROWS for night in range(nights)]
        )

    @cached_property
    def free(self) -> Array:
        """Rooms free, [night, type]."""
        return self._nights("free", self.types)

    @cached_property
    def left(self) -> Array:
        """Rooms free in every night, of each type."""
        left: Array = self.free.min(axis=0)
        return left

    @cached_property
    def prices(self) -> Array:
        """Prices in minor units, [night, rate]; NO_PRICE where there is none."""
        return self._nights("price", self.rates)

    @cached_property
    def type_of(self) -> Array:
        """The place of each pair's type among the types."""
        return self.types.local(self.pairs.of(self.arrays["pair_type"]), self.pairs.place)

    @cached_property
    def rate_of(self) -> Array:
        """The place of each pair's rate among the rates; negative where nothing is priced."""
        local = self.rates.local(self._rates, self.pairs.place)
        return local if self.all_priced else np.where(self._rates < 0, -1, local)

    @cached_property
    def all_priced(self) -> bool:
        """Whether every pair has a rate."""
        return not len(self._rates) or bool(self._rates.min() >= 0)

    @cached_property
    def _rates(self) -> Array:
        return self.pairs.of(self.arrays["pair_rate"])

    @cached_property
    def band_sets(self) -> tuple[Array, list[tuple[int, ...]]]:
        """The different sets of child bands, and of each slot which it has."""
        used = self.arrays["bands"][self.slots]
        if not len(used) or are_one(used):
            return np.zeros(len(used), np.intp), [self._view.lists.bands[int(used[0])]] if len(used) else []
        different, which = np.unique(used, return_inverse=True)
        return which, [self._view.lists.bands[place] for place in different.tolist()]

    def counted(self, occupancy: Occupancy) -> tuple[Array, Array]:
        """How many adults and children an occupancy has in each slot: who is older than the last child band
        is an adult there."""
        which, sets = self.band_sets
        children = occupancy.children
        if not children:
            return np.full(len(which), occupancy.adults), np.zeros(len(which), np.int64)
        grown = [sum(age >= (bands[-1] + 1 if bands else 0) for age in children) for bands in sets]
        more = np.array(grown, np.int64)[which]
        return occupancy.adults + more, len(children) - more

    def sold(self, party: Party, ahead: Array, meals: Sequence[int]) -> Array:
        """Which pairs are sold: their places among the pairs. `ahead` are the days from each slot's today to
        the arrival; no meals means any."""
        arrays = self.arrays
        types: Array = self.left >= sum(party.rooms)
        refused = self._refused(self.types, "type_rule")
        if refused is not None:
            types &= ~refused
        types &= self.fits(party)
        leaves = self._closed_to_departure(self.types, "type_rule")
        if leaves is not None:
            types &= ~(leaves & self._knows_departure())
        # A pair is of its rate's room type, and there are fewer rates.
        rates: Array = self.prices.min(axis=0) >= 0
        rates &= types.take(self.types.local(self.rates.of(arrays["rate_type"]), self.rates.place))
        if not len(rates):
            return np.zeros(0, np.intp)
        rate = self.rate_of
        good: Array = rates.take(rate)
        if not self.all_priced:
            good &= rate >= 0
        refused = self._refused(self.rates, "rate_rule")
        leaves = self._closed_to_departure(self.rates, "rate_rule")
        own = self.pairs.of(arrays["pair_own"]) if refused is not None or leaves is not None else None
        if own is not None:
            own = np.where(own < 0, -1, self.rates.local(own, self.pairs.place))
            if refused is not None:
                good &= ~refused.take(rate) & ~(refused.take(own) & (own >= 0))
            if leaves is not None:
                knows = self._knows_departure()[self.type_of]
                good &= ~((leaves[rate] | (leaves[own] & (own >= 0))) & knows)
        good &= self._terms(ahead)
        if meals:
            good &= np.isin(self.pairs.of(arrays["meal"]), meals)
        return good.nonzero()[0]

    @cached_property
    def rules(self) -> list[Array]:
        """The rules that each pair's nights have, [night, pair], of each level that has any."""
        at, place = self.pairs.at, self.pairs.place
        found = []
        types = self._nights("type_rule", self.types)
        if types.any():
            found.append(types[:, self.type_of])
        rates = self._nights("rate_rule", self.rates)
        if rates.any():
            own = self.arrays["pair_own"][at]
            own = np.where(own < 0, -1, self.rates.local(own, place))
            found += [np.where(rate < 0, 0, rates[:, rate]) for rate in (self.rate_of, own)]
        return found

    def _nights(self, name: str, columns: Columns) -> Array:
        array = self.arrays[name]
        if isinstance(columns.at, slice):
            return array[self._rows, columns.at]
        if isinstance(self._rows, slice):
            return array[self._rows].take(columns.at, axis=1)
        return np.stack([array[row].take(columns.at) for row in self._rows])

    def _refused(self, columns: Columns, name: str) -> Array | None:
        """Which columns have a night whose rule refuses the stay; None where no night has any rule."""
        numbers = self._nights(name, columns)
        if not numbers.any():
            return None
        rules = self._view.limits(self.nights)
        refused: Array = rules.arrival.take(numbers[0])
        if len(numbers) > 1:
            refused |= rules.through.take(numbers[1:]).any(axis=0)
        return refused

    def _knows_departure(self) -> Array:
        """Which types have inventory on the departure day: only there it can be closed to departure."""
        knows: Array = self.types.of(self.arrays["free"][self._departure]) != layout.NOT_ON_SALE
        return knows

    def _closed_to_departure(self, columns: Columns, name: str) -> Array | None:
        numbers = columns.of(self.arrays[name][self._departure])
        return self._view.limits(self.nights).departure.take(numbers) if numbers.any() else None

    def fits(self, party: Party) -> Array:
        """Which types take every room of the party."""
        arrays, types = self.arrays, self.types
        persons, most_adults = types.of(arrays["max_occupancy"]), types.of(arrays["max_adults"])
        fits = np.ones(len(types.place), bool)
        for occupancy in party.kinds:
            fits &= persons >= occupancy.persons
            if not occupancy.children:
                fits &= most_adults >= occupancy.adults
                continue
            adults, children = self.counted(occupancy)
            fits &= most_adults >= adults.take(types.place)
            fits &= types.of(arrays["max_children"]) >= children.take(types.place)
        return fits

    def _terms(self, ahead: Array) -> Array:
        """Which pairs' plans take a stay so far ahead and so long."""
        arrays, pairs = self.arrays, self.pairs
        days = ahead[0] if are_one(ahead) else ahead.take(pairs.place)
        good: Array = pairs.of(arrays["min_advance"]) <= days
        good &= pairs.of(arrays["min_stay"]) <= self.nights
        # Without its sign NONE is more than any limit.
        good &= pairs.of(arrays["max_advance"]).view(np.uint16) >= days
        good &= pairs.of(arrays["max_stay"]).view(np.uint16) >= self.nights
        return good
