"""Writing into the arrays: one process does it for all that have the file mapped.

A property's content is written under an odd VERSION, so that readers never see half of it; nights are written
without, each whole in itself. What does not fit into a column (a price beyond 31 bits, too many child bands)
makes the property SQL_ONLY: readers leave it to SQL, and nothing is ever told wrongly. A property whose room
types or rates change gets new neighbouring columns at the end, and its nights are copied there first.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from hotel_booking.domains.rates.queries import Catalogue, read_catalogue
from hotel_booking.domains.search.index.brief import brief_of, catalogue_pieces
from hotel_booking.domains.search.index.columns import (
    Rate,
    columns_of,
    fits,
    pair_columns,
    property_columns,
    rates_of,
    sold_always,
    type_columns,
)
from hotel_booking.domains.search.index.layout import (
    EMPTY,
    FIRST_NIGHT,
    HEAP,
    LARGEST_PRICE,
    LISTS_AT,
    LISTS_SIZE,
    LIVE,
    NO_PRICE,
    NOT_ON_SALE,
    PAIRS,
    PROPERTIES,
    RATES,
    ROWS,
    SQL_ONLY,
    TYPES,
    VERSION,
    Array,
    Arrays,
    Lists,
    cell_of,
    put_lowest,
    put_slug,
    slot_of,
)
from hotel_booking.domains.search.index.listed import Listed, Of
from hotel_booking.domains.search.index.rules import Rules

_AHEAD = 1024  # columns that are emptied at a time
_MOST_FREE = 2**15 - 1


class IndexFull(Exception):  # caught by who builds the next file
    """The file has no room for more: another is to be built, with more of it."""


class Written(msgspec.Struct, frozen=True):
    """What became of a property's content: the columns whose nights are to be read now. Until `Writer.settle`
    a property that was not there before is left to SQL."""

    slot: int
    types: Sequence[int]
    rates: Sequence[Rate]


class Writer:
    """The arrays, for who alone writes them. `identity` is the database that they were loaded from. A VERSION
    that is odd when it begins means that another writer was ended in the middle: such a file is not taken
    over."""

    def __init__(self, arrays: Arrays, identity: str = "") -> None:
        self.arrays = arrays
        self.identity = identity
        self.header = header = arrays["header"]
        self._rolling = 0  # nights that are being read before the ring holds them
        listed = int(header[PROPERTIES])
        ids, states = arrays["id"][:listed], arrays["state"][:listed]
        self.slots: dict[int, int] = {int(ids[slot]): int(slot) for slot in np.flatnonzero(ids)}
        self.types: dict[int, int] = {}
        self.rates: dict[Rate, int] = {}
        for slot in np.flatnonzero(states):
            self._list_columns(int(slot))
        self._misfits = {int(slot) for slot in np.flatnonzero(states == SQL_ONLY)}
        self._rules = Rules(arrays)
        at, size = int(header[LISTS_AT]), int(header[LISTS_SIZE])
        lists = msgspec.json.decode(arrays["heap"][at : at + size].tobytes(), type=Lists) if size else Lists()
        self._lists = lists
        self._listed = Listed(lists)
        self._per_euro = lists.per_euro
        self._slugs = int(np.count_nonzero(arrays["by_slug"]))
        self._emptied = {TYPES: int(header[TYPES]), RATES: int(header[RATES])}
        self.bulk = False  # while a file is loaded nobody reads it: lists are written in the end

    # -- content ---------------------------------------------------------------------------------------------

    def put_property(self, content: bytes, region: int, own: Iterable[Rate]) -> Written:
        """A property on sale, new or changed: its catalogue as `rates.queries.catalogue_texts` gives it, its
        region, and which room types have nights of their own on a derived plan. Raises `IndexFull`."""
        catalogue = read_catalogue(content)
        arrays = self.arrays
        texts = zlib.compress(content, 1), brief_of(content), catalogue_pieces(catalogue)
        self._need(HEAP, arrays.capacity.heap, sum(map(len, texts)))
        slot = self._slot(catalogue)
        was = int(arrays["state"][slot])
        types, rates = [kind.id for kind in catalogue.room_types.values()], rates_of(catalogue, own)
        had_types, had_rates = (self.types_of(slot), self.rates_of(slot)) if was else ([], [])
        pairs = len(types) * len(catalogue.plans)
        first_type, first_rate = int(arrays["first_type"][slot]), int(arrays["first_rate"][slot])
        first_pair = int(arrays["first_pair"][slot])
        if not was or had_types != types:
            first_type = self._take(TYPES, arrays.capacity.types, len(types))
            self._copy(("free", "type_rule"), types, first_type, self.types)
        if not was or had_rates != rates:
            first_rate = self._take(RATES, arrays.capacity.rates, len(rates))
            self._copy(("price", "rate_rule"), rates, first_rate, self.rates)
        if not was or pairs > int(arrays["pairs"][slot]):
            first_pair = self._take(PAIRS, arrays.capacity.pairs, pairs)
        whole = was != LIVE
        new_types = [one for one in types if whole or one not in self.types]
        new_rates = [one for one in rates if whole or one not in self.rates]
        own_extras = [
            not whole and bool(arrays["rate_own_extras"][self.rates[one]]) if one in self.rates else 0
            for one in rates
        ]
        with self._changing():
            if whole:
                self._misfits.discard(slot)
            self._describe(slot, catalogue, region)
            if any(own_extras):
                arrays["least_adult"][slot] = arrays["least_child"][slot] = 0
            self._keep_content(slot, *texts)
            arrays["first_type"][slot], arrays["types"][slot] = first_type, len(types)
            arrays["first_rate"][slot], arrays["rates"][slot] = first_rate, len(rates)
            arrays["first_pair"][slot], arrays["pairs"][slot] = first_pair, pairs
            bands = len(catalogue.property.child_bands)
            self._put(first_type, type_columns(slot, list(catalogue.room_types.values()), bands), len(types))
            by_id = {one: first_type + place for place, one in enumerate(types)}
            asked = self._policy_places(slot, catalogue), self._deposit_places(slot, catalogue)
            columns = pair_columns(catalogue, first_type, first_rate, rates, *asked)
            self._put(first_pair, columns, pairs)
            rate_columns = {
                "rate_plan_id": [plan for _, plan in rates],
                "rate_type": [by_id[kind] for kind, _ in rates],
                "rate_own_extras": own_extras,
                "rate_always": sold_always(columns, first_rate, len(rates)),
            }
            self._put(first_rate, rate_columns, len(rates))
            put_lowest(arrays, np.full(ROWS, slot), np.arange(ROWS))
            arrays["version"][slot] += 1
            arrays["state"][slot] = SQL_ONLY if whole or slot in self._misfits else LIVE
            self.write_lists()
        self._forget(had_types, had_rates)
        self._list_columns(slot)
        return Written(slot, new_types, new_rates)

    def settle(self, slot: int) -> None:
        """All nights of a property were read: it is on sale from here, unless something did not fit."""
        self.arrays["state"][slot] = SQL_ONLY if slot in self._misfits else LIVE

    def remove(self, property_id: int) -> None:
        """A property that is no longer on sale."""
        slot = self.slots.get(property_id)
        if slot is None or not self.arrays["state"][slot]:
            return
        self._forget(self.types_of(slot), self.rates_of(slot))
        self._misfits.discard(slot)
        with self._changing():
            self.arrays["state"][slot] = EMPTY
            self.arrays["version"][slot] += 1

    def put_exchange_rates(self, per_euro: dict[str, Decimal]) -> None:
        """What one euro is worth in each currency that has a rate."""
        if per_euro != self._per_euro:
            self._per_euro = per_euro
            with self._changing():
                self.write_lists()

    def types_of(self, slot: int) -> list[int]:
        """The ids of the slot's room types, in order."""
        first, count = int(self.arrays["first_type"][slot]), int(self.arrays["types"][slot])
        found: list[int] = self.arrays["type_id"][first : first + count].tolist()
        return found

    def rates_of(self, slot: int) -> list[Rate]:
        """The slot's rates, in order."""
        first, count = int(self.arrays["first_rate"][slot]), int(self.arrays["rates"][slot])
        types = self.arrays["type_id"][self.arrays["rate_type"][first : first + count]].tolist()
        return list(zip(types, self.arrays["rate_plan_id"][first : first + count].tolist(), strict=True))

    # -- nights ----------------------------------------------------------------------------------------------

    def put_room_nights(self, nights: Array) -> None:
        """Room-nights as `reading.room_nights` gives them; those out of the ring, and of types that have no
        column, are passed over."""
        columns = columns_of(self.types, nights["type"])
        inside = self._in_ring(nights["day"]) & (columns >= 0)
        nights, columns = nights[inside], columns[inside]
        free, rows, slots = nights["free"], nights["day"] % ROWS, self.arrays["type_slot"][columns]
        self._misfit(slots[free > _MOST_FREE])
        self._put_rules("type_rule", rows, columns, self._numbers(nights["rule"], slots))
        self.arrays["free"][rows, columns] = np.minimum(free, _MOST_FREE)

    def put_rate_nights(self, nights: Array) -> list[Rate]:
        """Rate-nights as `reading.rate_nights` gives them, in the same way. Rates without a column are
        returned: where one is on a derived plan, its property has to be put again."""
        columns = columns_of(self.rates, nights["type"], nights["plan"])
        strange = nights[(columns < 0) & nights["there"].astype(bool)]
        inside = self._in_ring(nights["day"]) & (columns >= 0)
        nights, columns = nights[inside], columns[inside]
        price, rows = nights["price"], nights["day"] % ROWS
        slots = self.arrays["type_slot"][self.arrays["rate_type"][columns]]
        self._misfit(slots[price > LARGEST_PRICE])
        own = nights["extras"] != 0
        self.arrays["rate_own_extras"][columns[own]] = 1
        self.arrays["least_adult"][slots[own]] = self.arrays["least_child"][slots[own]] = 0
        self._put_rules("rate_rule", rows, columns, self._numbers(nights["rule"], slots))
        self.arrays["lowest"][rows, slots] = 0  # no hotel is thought dearer than it is
        self.arrays["price"][rows, columns] = np.where(price > LARGEST_PRICE, NO_PRICE, price)
        put_lowest(self.arrays, slots, rows)
        return list(dict.fromkeys(zip(strange["type"].tolist(), strange["plan"].tolist(), strict=True)))

    def begin_night(self) -> int:
        """Empty the row that the next night gets; its ordinal. The oldest night is read no more: it is past
        everywhere. The night's values are put then, and `end_night` moves the ring."""
        day = int(self.header[FIRST_NIGHT]) + ROWS
        types, rates = int(self.header[TYPES]), int(self.header[RATES])
        self.arrays["free"][day % ROWS, :types] = NOT_ON_SALE
        self.arrays["type_rule"][day % ROWS, :types] = 0
        self.arrays["price"][day % ROWS, :rates] = NO_PRICE
        self.arrays["rate_rule"][day % ROWS, :rates] = 0
        self.arrays["lowest"][day % ROWS, : int(self.header[PROPERTIES])] = NO_PRICE
        self._rolling = 1
        return day

    def end_night(self) -> None:
        """The ring holds the night that was begun."""
        self.header[FIRST_NIGHT] += 1
        self._rolling = 0

    def _in_ring(self, days: Array) -> Array:
        first = int(self.header[FIRST_NIGHT]) + self._rolling
        inside: Array = (days >= first) & (days < first + ROWS)
        return inside

    def _numbers(self, packed: Array, slots: Array) -> Array:
        """The numbers of the restrictions; properties whose are too many are left to SQL."""
        numbers, refused = self._rules.numbers(packed)
        self._misfit(slots[refused])
        return numbers

    def _put_rules(self, name: str, rows: Array, columns: Array, numbers: Array) -> None:
        # In a new file they are 0 already: a page that nobody writes to takes no room.
        if not self.bulk or numbers.any():
            self.arrays[name][rows, columns] = numbers

    def _misfit(self, slots: Array) -> None:
        for slot in np.unique(slots).tolist():
            self._misfits.add(slot)
            self.arrays["state"][slot] = SQL_ONLY

    # -- columns ---------------------------------------------------------------------------------------------

    def _slot(self, catalogue: Catalogue) -> int:
        """The property's slot: its own where it still stands in order there, else a new one at the end."""
        property_ = catalogue.property
        slot = self.slots.get(property_.id)
        if slot is not None and self.arrays["cell"][slot] == cell_of(property_.lat, property_.lon):
            return slot
        new = self._take(PROPERTIES, self.arrays.capacity.properties, 1)
        if slot is not None:
            with self._changing():
                self.remove(property_.id)
                self.arrays["id"][slot] = 0
        self.slots[property_.id] = new
        return new

    def _need(self, counter: int, capacity: int, count: int) -> int:
        first = int(self.header[counter])
        if first + count > capacity:
            raise IndexFull
        return first

    def _take(self, counter: int, capacity: int, count: int) -> int:
        """The first of so many neighbouring columns, empty ones."""
        first = self._need(counter, capacity, count)
        while counter in self._emptied and first + count > self._emptied[counter]:
            start = self._emptied[counter]
            end = min(start + max(_AHEAD, count), capacity)
            if counter == TYPES:
                self.arrays["free"][:, start:end] = NOT_ON_SALE
            else:
                self.arrays["price"][:, start:end] = NO_PRICE
            self._emptied[counter] = end
        self.header[counter] = first + count
        return first

    def _copy(self, names: Sequence[str], ids: Sequence[Any], first: int, places: Mapping[Any, int]) -> None:
        """What is there of the nights, to where the columns are now."""
        kept = [(first + place, places[one]) for place, one in enumerate(ids) if one in places]
        if kept:
            to, since = np.array(kept).T
            for name in names:
                self.arrays[name][:, to] = self.arrays[name][:, since]

    def _list_columns(self, slot: int) -> None:
        first = int(self.arrays["first_type"][slot])
        self.types.update((one, first + place) for place, one in enumerate(self.types_of(slot)))
        first = int(self.arrays["first_rate"][slot])
        self.rates.update((one, first + place) for place, one in enumerate(self.rates_of(slot)))

    def _forget(self, types: list[int], rates: list[Rate]) -> None:
        for kind in types:
            self.types.pop(kind, None)
        for rate in rates:
            self.rates.pop(rate, None)

    # -- what stands in the columns --------------------------------------------------------------------------

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """The catalogue is being changed. Where that fails VERSION stays odd, and nobody reads on."""
        outermost = self.header[VERSION] % 2 == 0
        self.header[VERSION] += outermost
        yield
        self.header[VERSION] += outermost

    def _put(self, first: int, columns: Mapping[str, Any], count: int) -> None:
        for name, values in columns.items():
            self.arrays[name][first : first + count] = values

    def _describe(self, slot: int, catalogue: Catalogue, region: int) -> None:
        """The property's own columns and its slug."""
        arrays, property_ = self.arrays, catalogue.property
        arrays["id"][slot] = property_.id
        # What a search finds it by must be known also where its prices are left to SQL.
        for name, value in property_columns(catalogue, region).items():
            arrays[name][slot] = value
        arrays["clock"][slot] = self._place(slot, "clocks", (property_.timezone, property_.day_end_time))
        arrays["taxes"][slot] = self._place(slot, "taxes", (property_.tax_rounding, catalogue.taxes))
        arrays["bands"][slot] = self._place(slot, "bands", tuple(property_.child_bands))
        if not fits(catalogue):
            self._misfits.add(slot)
        if slot_of(arrays, property_.slug) != slot:
            if self._slugs * 4 > len(arrays["by_slug"]) * 3:
                raise IndexFull
            put_slug(arrays, property_.slug, slot)
            self._slugs += 1

    def _place(self, slot: int, of: Of, value: Any) -> int:
        """The place of a value in a list; a property whose list has no room left is left to SQL."""
        place = self._listed.place(of, value)
        if place is None:
            self._misfits.add(slot)
        return place or 0

    def _policy_places(self, slot: int, catalogue: Catalogue) -> list[int]:
        """Where the policies of a property's plans are listed, in the order of these."""
        found = [catalogue.policy(plan) for plan in catalogue.plans.values()]
        nameless = [msgspec.structs.replace(policy, code="", name="") for policy in found]
        return [self._place(slot, "policies", policy) for policy in nameless]

    def _deposit_places(self, slot: int, catalogue: Catalogue) -> list[int]:
        """Where the deposits of a property's plans are listed, in the order of these."""
        return [self._place(slot, "deposits", plan.deposit) for plan in catalogue.plans.values()]

    def _keep_content(self, slot: int, packed: bytes, brief: bytes, pieces: bytes) -> None:
        heap, whole = self.arrays["heap"], packed + brief + pieces
        at = int(self.arrays["content_at"][slot])
        sizes = {"content_size": len(packed), "brief_size": len(brief), "pieces_size": len(pieces)}
        same = all(self.arrays[name][slot] == size for name, size in sizes.items())
        if not same or heap[at : at + len(whole)].tobytes() != whole:
            self.arrays["content_at"][slot] = self._append(whole)
            for name, size in sizes.items():
                self.arrays[name][slot] = size

    def _append(self, text: bytes) -> int:
        at = self._take(HEAP, self.arrays.capacity.heap, len(text))
        self.arrays["heap"][at : at + len(text)] = np.frombuffer(text, "u1")
        return at

    def write_lists(self) -> None:
        """The lists into the heap, if they have changed; not while a file is loaded that nobody reads yet."""
        lists = self._listed.lists(self._per_euro)
        if self.bulk or lists == self._lists:
            return
        text = msgspec.json.encode(lists)
        self.header[LISTS_AT] = self._append(text)
        self.header[LISTS_SIZE] = len(text)
        self._lists = lists
