"""What one hotel sells for a stay, by compiled code: in numbers, or as JSON."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import addressof, c_int64
from datetime import datetime

import msgspec
import numpy as np

from hotel_booking.core.dates import Stay
from hotel_booking.core.formats import currency_sign
from hotel_booking.core.money import exponent
from hotel_booking.domains.rates.pricing import banded_children, extra_adults
from hotel_booking.domains.rates.stay_taxes import tax_words
from hotel_booking.domains.rates.types import ChildBand, Occupancy
from hotel_booking.domains.search.form import OfferForm
from hotel_booking.domains.search.index import layout, library
from hotel_booking.domains.search.index.layout import BANDS, Array, Arrays, Lists
from hotel_booking.domains.search.index.library import (
    DONE,
    MOST_NIGHTS,
    TOO_MANY,
    Addresses,
    Index,
    Word,
    address_of,
    text_of,
)
from hotel_booking.domains.search.index.schemes import Pointers, Schemes, key_of
from hotel_booking.domains.search.index.terms import KeptTerms

_TOLD = 16 * 1024  # numbers that there is room for at first
_WRITTEN = 128 * 1024  # bytes, likewise
_GROWN = 8
_OF_A_PAGE = (0,) * 12  # what a stay has beyond that
_REMEMBERED = 4096
_MOST_KINDS = 32  # as in written.c


class _Asked(msgspec.Struct):
    """What is asked of a hotel. `limits` are `IndexView.limits` of the stay, `ahead` the days before the
    arrival, `kinds` the different rooms of the party."""

    lists: Lists
    limits: tuple[Array, Array, Array]
    slot: int
    stay: Stay
    rooms: int
    ahead: int
    kinds: Sequence[Occupancy]


class _Words(msgspec.Struct):
    """What all hotels of one scheme say alike to rooms of certain kinds; `kept` is what is pointed to."""

    words: ctypes.Array[Word]
    tax: ctypes.Array[Word]
    included: ctypes.Array[c_int64]
    digits: int
    sign: bytes
    kept: list[bytes]


class CompiledOffers:
    """The offers of one file's hotels."""

    def __init__(
        self, index: Index, code: ctypes.PyDLL, arrays: Arrays, schemes: Schemes, addresses: Addresses
    ) -> None:
        self._kept, self._index = index, addressof(index)
        self._library, self._arrays = code, arrays
        self._schemes, self._addresses = schemes, addresses
        self._told = np.empty(_TOLD, np.int64)
        self._text = np.empty(_WRITTEN, np.uint8)
        self._terms = KeptTerms()
        self._lists: Lists | None = None
        self._words: dict[tuple[int, tuple[Occupancy, ...]], _Words] = {}

    def told(
        self,
        lists: Lists,
        limits: tuple[Array, Array, Array],
        slot: int,
        stay: Stay,
        rooms: int,
        ahead: int,
        kinds: Sequence[Occupancy],
    ) -> list[int] | None:
        """What a slot sells to so many rooms of these kinds, `ahead` days before the arrival, in numbers as
        `offers` in `stays.c` has them; None where only Python can tell. Raises `TooLarge`."""
        asked = _Asked(lists, limits, slot, stay, rooms, ahead, kinds)
        priced = self._priced(asked)
        if priced is None:
            return None
        numbers: list[int] = self._told[: priced[1]].tolist()
        return numbers

    def written(
        self,
        lists: Lists,
        limits: tuple[Array, Array, Array],
        slot: int,
        stay: Stay,
        party: Sequence[Occupancy],
        ahead: int,
        form: OfferForm,
        now: datetime,
    ) -> bytes | None:
        """The same as the form has it, the cheapest first, with commas between; None too where there is
        nothing."""
        kinds = tuple(dict.fromkeys(party))
        if len(kinds) > _MOST_KINDS:
            return None
        asked = _Asked(lists, limits, slot, stay, len(party), ahead, kinds)
        priced = self._priced(asked)
        if priced is None or not priced[1]:
            return None
        schemes, size = priced
        arrays = self._arrays
        pair = int(arrays["first_pair"][slot])
        plans = int(arrays["pairs"][slot]) // int(arrays["types"][slot])
        policies, deposits = (arrays[name][pair : pair + plans] for name in ("policy", "deposit"))
        clock = int(arrays["clock"][slot])
        terms = self._terms.pointers(lists, policies, deposits, clock, stay.arrival, now)
        if terms is None:
            return None
        words = self._words_of(lists, key_of(arrays, slot), kinds)
        places = {kind: place for place, kind in enumerate(kinds)}
        kind_of = (c_int64 * len(party))(*[places[room] for room in party])
        offers = library.Offers(
            *map(text_of, (*form, words.sign)),
            stay.nights,
            "".join([night.isoformat() for night in stay]).encode(),
            words.digits,
            len(party),
            len(kinds),
            addressof(kind_of),
            addressof(schemes),
            addressof(words.words),
            len(words.tax),
            addressof(words.tax),
            addressof(words.included),
            len(terms),
            addressof(terms),
        )
        used = c_int64()
        while True:
            text = self._text
            known = self._library.write_offers(
                self._index,
                addressof(offers),
                slot,
                address_of(self._told),
                size,
                address_of(text),
                len(text),
                addressof(used),
            )
            if known != TOO_MANY:
                return text[: used.value].tobytes() if known == DONE else None
            self._text = np.empty(len(text) * _GROWN, np.uint8)

    def _priced(self, asked: _Asked) -> tuple[Pointers, int] | None:
        """The schemes of the kinds of rooms, and how many numbers tell what is sold."""
        stay, lists = asked.stay, asked.lists
        if stay.nights > MOST_NIGHTS:
            return None
        key = key_of(self._arrays, asked.slot)
        found = self._schemes.of_rooms(lists, key, asked.kinds, stay.arrival, stay.nights)
        if found is None:
            return None
        first_row, where = (
            stay.arrival.toordinal() % layout.ROWS,
            self._addresses.of(stay.nights, asked.limits),
        )
        of_stay = library.STAY.pack(
            first_row, stay.nights, asked.rooms, 0, 0, len(asked.limits[0]), *where, *_OF_A_PAGE
        )
        used = c_int64()
        while True:
            told = self._told
            known = self._library.offers(
                self._index, of_stay, asked.slot, asked.ahead, *found, len(asked.kinds), address_of(told),
                len(told), addressof(used),
            )  # fmt: skip
            if known != TOO_MANY:
                return (found[0], used.value) if known == DONE else None
            self._told = np.empty(len(told) * _GROWN, np.int64)

    def _words_of(self, lists: Lists, key: int, kinds: tuple[Occupancy, ...]) -> _Words:
        if self._lists is not lists or len(self._words) > _REMEMBERED:
            self._lists, self._words = lists, {}
        found = self._words.get((key, kinds))
        if found is None:
            found = self._words[key, kinds] = _words(lists, key, kinds)
        return found


def _words(lists: Lists, key: int, kinds: Sequence[Occupancy]) -> _Words:
    kept: list[bytes] = []
    currency = layout.letters(key >> 16 & 0xFFFF)

    def word(code: str, label: str) -> Word:
        texts = [msgspec.json.encode(text)[1:-1] for text in (code, label)]
        kept.extend(texts)
        return Word(*map(text_of, texts))

    said = []
    for kind in kinds:
        bands = [ChildBand(age) for age in lists.bands[key & 0xFFFF]]
        children = dict(banded_children(bands, kind.children))
        adults = extra_adults(0)
        said.append(word(adults.code, adults.label))
        for band in range(BANDS):
            child = children.get(band)
            said.append(Word() if child is None else word(child.code, child.label))
    taxes = [tax_words(tax) for tax in lists.taxes[key >> 32][1]]
    return _Words(
        (Word * len(said))(*said),
        (Word * len(taxes))(*[word(code, label) for code, label, *_ in taxes]),
        (c_int64 * len(taxes))(*[included for _, _, included, *_ in taxes]),
        exponent(currency),
        currency_sign(currency).encode(),
        kept,
    )
