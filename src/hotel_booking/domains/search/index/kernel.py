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

from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.layout import Array
from hotel_booking.domains.search.index.view import IndexView

Index = slice | Array


class Columns(NamedTuple):
    """Neighbouring columns of several slots, one slot after the other: where they are in the arrays, the
    place of each one's slot, and what is taken off a column to have its place here."""

    at: Index
    place: Array
    shift: Array | int

    def local(self, columns: Array, place: Array) -> Array:
        """Where columns of the arrays stand here; `place` is that of each one's slot."""
        found: Array = columns - (self.shift if isinstance(self.shift, int) else self.shift[place])
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
    return Columns(np.arange(total) + shift[place], place, shift)


class Party(NamedTuple):
    """Who travels: each different occupancy, and in how many rooms."""

    kinds: tuple[Occupancy, ...]
    rooms: tuple[int, ...]

    @classmethod
    def of(cls, occupancies: Sequence[Occupancy]) -> Party:
        """A party of one occupancy per room."""
        counts: dict[Occupancy, int] = {}
        for one in occupancies:
            counts[one] = counts.get(one, 0) + 1
        return cls(tuple(counts), tuple(counts.values()))


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
        self._rows = [(arrival + night) % layout.ROWS for night in range(nights)]
        self._departure = (arrival + nights) % layout.ROWS

    @cached_property
    def free(self) -> Array:
        """Rooms free, [night, type]."""
        return self._nights("free", self.types)

    @cached_property
    def prices(self) -> Array:
        """Prices in minor units, [night, rate]; NO_PRICE where there is none."""
        return self._nights("price", self.rates)

    @cached_property
    def type_of(self) -> Array:
        """The place of each pair's type among the types."""
        return self.types.local(self.arrays["pair_type"][self.pairs.at], self.pairs.place)

    def type_at(self, pairs: Array) -> Array:
        """The same of some pairs."""
        at = self.pairs.at
        columns = pairs + at.start if isinstance(at, slice) else at[pairs]
        return self.types.local(self.arrays["pair_type"][columns], self.pairs.place[pairs])

    @cached_property
    def rate_of(self) -> Array:
        """The place of each pair's rate among the rates; negative where nothing is priced."""
        rate = self.arrays["pair_rate"][self.pairs.at]
        local = self.rates.local(rate, self.pairs.place)
        return local if self.all_priced else np.where(rate < 0, -1, local)

    @cached_property
    def all_priced(self) -> bool:
        """Whether every pair has a rate."""
        rate = self.arrays["pair_rate"][self.pairs.at]
        return not len(rate) or bool(rate.min() >= 0)

    @cached_property
    def band_sets(self) -> tuple[Array, list[tuple[int, ...]]]:
        """The different sets of child bands, and of each slot which it has."""
        used = self.arrays["bands"][self.slots]
        if len(used) == 0 or used.min() == used.max():
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
        types: Array = np.all(self.free >= sum(party.rooms), axis=0)
        refused = self._refused(self.types, "type_rule")
        if refused is not None:
            types &= ~refused
        types &= self.fits(party)
        leaves = self._closed_to_departure(self.types, "type_rule")
        if leaves is not None:
            types &= ~(leaves & self._knows_departure())
        # A pair is of its rate's room type, and there are fewer rates.
        rates: Array = np.all(self.prices >= 0, axis=0)
        rates &= types[self.types.local(arrays["rate_type"][self.rates.at], self.rates.place)]
        if not len(rates):
            return np.zeros(0, np.intp)
        rate = self.rate_of
        good: Array = rates[rate]
        if not self.all_priced:
            good &= rate >= 0
        refused = self._refused(self.rates, "rate_rule")
        leaves = self._closed_to_departure(self.rates, "rate_rule")
        own = arrays["pair_own"][self.pairs.at] if refused is not None or leaves is not None else None
        if own is not None:
            own = np.where(own < 0, -1, self.rates.local(own, self.pairs.place))
            if refused is not None:
                good &= ~refused[rate] & ~(refused[own] & (own >= 0))
            if leaves is not None:
                knows = self._knows_departure()[self.type_of]
                good &= ~((leaves[rate] | (leaves[own] & (own >= 0))) & knows)
        good &= self._terms(ahead)
        if meals:
            good &= np.isin(arrays["meal"][self.pairs.at], meals)
        return np.flatnonzero(good)

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
        return np.stack([array[row].take(columns.at) for row in self._rows])

    def _refused(self, columns: Columns, name: str) -> Array | None:
        """Which columns have a night whose rule refuses the stay; None where no night has any rule."""
        numbers = self._nights(name, columns)
        if not numbers.any():
            return None
        rules = self._view.limits(self.nights)
        refused: Array = rules.arrival[numbers[0]]
        for night in numbers[1:]:
            refused = refused | rules.through[night]
        return refused

    def _knows_departure(self) -> Array:
        """Which types have inventory on the departure day: only there it can be closed to departure."""
        knows: Array = self.arrays["free"][self._departure, self.types.at] != layout.NOT_ON_SALE
        return knows

    def _closed_to_departure(self, columns: Columns, name: str) -> Array | None:
        numbers = self.arrays[name][self._departure, columns.at]
        return self._view.limits(self.nights).departure[numbers] if numbers.any() else None

    def fits(self, party: Party) -> Array:
        """Which types take every room of the party."""
        arrays, place, index = self.arrays, self.types.place, self.types.at
        fits = np.ones(len(place), bool)
        for occupancy in party.kinds:
            adults, children = self.counted(occupancy)
            fits &= (arrays["max_occupancy"][index] >= occupancy.persons) & (
                arrays["max_adults"][index] >= adults[place]
            )
            if occupancy.children:
                fits &= arrays["max_children"][index] >= children[place]
        return fits

    def _terms(self, ahead: Array) -> Array:
        """Which pairs' plans take a stay so far ahead and so long."""
        arrays, index = self.arrays, self.pairs.at
        days = ahead[0] if len(ahead) and ahead.min() == ahead.max() else ahead[self.pairs.place]
        good: Array = arrays["min_advance"][index] <= days
        good &= arrays["min_stay"][index] <= self.nights
        # Without its sign NONE is more than any limit.
        good &= arrays["max_advance"][index].view(np.uint16) >= days
        good &= arrays["max_stay"][index].view(np.uint16) >= self.nights
        return good
