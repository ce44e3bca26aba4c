"""Price schemes: taxes, currency and child bands taken together. Hotels of one scheme compute prices alike,
so compiled code is given a scheme for each kind of room of a party instead of each hotel's own rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ctypes import Array as Fixed
from ctypes import Structure, addressof, c_int64, c_void_p
from datetime import date, timedelta
from fractions import Fraction

from hotel_booking.core.money import step
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.rates import stay_taxes
from hotel_booking.domains.rates.types import MILLION, PER_PERSON, PER_STAY, Occupancy
from hotel_booking.domains.search.find import LAST
from hotel_booking.domains.search.index import layout
from hotel_booking.domains.search.index.charges import (
    ANY_DAY,
    Taxation,
    in_bands,
    taxation,
    values_of,
)
from hotel_booking.domains.search.index.layout import Arrays, Lists
from hotel_booking.domains.search.index.library import MOST_NIGHTS, MOST_TAXES

_REMEMBERED = 4096

Pointers = Fixed[c_void_p]


class Scheme(Structure):
    """What a room of so many persons costs beside its nights, for one number of nights and one currency that
    totals are compared in."""

    _fields_ = (
        *((name, c_int64) for name in ("key", "persons", "adults", "children")),
        ("in_band", c_int64 * layout.BANDS),
        *((name, c_int64) for name in ("step", "up", "down", "last", "per_line", "plain", "fixed", "taxes")),
        ("value", c_int64 * MOST_TAXES),
        ("applies", c_int64 * MOST_NIGHTS),
        ("included", c_int64 * MOST_NIGHTS),
        ("due", c_int64 * MOST_NIGHTS),
        ("due_once", c_int64),
    )


class Taxes(Structure):
    """The taxes of one room of a party, one by one."""

    _fields_ = (
        *((name, c_int64) for name in ("per_line", "taxes")),
        *((name, c_int64 * MOST_TAXES) for name in ("percent", "included", "value", "counted", "once")),
        ("applies", c_int64 * MOST_NIGHTS),
    )


class Schemes:
    """The schemes of one file's arrays, remembered: there are few of them, and they are made slowly."""

    def __init__(self) -> None:
        self._lists: Lists | None = None
        self._dated: tuple[bool, ...] = ()
        self._any_dated = False
        self._schemes: dict[tuple[object, ...], Scheme | None] = {}
        self._pointers: dict[tuple[object, ...], tuple[Pointers, Sequence[Structure]] | None] = {}

    def pointers(
        self,
        lists: Lists,
        keys: Sequence[int],
        kinds: Sequence[Occupancy],
        arrival: date,
        nights: int,
        exchange: Exchange | None,
    ) -> Pointers | None:
        """Where the schemes of these keys are, of each one for each kind of room, whose totals are turned
        into the exchange's target where there is one; None where taxes are of a kind that only NumPy
        computes. Raises `TooLarge`."""
        if not self.are_dated(lists, keys):
            arrival = ANY_DAY
        target = None if exchange is None else exchange.target
        asked = (*keys, *kinds, nights, arrival, target)
        found = self._pointers.get(asked)
        if found is None and asked not in self._pointers:
            schemes = [
                self._scheme(key, kind, nights, arrival, exchange, lists) for key in keys for kind in kinds
            ]
            found = self._pointers[asked] = _pointers(schemes)
        return found[0] if found else None

    def single_nights(
        self, lists: Lists, key: int, occupancy: Occupancy, first: date, nights: int
    ) -> Pointers | None:
        """The same of one key, for each of so many nights from `first` on as a stay of its own."""
        days = [first + timedelta(days=number) for number in range(nights)]
        schemes = [self._scheme(key, occupancy, 1, day, None, lists) for day in days]
        found = _pointers(schemes)
        return None if found is None else found[0]

    def of_rooms(
        self, lists: Lists, key: int, kinds: Sequence[Occupancy], arrival: date, nights: int
    ) -> tuple[Pointers, Pointers] | None:
        """The schemes of one key for rooms of different kinds, and their taxes one by one; None as above."""
        if not self.are_dated(lists, [key]):
            arrival = ANY_DAY
        found = []
        for make in (self._scheme_of_room, _taxes):
            asked = (make, key, *kinds, arrival, nights)
            if asked not in self._pointers:
                made = [make(lists, key, kind, arrival, nights) for kind in kinds]
                self._pointers[asked] = _pointers(made)
            kept = self._pointers[asked]
            if kept is None:
                return None
            found.append(kept[0])
        return found[0], found[1]

    def _scheme_of_room(
        self, lists: Lists, key: int, occupancy: Occupancy, arrival: date, nights: int
    ) -> Scheme | None:
        return self._scheme(key, occupancy, nights, arrival, None, lists)

    def are_dated(self, lists: Lists, keys: Iterable[int]) -> bool:
        """Whether any of the taxes of these keys applies at some times only."""
        if self._lists is not lists or len(self._schemes) + len(self._pointers) > _REMEMBERED:
            self._lists, self._schemes, self._pointers = lists, {}, {}
            self._dated = tuple(
                any(tax.valid_from is not None or tax.valid_to is not None for tax in taxes)
                for _, taxes in lists.taxes
            )
            self._any_dated = any(self._dated)
        return self._any_dated and any(self._dated[key >> 32] for key in keys)

    def _scheme(
        self,
        key: int,
        occupancy: Occupancy,
        nights: int,
        arrival: date,
        exchange: Exchange | None,
        lists: Lists,
    ) -> Scheme | None:
        known = (key, occupancy, nights, arrival, None if exchange is None else exchange.target)
        if known not in self._schemes:
            rounding, taxes = lists.taxes[key >> 32]
            currency = layout.letters(key >> 16 & 0xFFFF)
            least = step(currency)
            self._schemes[known] = _scheme(
                key,
                lists.bands[key & 0xFFFF],
                occupancy,
                least,
                taxation(rounding, taxes, arrival, nights, occupancy, least),
                Fraction(1) if exchange is None else exchange.factor(currency),
                LAST + int(currency, 36),
            )
        return self._schemes[known]


def key_of(arrays: Arrays, slot: int) -> int:
    """The key of a slot's scheme, which names its taxes, currency and child bands."""
    taxes, currency, bands = (int(arrays[name][slot]) for name in ("taxes", "currency", "bands"))
    return taxes << 32 | currency << 16 | bands


def _taxes(lists: Lists, key: int, occupancy: Occupancy, arrival: date, nights: int) -> Taxes | None:
    """None where there are more of them than it holds."""
    rounding, taxes = lists.taxes[key >> 32]
    if len(taxes) > MOST_TAXES or any(tax.kind == "percent" and tax.value > MILLION for tax in taxes):
        return None
    counted = [stay_taxes.counted(tax, occupancy) for tax in taxes]
    values = values_of(taxes, counted, nights, step(layout.letters(key >> 16 & 0xFFFF)))
    percent = [tax.kind == "percent" for tax in taxes]
    numbers = c_int64 * MOST_TAXES
    return Taxes(
        rounding == "line",
        len(taxes),
        numbers(*percent),
        numbers(*[tax.included for tax in taxes]),
        numbers(
            *[
                value * (1 if share else many)
                for value, share, many in zip(values, percent, counted, strict=True)
            ]
        ),
        numbers(*counted),
        numbers(
            *[
                not share and tax.charge_type in (PER_STAY, PER_PERSON) and tax.in_effect(arrival)
                for tax, share in zip(taxes, percent, strict=True)
            ]
        ),
        (c_int64 * MOST_NIGHTS)(
            *[
                sum(
                    stay_taxes.applies(tax, arrival + timedelta(days=number), arrival, number) << place
                    for place, tax in enumerate(taxes)
                )
                for number in range(nights)
            ]
        ),
    )


def _pointers(schemes: Sequence[Structure | None]) -> tuple[Pointers, Sequence[Structure]] | None:
    """With what is pointed to, which has to stay meanwhile."""
    kept = [scheme for scheme in schemes if scheme is not None]
    return ((c_void_p * len(kept))(*map(addressof, kept)), kept) if len(kept) == len(schemes) else None


def _scheme(
    key: int,
    bands: Sequence[int],
    occupancy: Occupancy,
    least: int,
    taxes: Taxation,
    factor: Fraction | None,
    last: int,
) -> Scheme | None:
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
    if len(values) > MOST_TAXES or largest > MILLION or max(up, down) >= 2**60:
        return None
    grown = sum(age >= (bands[-1] + 1 if bands else 0) for age in occupancy.children)
    return Scheme(
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
        (c_int64 * MOST_TAXES)(*[value for _, value in values]),
        (c_int64 * MOST_NIGHTS)(*applies),
        (c_int64 * MOST_NIGHTS)(*[night.included_ppm for night in taxes.nights]),
        (c_int64 * MOST_NIGHTS)(*[sum(night.included_fixed) for night in taxes.nights]),
        sum(taxes.stay_due),
    )
