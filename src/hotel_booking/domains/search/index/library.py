"""The library that is built of the C files here, and its structures: their fields stand as they stand there.

It is built with the package (`hatch_build.py`); `LIBRARY` is None where it is not, or of other files.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import PYFUNCTYPE, Structure, c_char_p, c_int64, c_void_p
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.layout import Array

# As in index.h, area.c and stays.c.
MOST_NIGHTS, MOST_TAXES = 64, 8
ENTRY, NIGHT = 6, 8  # in numbers
MOST_KINDS = 9  # of rooms in one party
MOST_SCHEMES = 64  # different ones in one search; among hotels all over the world NumPy serves
DONE, TOO_MANY = 0, 2
RANGES = 2  # of meridians

POINTERS = (
    "free", "type_rule", "price", "rate_rule", "lowest",
    "first_type", "types", "first_rate", "rates", "first_pair", "pairs",
    "taxes", "currency", "bands",
    "base_occupancy", "max_occupancy", "max_adults", "max_children", "extra_adult", "child_amounts",
    "rate_type", "rate_own_extras", "rate_always",
    "pair_type", "pair_rate", "pair_own", "adjust_kind", "adjust_value",
    "min_advance", "max_advance", "min_stay", "max_stay", "meal",
    "state", "id", "region", "version", "cell", "lat", "lon", "x", "y", "z", "stars", "country", "clock",
    "pair_plan", "amenities", "name", "off_share", "off_night", "off_person",
    "most_base", "least_adult", "least_child",
    "content_at", "content_size", "brief_size", "pieces_size", "policy",
    "rule_flags", "rule_min_arrival", "rule_min_through", "rule_max", "heap",
)  # fmt: skip


class Index(Structure):
    """Where the arrays are, and how long."""

    _fields_ = (
        *((f"size_{name}", c_int64) for name in ("rows", "properties", "types", "rates", "pairs", "heap")),
        *((name, c_void_p) for name in POINTERS),
    )


Gives = PYFUNCTYPE(c_int64, c_int64, c_int64, c_int64)


# What each search asks is packed: to make a structure of so many fields takes longer. `Area` of area.c:
# used, sorted, shape, ranges; x, y, z, radius_km, south, north, west and east of each range;
# country, region, stars, asks_amenities; amenities; arrival, clocks; today.
AREA = Struct(f"4q{6 + 2 * RANGES}d4q{layout.AMENITY_WORDS}Q2qP")
# `Stay` of stays.c: first_row, nights, rooms, kinds; each; rules; through, arrival, departure; meals,
# compares, least, most, sort, wanted, lazy; gives; follows, value, then, id.
STAY = Struct("4qPq3P7qP4q")
# `Results` of written.c: form and its size; nights, rooms, on_circle; currency; by_price; worth.
RESULTS = Struct("P6qP")


class Calendar(Structure):
    """Of which nights of a hotel is asked."""

    _fields_ = tuple(
        (name, c_int64)
        for name in (
            *("slot", "first_row", "nights", "ahead", "types", "plans", "only_type", "only_plan", "rules"),
            "dated",
        )
    )


class Found(Structure):
    """What was found in an area."""

    _fields_ = (
        *((name, c_int64) for name in ("hotels", "past", "schemes")),
        ("key", c_int64 * MOST_SCHEMES),
        ("of_scheme", c_int64 * MOST_SCHEMES),
    )


class Text(Structure):
    """Bytes, which somebody else keeps."""

    _fields_ = (("text", c_char_p), ("size", c_int64))


def text_of(text: bytes) -> Text:
    """The same, for as long as the bytes are kept."""
    return Text(text, len(text))


class Word(Structure):
    """A code, and what people read."""

    _fields_ = (("code", Text), ("label", Text))


class Offers(Structure):
    """What is written of offers, and of which."""

    _fields_ = (
        *((name, Text) for name in ("form", "line", "stage", "sign")),
        ("nights", c_int64),
        ("days", c_char_p),
        *((name, c_int64) for name in ("digits", "rooms", "kinds")),
        *((name, c_void_p) for name in ("kind_of", "schemes", "words")),
        ("taxes", c_int64),
        *((name, c_void_p) for name in ("tax", "included")),
        ("plans", c_int64),
        ("terms", c_void_p),
    )


class Counts(Structure):
    """What was found for a page."""

    _fields_ = tuple((name, c_int64) for name in ("results", "sold", "left"))


class Picked(NamedTuple):
    """A result: its key, what tells its content, and the pair that it sells for the total of the party."""

    value: int
    then: int
    id: int
    slot: int
    version: int
    content_at: int
    metres: int
    pair: int
    type_place: int  # in the content, and so the plan
    plan: int
    total: int
    left: int
    meal: int
    policy: int  # in the lists, and so the clock
    clock: int


def _source_hash(folder: Path) -> bytes:
    files = sorted(folder.glob("*.[ch]"))
    return sha256(b"".join(file.read_bytes() for file in files)).hexdigest().encode()


def address_of(array: Array) -> int:
    """Where an array's numbers stand."""
    address: int = array.__array_interface__["data"][0]
    return address


class Addresses:
    """The addresses of arrays that are the same ones in most searches."""

    def __init__(self) -> None:
        self._known: dict[str | int, tuple[object, Sequence[int]]] = {}

    def of(self, name: str | int, arrays: tuple[Array, ...]) -> Sequence[int]:
        """Those of the arrays that go by a name."""
        known = self._known.get(name)
        if known is None or known[0] is not arrays[0]:
            known = self._known[name] = arrays[0], [address_of(array) for array in arrays]
        return known[1]


def _load() -> ctypes.PyDLL | None:
    path = Path(__file__).with_name("libstays.so")
    if not path.exists():
        return None
    library = ctypes.PyDLL(str(path))  # holds the interpreter's lock: a search takes less than a switch
    built_from = getattr(library, "source", None)
    if built_from is None:
        return None
    built_from.restype = c_char_p
    if built_from() != _source_hash(path.parent):
        return None  # a checkout that has moved on since
    # Addresses are plain numbers, which costs less than pointers of a kind.
    at, packed = c_void_p, c_char_p
    library.inside.argtypes = at, packed, c_int64, *(at,) * 5
    library.page.argtypes = at, packed, *(at,) * 5, c_int64, *(at,) * 4
    library.write_results.argtypes = at, packed, packed, at, c_int64, at, c_int64, at
    library.offers.argtypes = at, packed, c_int64, c_int64, at, at, c_int64, at, c_int64, at
    library.write_offers.argtypes = at, at, c_int64, at, c_int64, at, c_int64, at
    library.calendar.argtypes = at, at, at, at
    return library


LIBRARY = _load()
