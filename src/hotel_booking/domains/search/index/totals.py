"""What pairs cost: the totals of a stay for a party, by what each property's taxes and child bands say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np

from hotel_booking.core.money import step
from hotel_booking.domains.rates.party import Party
from hotel_booking.domains.rates.types import MILLION, Occupancy
from hotel_booking.domains.search.cheapest import slack
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.charges import (
    ANY_DAY,
    LARGEST_EXTRA,
    Charges,
    Taxation,
    TooLarge,
    divided,
    in_bands,
    taxation,
    totals,
)
from hotel_booking.domains.search.index.kernel import Stays
from hotel_booking.domains.search.index.layout import Array, letters
from hotel_booking.domains.search.index.view import IndexView
from hotel_booking.domains.search.types import SearchRequest


class Totals(NamedTuple):
    """Of each pair what the whole party pays, and what one room of each different occupancy does."""

    party: Array
    rooms: tuple[Array, ...]


class Pricer:
    """Prices stays of one arrival (a date) and length from the arrays."""

    def __init__(self, view: IndexView, arrival: date, nights: int) -> None:
        self._view = view
        self._arrival = arrival
        self._nights = nights

    def totals(self, stays: Stays, pairs: Array, party: Party) -> Totals:
        """What the pairs (places among the stays' pairs) cost. Raises `TooLarge`."""
        index = columns_at(stays.pairs.at, pairs)
        prices = stays.prices.take(stays.rate_of.take(pairs), axis=1)
        arrays = self._view.arrays
        kinds, values = arrays["adjust_kind"].take(index), arrays["adjust_value"].take(index)
        rooms = []
        for occupancy in party.kinds:
            extras = extra_persons(stays, pairs, occupancy)
            groups = self._groups(stays.slots, occupancy)
            if len(groups) == 1:
                rooms.append(stepped(prices, extras, kinds, values, occupancy, *groups[0][1:]))
                continue
            found = np.zeros(len(pairs), np.int64)
            place = stays.pairs.place[pairs]
            for member, taxes, least in groups:
                some = np.flatnonzero(member[place])
                if len(some):
                    found[some] = stepped(
                        prices[:, some],
                        [(count[some], amount[some]) for count, amount in extras],
                        kinds[some],
                        values[some],
                        occupancy,
                        taxes,
                        least,
                    )
            rooms.append(found)
        whole = rooms[0] * party.rooms[0]
        for room, count in zip(rooms[1:], party.rooms[1:], strict=True):
            whole = whole + room * count
        return Totals(whole, tuple(rooms))

    def least(self, stays: Stays, pairs: Array, starts: Array, request: SearchRequest) -> Array:
        """Of each hotel, whose pairs begin at `starts`, an amount that none of them costs less than: its
        charges with taxes on them, as if nothing were rounded, less what rounding may take."""
        arrays, nights = self._view.arrays, self._nights
        columns = columns_at(stays.pairs.at, pairs)
        prices = stays.prices.sum(axis=0, dtype=np.int64)[stays.rate_of[pairs]]
        kinds = arrays["adjust_kind"][columns]
        values = arrays["adjust_value"][columns] if kinds.any() else None
        party = Party.of(request.party)
        charged = np.zeros(len(pairs))
        for occupancy, rooms in zip(party.kinds, party.rooms, strict=True):
            room = prices
            for count, amount in extra_persons(stays, pairs, occupancy):
                room = room + count * amount * nights
            if values is not None:
                each = np.where(kinds == layout.AMOUNT_PER_PERSON, occupancy.persons, 1) * nights
                percent = room * (1 + np.where(kinds == layout.PERCENT, values, 0) / MILLION)
                room = np.where(kinds >= layout.AMOUNT, np.maximum(room + values * each, 0), percent)
            charged += room * rooms
        found = np.minimum.reduceat(charged, starts)
        slots = stays.slots[stays.pairs.place[pairs[starts]]]
        both = arrays["taxes"][slots].astype(np.int64) << 16 | arrays["currency"][slots]
        for key in np.unique(both).tolist():
            some = both == key
            currency = letters(key & 0xFFFF)
            below = slack(request, len(self._view.lists.taxes[key >> 16][1]), currency) + 1
            parts = []
            for occupancy, rooms in zip(party.kinds, party.rooms, strict=True):
                _, taxes, least = self._group(some, key >> 16, key & 0xFFFF, occupancy)
                parts.append((taxes.added_share, taxes.fixed * least * rooms))
            more, fixed = parts[0][0], sum(part[1] for part in parts)
            found[some] = found[some] * (1 + more) + fixed - below
        least_of_all: Array = np.maximum(np.floor(found), 0).astype(np.int64)
        return least_of_all

    def _groups(self, slots: Array, occupancy: Occupancy) -> list[tuple[Array, Taxation, int]]:
        """The slots whose taxes come down to the same and whose currencies have the same step, the taxes, and
        the step."""
        arrays = self._view.arrays
        taxes, currencies = arrays["taxes"][slots], arrays["currency"][slots]
        both = taxes.astype(np.int64) << 16 | currencies
        groups: dict[tuple[Taxation, int], list[int]] = {}
        for key in sorted(set(both.tolist())):
            _, found, least = self._group(both, key >> 16, key & 0xFFFF, occupancy)
            groups.setdefault((found, least), []).append(key)
        if len(groups) == 1:
            return [(both, *next(iter(groups)))]
        return [(np.isin(both, keys), *group) for group, keys in groups.items()]

    def _group(
        self, member: Array, taxes: int, currency: int, occupancy: Occupancy
    ) -> tuple[Array, Taxation, int]:
        least = step(letters(currency))
        rounding, known = self._view.lists.taxes[taxes]
        dated = any(tax.valid_from is not None or tax.valid_to is not None for tax in known)
        arrival = self._arrival if dated else ANY_DAY
        return member, taxation(rounding, known, arrival, self._nights, occupancy, least), least


def stepped(
    prices: Array,
    extras: Sequence[tuple[Array, Array]],
    kinds: Array,
    values: Array,
    occupancy: Occupancy,
    taxes: Taxation,
    least: int,
) -> Array:
    """Totals in minor units, computed in steps of the currency (`rates.steps`)."""
    persons = occupancy.persons
    if least == 1:
        lines = [count * amount for count, amount in extras]
        return totals(Charges(prices, lines, kinds, values, persons), taxes)
    lines = [count * divided(amount, least) for count, amount in extras]
    values = np.where(kinds >= layout.AMOUNT, divided(values, least), values)
    prices = divided(prices.astype(np.int64), least)
    return totals(Charges(prices, lines, kinds, values, persons), taxes) * least


def extra_persons(stays: Stays, pairs: Array, occupancy: Occupancy) -> list[tuple[Array, Array]]:
    """How many extra adults and children of each band there are on each pair, and what each of them costs a
    night; nothing for those who cost nothing anywhere. Raises `TooLarge`."""
    arrays = stays.arrays
    if not len(pairs):
        return []
    columns = arrays["pair_type"].take(columns_at(stays.pairs.at, pairs))
    base = arrays["base_occupancy"].take(columns)
    if not occupancy.children and occupancy.adults <= base.min():
        return []
    place = stays.pairs.place.take(pairs)
    adults = stays.counted(occupancy)[0].take(place) if occupancy.children else occupancy.adults
    extra = np.maximum(adults - base.astype(np.int64), 0)
    found = [(extra, arrays["extra_adult"].take(columns))] if extra.any() else []
    if occupancy.children:
        which, sets = stays.band_sets
        of_pair = np.array([in_bands(bands, occupancy.children) for bands in sets], np.int64)[which][place]
        amounts = arrays["child_amounts"][columns]
        found += [
            (of_pair[:, band], amounts[:, band]) for band in range(layout.BANDS) if of_pair[:, band].any()
        ]
    if any(int(amount.max()) > LARGEST_EXTRA for _, amount in found):
        raise TooLarge
    return [(count, amount) for count, amount in found if amount.any()]


def has_extras(stays: Stays, pairs: Array, party: Party) -> Array:
    """On which pairs somebody of the party could cost extra: where a night may have amounts of its own for
    such persons, the arrays do not know its price."""
    arrays, place = stays.arrays, stays.pairs.place[pairs]
    base = arrays["base_occupancy"][arrays["pair_type"][columns_at(stays.pairs.at, pairs)]]
    found = np.zeros(len(pairs), bool)
    for occupancy in party.kinds:
        adults, children = stays.counted(occupancy)
        found |= (adults[place] > base) | (children[place] > 0)
    return found


def columns_at(index: slice | Array, places: Array) -> Array:
    """The columns at some places of an index."""
    found: Array = places + index.start if isinstance(index, slice) else index.take(places)
    return found
