"""Which properties lie where, and what is known of them besides their nights."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from functools import lru_cache
from itertools import count
from typing import NamedTuple, TypeVar

import msgspec
import numpy as np

from hotel_booking.core.dates import business_date, business_day_end
from hotel_booking.core.lru_cache import LruCache
from hotel_booking.domains.properties.destinations import Destination
from hotel_booking.domains.rates.cancellation import deadlines
from hotel_booking.domains.rates.queries import Catalogue, read_catalogue
from hotel_booking.domains.rates.restrictions import Restriction
from hotel_booking.domains.rates.types import Fee
from hotel_booking.domains.search import area
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.brief import Named, read_brief, read_named
from hotel_booking.domains.search.index.compiled import Compiled
from hotel_booking.domains.search.index.layout import Array, Arrays, Lists
from hotel_booking.domains.search.index.library import LIBRARY
from hotel_booking.domains.search.types import Around, Box, FoundProperty, SearchRequest, Within

_ATTEMPTS = 3
_REMEMBERED = 4096  # properties of which is kept decoded what results say, some 4 KB each
_CATALOGUES = 256  # properties whose whole catalogue is kept decoded, some 100 KB each

T = TypeVar("T")
_NUMBERS = count()


class Content(NamedTuple):
    """What results say of a property."""

    property: FoundProperty
    room_types: tuple[Named, ...]
    plans: tuple[Named, ...]


class Found(NamedTuple):
    """Properties: their slots, and their distances in metres where a point was asked for."""

    slots: Array
    metres: Array | None


class Limits(NamedTuple):
    """What each rule refuses to a stay of so many nights: a stay over the night, one that arrives on it, one
    that departs on it."""

    through: Array
    arrival: Array
    departure: Array


class Version(NamedTuple):
    """A version of a property's content, in one file of the index."""

    file: int
    slot: int
    number: int


class IndexView:
    """The arrays as they are read. Whoever reads more than one thing of them does so in `read`."""

    def __init__(self, arrays: Arrays) -> None:
        # Tells the views of a process apart: in another file the same number may be another rule.
        self.number = next(_NUMBERS)
        self.arrays = arrays
        self.header = arrays["header"].data  # a view of memory tells its numbers at a third of the cost
        self._heap = arrays["heap"].data
        self.compiled = None if LIBRARY is None else Compiled(arrays, LIBRARY)
        self.content = lru_cache(maxsize=_REMEMBERED)(self._content)
        self.catalogue = lru_cache(maxsize=_CATALOGUES)(self._catalogue)
        self._clocks_in = lru_cache(maxsize=_REMEMBERED)(self._clocks)
        self.deadlines = lru_cache(maxsize=_REMEMBERED)(self._deadlines)
        self.restriction = lru_cache(maxsize=layout.MAX_RULES)(self._restriction)
        self.destinations: LruCache[tuple[str, str], tuple[datetime, Destination]] = LruCache(
            "destinations", _REMEMBERED
        )
        self._limits: tuple[int, dict[int, Limits]] = (0, {})
        # Many hotels have the same room types and plans.
        self._named = lru_cache(maxsize=_REMEMBERED)(read_named)
        self._lists: tuple[tuple[int, int], Lists] = ((-1, -1), Lists())
        self._todays: dict[tuple[str, time], tuple[datetime, datetime, int]] = {}
        self._days = (
            Lists(),
            datetime.min.replace(tzinfo=UTC),
            datetime.min.replace(tzinfo=UTC),
            np.zeros(0, np.int64),
        )

    @property
    def complete(self) -> bool:
        """Whether everything was loaded."""
        return bool(self.header[layout.COMPLETE])

    def read(self, compute: Callable[[], T]) -> T | None:
        """What `compute` finds, from a catalogue that stood still meanwhile; None where it would not."""
        for _ in range(_ATTEMPTS):
            version = self.header[layout.VERSION]
            if version % 2:
                continue
            try:
                answer = compute()
            except Exception:
                # What was half written may be read as anything; what was whole is a mistake of ours.
                if self.header[layout.VERSION] == version:
                    raise
                continue
            if self.header[layout.VERSION] == version:
                return answer
        return None

    def holds(self, first: int, last: int) -> bool:
        """Whether all days between two (ordinals, both included) are rows of the ring."""
        oldest = self.header[layout.FIRST_NIGHT]
        return oldest <= first and last < oldest + layout.ROWS

    @property
    def lists(self) -> Lists:
        """The lists that columns are places in, decoded once."""
        at = self.header[layout.LISTS_AT], self.header[layout.LISTS_SIZE]
        if self._lists[0] != at:
            self._lists = at, msgspec.json.decode(self.text(*at), type=Lists) if at[1] else Lists()
        return self._lists[1]

    @property
    def lists_at(self) -> int:
        """Where the lists stand, which tells them from those that come later."""
        return self.header[layout.LISTS_AT]

    def _deadlines(
        self, _lists_at: int, policy: int, clock: int, arrival: date
    ) -> list[tuple[datetime | None, Fee]]:
        """From when on which fee is taken of who cancels, by the places of the policy and the clock."""
        return deadlines(self.lists.policies[policy], arrival, self.lists.clocks[clock][0])

    def text(self, at: int, size: int) -> bytes:
        """Bytes of the heap."""
        return bytes(self._heap[at : at + size])

    def raw_content(self, slot: int) -> bytes:
        """A property's whole content: JSON."""
        at, size = int(self.arrays["content_at"][slot]), int(self.arrays["content_size"][slot])
        return zlib.decompress(self.text(at, size))

    def content_of(self, slot: int) -> Content:
        """A property's content."""
        return self.content(slot, int(self.arrays["version"][slot]), int(self.arrays["content_at"][slot]))

    def contents(self, slots: Array) -> list[Content]:
        """The contents of several properties."""
        arrays = self.arrays
        versions, at = arrays["version"][slots].tolist(), arrays["content_at"][slots].tolist()
        return list(map(self.content, slots.tolist(), versions, at))

    def _content(self, slot: int, version: int, at: int) -> Content:
        del version  # it only tells one content from the next
        arrays = self.arrays
        start = at + int(arrays["content_size"][slot])
        said = read_brief(self.text(start, int(arrays["brief_size"][slot])))
        return Content(
            said.property.found,
            self._named(bytes(said.room_types)),
            self._named(bytes(said.plans)),
        )

    def slot(self, slug: str) -> int | None:
        """The slot of a property that the arrays know all of; None for any other."""
        slot = layout.slot_of(self.arrays, slug)
        if slot is None or int(self.arrays["state"][slot]) != layout.LIVE:
            return None
        return slot if self.content_of(slot).property.slug == slug else None

    def version(self, slug: str) -> Version | None:
        """Which version of a property the arrays have: another one after any change of what it says of itself
        (its row, city, room types, plans, policies, taxes, photos, texts in other languages). None where they
        do not know it."""
        slot = self.slot(slug)
        return None if slot is None else Version(self.number, slot, int(self.arrays["version"][slot]))

    def catalogue_of(self, slot: int) -> Catalogue:
        """A property's whole catalogue, as `load_catalogue` gives it."""
        return self.catalogue(slot, int(self.arrays["version"][slot]), int(self.arrays["content_at"][slot]))

    def _catalogue(self, slot: int, version: int, at: int) -> Catalogue:
        del version, at
        return read_catalogue(self.raw_content(slot))

    def limits(self, nights: int) -> Limits:
        """The rules as look-up tables for stays of so many nights. Ask after the numbers were read, so that
        rules that came meanwhile are there."""
        count = self.header[layout.RULES]
        known, tables = self._limits
        if known != count:
            tables = {}
            self._limits = count, tables
        if nights not in tables:
            arrays = self.arrays
            flags, longest = arrays["rule_flags"][:count], arrays["rule_max"][:count]
            through = ((flags & layout.CLOSED) != 0) | (arrays["rule_min_through"][:count] > nights)
            arrival = (
                through
                | ((flags & layout.TO_ARRIVAL) != 0)
                | (arrays["rule_min_arrival"][:count] > nights)
                | ((longest > 0) & (longest < nights))
            )
            tables[nights] = Limits(through, arrival, (flags & layout.TO_DEPARTURE) != 0)
        return tables[nights]

    def _restriction(self, number: int) -> Restriction:
        """What a rule restricts."""
        arrays = self.arrays
        flags = int(arrays["rule_flags"][number])
        return Restriction(
            closed=bool(flags & layout.CLOSED),
            min_stay_arrival=int(arrays["rule_min_arrival"][number]) or None,
            min_stay_through=int(arrays["rule_min_through"][number]) or None,
            max_stay=int(arrays["rule_max"][number]) or None,
            closed_to_arrival=bool(flags & layout.TO_ARRIVAL),
            closed_to_departure=bool(flags & layout.TO_DEPARTURE),
        )

    def inside(self, where: Around | Box | Within, request: SearchRequest | None = None) -> Found:
        """The properties of an area that are on sale and pass the request's filters on properties."""
        arrays = self.arrays
        metres = None
        if isinstance(where, Within):
            slots = self._within(where)
            keep = arrays["state"][slots] != layout.EMPTY
        else:
            south, north, meridians = area.bounds(where)
            slots = self._near(south, north, meridians)
            lats, lons = arrays["lat"][slots], arrays["lon"][slots]
            keep = arrays["state"][slots] != layout.EMPTY
            if isinstance(where, Around):
                near, metres = area.distances(where, lats, lons)
                keep &= near
            else:
                keep &= (lats >= south) & (lats <= north)
                sides = [(lons >= west) & (lons <= east) for west, east in meridians]
                keep &= sides[0] if len(sides) == 1 else sides[0] | sides[1]
        if request is not None and request.stars:
            keep &= np.isin(arrays["stars"][slots], request.stars)
        if request is not None and request.amenities:
            keep &= self._has(slots, request.amenities)
        return Found(slots[keep], None if metres is None else metres[keep])

    def earliest(self, where: Around | Box | Within, now: datetime) -> int | None:
        """The earliest today of the properties in an area, and of those in the corners of a circle's box;
        None where there is none."""
        clocks = self._clocks_in(where, self.header[layout.VERSION])
        return int(self.days(now)[clocks].min()) if len(clocks) else None

    def _clocks(self, where: Around | Box | Within, _version: int) -> Array:
        """The different clocks of those properties, in a version of the catalogue."""
        if isinstance(where, Around):
            south, north, meridians = area.bounds(where)
            slots = self._near(south, north, meridians)
            lats, lons = self.arrays["lat"][slots], self.arrays["lon"][slots]
            keep = (self.arrays["state"][slots] != layout.EMPTY) & (lats >= south) & (lats <= north)
            sides = [(lons >= west) & (lons <= east) for west, east in meridians]
            slots = slots[keep & (sides[0] if len(sides) == 1 else sides[0] | sides[1])]
        else:
            slots = self.inside(where).slots
        return np.unique(self.arrays["clock"][slots])

    def todays(self, slots: Array, now: datetime) -> Array:
        """Each property's own today, as an ordinal."""
        found: Array = self.days(now)[self.arrays["clock"][slots]]
        return found

    def today(self, slot: int, now: datetime) -> int:
        """A property's own today, as an ordinal."""
        return int(self.days(now)[self.arrays["clock"][slot]])

    def days(self, now: datetime) -> Array:
        """The today of each of the clocks, as an ordinal."""
        lists, (known, since, until, days) = self.lists, self._days
        if known is not lists or not since <= now < until:
            days = np.array([self._today(clock, now) for clock in lists.clocks], np.int64)
            spans = [self._todays[clock] for clock in lists.clocks]
            since = max((span[0] for span in spans), default=now)
            until = min((span[1] for span in spans), default=now)
            self._days = lists, since, until, days
        return days

    def _today(self, clock: tuple[str, time], now: datetime) -> int:
        since, until, today = self._todays.get(clock, (now, now, 0))
        if not since <= now < until:
            day = business_date(now, *clock)
            since, until, today = now, business_day_end(day, *clock), day.toordinal()
            self._todays[clock] = since, until, today
        return today

    def _near(self, south: float, north: float, meridians: list[tuple[float, float]]) -> Array:
        """Slots among which are all between two parallels and meridians: those of the rows of cells that the
        area touches, and all that stand in no order."""
        cells = self.arrays["cell"][: self.header[layout.SORTED]]
        rows = np.arange(int((south + 90) * 4), int((north + 90) * 4) + 1) * 1000
        parts = []
        for west, east in meridians:
            first = np.searchsorted(cells, rows + west + 180)
            last = np.searchsorted(cells, rows + east + 180, "right")
            parts += [np.arange(a, b) for a, b in zip(first.tolist(), last.tolist(), strict=True) if a < b]
        parts.append(np.arange(len(cells), self.header[layout.PROPERTIES]))
        return np.concatenate(parts)

    def _within(self, where: Within) -> Array:
        properties = self.header[layout.PROPERTIES]
        of_country = self.arrays["country"][:properties] == layout.letters_code(where.country)
        if where.region is not None:
            of_country &= self.arrays["region"][:properties] == where.region
        return np.flatnonzero(of_country)

    def _has(self, slots: Array, amenities: tuple[int, ...]) -> Array:
        words = np.zeros(layout.AMENITY_WORDS, np.uint64)
        for code in amenities:
            if not 0 <= code < 64 * layout.AMENITY_WORDS:
                return np.zeros(len(slots), bool)
            words[code // 64] |= np.uint64(1) << np.uint64(code % 64)
        has: Array = ((self.arrays["amenities"][slots] & words) == words).all(axis=1)
        return has


def are_one(values: Array) -> bool:
    """Whether there are numbers, and all are the same one."""
    return bool(len(values) and (values == values[0]).all())
