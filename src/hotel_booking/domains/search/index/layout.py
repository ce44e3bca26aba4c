"""The arrays of the search index and the file that they are mapped from.

A slot is a property's place in the arrays. Its room types have neighbouring columns, in the order that the
hotel lists them; so have its rates (a room type on a plan that has nights of its own) and its pairs (a room
type on a plan, as it is sold, in the order of types and there of plans, which is the order of equal prices).
Nights are the rows of a ring, so that the nights of a stay are rows, and what is read of them lies together:

    free [night, type]   price [night, rate]   slot ──► types  t0 t1 t2 …
    n0   3  1  0 …        n0   12900 …                  rates  r0 r1 …   (type, plan with nights of its own)
    n1   2  1  4 …        n1   13900 …                  pairs  p0 p1 …   (type, plan) ─► type, rate, own

Everything is a fixed number of bytes, little-endian; texts and rules stand in the heap at the file's end,
which only grows. A night of a room type costs 4 bytes and one of a rate 6.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from hotel_booking.domains.rates.types import CancellationPolicy, Deposit, Tax

FORMAT = 8
ROWS = 416  # nights in the ring: 400 to sell, and room for days that differ over the earth
NOT_ON_SALE = -32768  # in `free`: the night has no inventory
NO_PRICE = -1
NONE = -1  # wherever a column refers to nothing
LARGEST_PRICE = 2**31 - 1
MAX_RULES = 2**16
BANDS = 4  # child bands that have a column; a property with more is left to SQL
AMENITY_WORDS = 16  # of 64 codes each

EMPTY, LIVE, SQL_ONLY = 0, 1, 2

Array = npt.NDArray[Any]


class Capacity(msgspec.Struct, frozen=True):
    """How much fits. The file is sparse, so what is not used costs nothing."""

    properties: int
    types: int
    rates: int
    pairs: int
    heap: int  # bytes

    @property
    def slugs(self) -> int:
        """Places in the table of slugs: a power of two, at most half of them taken."""
        return 1 << (2 * self.properties).bit_length()


# name: (dtype, dimensions). A dimension is a field of `Capacity`, ROWS, or a number.
ARRAYS: Mapping[str, tuple[str, tuple[str | int, ...]]] = {
    # counters and positions: see the names below
    "header": ("i8", (64,)),
    # nights
    "free": ("i2", (ROWS, "types")),  # rooms that can be sold; negative where more was sold than there is
    "type_rule": ("u2", (ROWS, "types")),  # place in `rules`; 0 restricts nothing
    "price": ("i4", (ROWS, "rates")),  # minor units, or NO_PRICE
    "rate_rule": ("u2", (ROWS, "rates")),
    # the lowest price of a property's rates, or NO_PRICE; less than that while its prices are written
    "lowest": ("i4", (ROWS, "properties")),
    # restrictions by number: each different one stands once; 0 stands for None
    "rule_flags": ("u1", (MAX_RULES,)),  # CLOSED | TO_ARRIVAL | TO_DEPARTURE
    "rule_min_arrival": ("i2", (MAX_RULES,)),
    "rule_min_through": ("i2", (MAX_RULES,)),
    "rule_max": ("i2", (MAX_RULES,)),
    # properties, by slot. The first SORTED of them rise by `cell`; those that came later follow in no order.
    "state": ("u1", ("properties",)),  # EMPTY, LIVE or SQL_ONLY
    "id": ("i4", ("properties",)),
    "cell": ("f8", ("properties",)),
    "lat": ("f8", ("properties",)),
    "lon": ("f8", ("properties",)),
    # the same as a point of a sphere of radius 1, which distances are told by without sines
    "x": ("f8", ("properties",)),
    "y": ("f8", ("properties",)),
    "z": ("f8", ("properties",)),
    "stars": ("i1", ("properties",)),
    "country": ("u2", ("properties",)),  # letters_code
    "region": ("i4", ("properties",)),  # GeoNames id of its place's region; 0: none
    "currency": ("u2", ("properties",)),  # letters_code
    "amenities": ("u8", ("properties", AMENITY_WORDS)),
    # the most that one of its plans takes off: parts per million; of a night; of a night for each person
    "off_share": ("i4", ("properties",)),
    "off_night": ("i8", ("properties",)),
    "off_person": ("i8", ("properties",)),
    # the most persons that one of its types has in its price, and the least that a type charges for another
    # one: nothing where `rate_own_extras` says that some night charges otherwise
    "most_base": ("i2", ("properties",)),
    "least_adult": ("i8", ("properties",)),
    "least_child": ("i8", ("properties", BANDS)),
    "name": ("S40", ("properties",)),  # the first bytes of its sort form
    "clock": ("u2", ("properties",)),  # place in the heap's list of (time zone, end of day)
    "taxes": ("u2", ("properties",)),  # place in the heap's list of (rounding, taxes)
    "bands": ("u2", ("properties",)),  # place in the heap's list of child bands
    "first_type": ("i4", ("properties",)),
    "types": ("i4", ("properties",)),
    "first_rate": ("i4", ("properties",)),
    "rates": ("i4", ("properties",)),
    "first_pair": ("i4", ("properties",)),
    "pairs": ("i4", ("properties",)),
    # of the heap: the catalogue, JSON as `load_catalogue` reads it, packed by zlib; behind it `brief.Brief`,
    # and behind that what `brief.pieces_of` says
    "content_at": ("i8", ("properties",)),
    "content_size": ("i4", ("properties",)),
    "brief_size": ("i4", ("properties",)),
    "pieces_size": ("i4", ("properties",)),
    "version": ("i4", ("properties",)),  # counts what was written over the property's content
    "slug_hash": ("u8", ("properties",)),
    "by_slug": ("i4", ("slugs",)),  # slot + 1 at the first place from its hash on that was empty; 0: empty
    # room types, by column
    "type_id": ("i4", ("types",)),
    "type_slot": ("i4", ("types",)),
    "base_occupancy": ("i2", ("types",)),
    "max_occupancy": ("i2", ("types",)),
    "max_adults": ("i2", ("types",)),
    "max_children": ("i2", ("types",)),
    "extra_adult": ("i8", ("types",)),
    "child_amounts": ("i8", ("types", BANDS)),
    # rates, by column
    "rate_plan_id": ("i4", ("rates",)),
    "rate_type": ("i4", ("rates",)),
    # 1: some night of the ring has amounts of its own for extra persons. They are not here: such parties are
    # left to SQL.
    "rate_own_extras": ("u1", ("rates",)),
    # 1: some plan is sold on all its nights, whatever the days before and the length of the stay
    "rate_always": ("u1", ("rates",)),
    # pairs
    "pair_type": ("i4", ("pairs",)),
    "pair_rate": ("i4", ("pairs",)),  # whose prices it is sold at
    "pair_own": ("i4", ("pairs",)),  # a derived plan's own rate, whose restrictions count too; NONE
    "pair_plan": ("u2", ("pairs",)),  # place of the plan in the property's content
    "adjust_kind": ("u1", ("pairs",)),  # NO_ADJUSTMENT, PERCENT, AMOUNT or AMOUNT_PER_PERSON
    "adjust_value": ("i8", ("pairs",)),
    "min_advance": ("i2", ("pairs",)),  # NONE: no limit, and so the next three
    "max_advance": ("i2", ("pairs",)),
    "min_stay": ("i2", ("pairs",)),
    "max_stay": ("i2", ("pairs",)),
    "meal": ("i2", ("pairs",)),
    "policy": ("u2", ("pairs",)),  # place in the heap's list of policies
    "deposit": ("u2", ("pairs",)),  # place in the heap's list of deposits
    "heap": ("u1", ("heap",)),
}
CLOSED, TO_ARRIVAL, TO_DEPARTURE = 1, 2, 4
NO_ADJUSTMENT, PERCENT, AMOUNT, AMOUNT_PER_PERSON = 0, 1, 2, 3

# Places in `header`. VERSION is odd while the catalogue is being written: who reads sees it before and after,
# and reads again where it differs. Nights are written without it: each is whole in itself; a quote checks.
FORMAT_AT, VERSION, PROPERTIES, SORTED, TYPES, RATES, PAIRS, RULES, HEAP = range(9)
FIRST_NIGHT = 9  # ordinal of the oldest night in the ring; the newest is ROWS - 1 later
COMPLETE = 10  # 1 once everything was loaded
HORIZON = 11  # transactions below it are in the index (xid8)
FOLLOWED = 12  # when the writer last knew itself to be in step, microseconds since 1970
LISTS_AT, LISTS_SIZE = 13, 14  # of the heap: `Lists`, JSON


class Lists(msgspec.Struct, frozen=True):
    """What the columns `clock`, `taxes`, `bands`, `policy` and `deposit` are places in, and what one euro is
    worth in each currency that has a rate (the euro too): the JSON in the heap at LISTS_AT. Taxes are in the
    order that prices list them, bands by their highest ages, policies without their names."""

    clocks: tuple[tuple[str, time], ...] = ()  # time zone, and when the day ends there
    taxes: tuple[tuple[Literal["line", "sum"], tuple[Tax, ...]], ...] = ()
    bands: tuple[tuple[int, ...], ...] = ()
    policies: tuple[CancellationPolicy, ...] = ()
    deposits: tuple[Deposit, ...] = ()
    per_euro: dict[str, Decimal] = {}


def micros_of(instant: datetime) -> int:
    """An instant as FOLLOWED has it."""
    return round(instant.timestamp() * 1_000_000)


def instant_of(micros: int) -> datetime:
    """The same read back."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC)


@lru_cache(maxsize=1024)
def letters_code(letters: str) -> int:
    """Two or three capital letters as a number."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 65
    return number


@lru_cache(maxsize=1024)
def letters(code: int) -> str:
    """The three capital letters whose number `letters_code` is."""
    return chr(65 + code // 676) + chr(65 + code // 26 % 26) + chr(65 + code % 26)


def cell_of(lat: float, lon: float) -> float:
    """Where a property stands among the sorted: by quarter degrees from the south, there from the west."""
    return int((lat + 90) * 4) * 1000 + lon + 180


class Arrays(dict[str, Array]):
    """All arrays of one file, mapped. `arrays["free"]` and so on; `writable` maps it for the writer."""

    def __init__(self, path: Path, *, writable: bool = False) -> None:
        super().__init__()
        self._path = path
        with path.open("r+b" if writable else "rb") as file:
            self.capacity = _read_capacity(file.read(_PREFIX), path)
            access = mmap.ACCESS_WRITE if writable else mmap.ACCESS_READ
            self._map = mmap.mmap(file.fileno(), 0, access=access)
        for name, (kind, shape, start) in places(self.capacity).items():
            count = int(np.prod(shape))
            self[name] = np.frombuffer(self._map, np.dtype(kind), count, start).reshape(shape)

    def touch(self) -> None:
        """Map what is used of the file, so that the first searches do not wait for each page of it: 64 KB at
        once, which is how much the kernel maps around a byte that is read. A gigabyte takes a tenth of a
        second where it is in memory already; other threads go on meanwhile."""
        header = self["header"]
        used = {size: int(header[counter]) for size, counter in _COUNTED.items()}
        for name, (kind, dimensions) in ARRAYS.items():
            each = max(1, _AROUND // np.dtype(kind).itemsize)
            if dimensions[0] == ROWS:
                self[name][:, : used[str(dimensions[1])] : each].max(initial=0)
            elif dimensions[0] in used and kind[0] != "S":
                each = max(1, each // int(np.prod(self[name].shape[1:], dtype=int)))
                self[name][: used[str(dimensions[0])] : each].max(initial=0)

    def bytes_used(self) -> int:
        """What the file takes of the disk, and of memory at most: less than its size."""
        return self._path.stat().st_blocks * 512 if self._path.exists() else 0


def hash_of(slug: str) -> int:
    """The number by which a property is looked up."""
    return int.from_bytes(blake2b(slug.encode(), digest_size=8).digest(), "little")


def put_slug(arrays: Arrays, slug: str, slot: int) -> None:
    """Enter a property into the table of slugs; one that was entered before is found at its new slot."""
    table, hashes = arrays["by_slug"], arrays["slug_hash"]
    number = hash_of(slug)
    hashes[slot] = number
    place = number % len(table)
    while table[place] and hashes[table[place] - 1] != number:
        place = (place + 1) % len(table)
    table[place] = slot + 1


def slot_of(arrays: Arrays, slug: str) -> int | None:
    """The slot of a property, or None. Who asks makes sure that its content is of this slug."""
    table, hashes = arrays["by_slug"], arrays["slug_hash"]
    number = hash_of(slug)
    place = number % len(table)
    for _ in range(len(table)):
        slot = int(table[place]) - 1
        if slot < 0 or hashes[slot] == number:
            return slot if slot >= 0 else None
        place = (place + 1) % len(table)
    return None


def put_lowest(arrays: Arrays, slots: Array, rows: Array) -> None:
    """Find the lowest price of each of these properties' nights."""
    nights = np.unique(slots.astype("i8") * ROWS + rows)
    for group in np.split(nights, np.flatnonzero(np.diff(nights // ROWS)) + 1):
        of_slot = int(group[0]) // ROWS if len(group) else 0
        first, count = int(arrays["first_rate"][of_slot]), int(arrays["rates"][of_slot])
        prices = arrays["price"][group % ROWS, first : first + count].view("u4")
        arrays["lowest"][group % ROWS, of_slot] = prices.min(axis=1, initial=_HIGHEST).view("i4")


_HIGHEST = np.uint32(2**32 - 1)  # NO_PRICE, read without a sign
_PREFIX = 4096
_AROUND = 64 * 1024
_COUNTED = {"properties": PROPERTIES, "types": TYPES, "rates": RATES, "pairs": PAIRS, "heap": HEAP}


def places(capacity: Capacity) -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Of each array its dtype, shape, and first byte in the file."""
    found = {}
    start = _PREFIX
    for name, (kind, dimensions) in ARRAYS.items():
        shape = tuple(size if isinstance(size, int) else int(getattr(capacity, size)) for size in dimensions)
        found[name] = ("<" + kind if kind[0] != "S" else kind, shape, start)
        start += -(-int(np.prod(shape)) * np.dtype(kind).itemsize // _PREFIX) * _PREFIX
    return found


def create(path: Path, capacity: Capacity) -> None:
    """An empty file of the capacity. It is sparse: only what is written takes room."""
    kind, shape, start = places(capacity)["heap"]
    with path.open("wb") as file:
        file.write(msgspec.json.encode(capacity))
        os.ftruncate(file.fileno(), start + -(-shape[0] * np.dtype(kind).itemsize // _PREFIX) * _PREFIX)
    arrays = Arrays(path, writable=True)
    arrays["header"][FORMAT_AT] = FORMAT
    arrays["header"][RULES] = 1  # the first restricts nothing


def _read_capacity(prefix: bytes, path: Path) -> Capacity:
    try:
        return msgspec.json.decode(prefix.rstrip(b"\0"), type=Capacity)
    except msgspec.DecodeError:
        raise ValueError(f"{path} is no search index") from None
