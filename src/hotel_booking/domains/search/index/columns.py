"""What stands in a property's columns, computed from its catalogue. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hotel_booking.core.folding import sort_form
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.queries import Catalogue
from hotel_booking.domains.search.area import on_sphere
from hotel_booking.domains.search.index.layout import (
    AMENITY_WORDS,
    AMOUNT,
    AMOUNT_PER_PERSON,
    BANDS,
    NO_ADJUSTMENT,
    NONE,
    PERCENT,
    Array,
    cell_of,
    letters_code,
)

Rate = tuple[int, int]
"""A room type's id and a plan's."""

_LETTERS = re.compile(r"[A-Z]{2,3}").fullmatch
_BITS = 64
_OFF = {"off_share": PERCENT, "off_night": AMOUNT, "off_person": AMOUNT_PER_PERSON}


def rates_of(catalogue: Catalogue, own: Iterable[Rate]) -> list[Rate]:
    """The rates that have columns, type by type: on each plan that something is priced at, and on derived
    plans where there are nights with restrictions of their own (`own`)."""
    priced = list(dict.fromkeys(plan.price_plan_id for plan in catalogue.plans.values()))
    restricted = set(own)
    return [
        (kind.id, plan)
        for kind in catalogue.room_types.values()
        for plan in (
            *priced,
            *(p.id for p in catalogue.plans.values() if p.parent_id and (kind.id, p.id) in restricted),
        )
    ]


def fits(catalogue: Catalogue) -> bool:
    """Whether the columns have room for everything that the search reads of it."""
    property_ = catalogue.property
    return (
        len(property_.child_bands) <= BANDS
        and all(0 <= code < AMENITY_WORDS * _BITS for code in property_.amenities)
        and _LETTERS(property_.country) is not None
        and _LETTERS(property_.currency) is not None
    )


def property_columns(catalogue: Catalogue, region: int) -> dict[str, object]:
    """Of a property, all that needs no look at other properties; what does not fit is left out."""
    property_ = catalogue.property
    words = [0] * AMENITY_WORDS
    for code in property_.amenities:
        if 0 <= code < AMENITY_WORDS * _BITS:
            words[code // _BITS] |= 1 << code % _BITS
    return {
        "id": property_.id,
        "cell": cell_of(property_.lat, property_.lon),
        "lat": property_.lat,
        "lon": property_.lon,
        **dict(zip("xyz", on_sphere(property_.lat, property_.lon), strict=True)),
        "stars": property_.stars,
        "country": letters_code(property_.country) if _LETTERS(property_.country) else 0,
        "region": region,
        "currency": letters_code(property_.currency) if _LETTERS(property_.currency) else 0,
        "amenities": np.array(words, "u8"),
        "name": sort_form(property_.name).encode()[:40],
        **{name: _most_off(catalogue, kind) for name, kind in _OFF.items()},
        **_least_extras(list(catalogue.room_types.values()), len(property_.child_bands)),
    }


def _most_off(catalogue: Catalogue, kind: int) -> int:
    """The most that a plan with this kind of adjustment takes off; 0 where none does."""
    plans = [plan for plan in catalogue.plans.values() if _adjustment(plan) == kind]
    return max([0, *(-(plan.adjust_value or 0) for plan in plans)])


def _least_extras(types: Sequence[RoomType], bands: int) -> dict[str, object]:
    """What any of the types charges at least for extra persons."""
    return {
        "most_base": max((kind.base_occupancy for kind in types), default=0),
        "least_adult": min((kind.extra_adult for kind in types), default=0),
        "least_child": np.array(_child_amounts(types, bands) or [[0] * BANDS], "i8").min(axis=0),
    }


def _child_amounts(types: Sequence[RoomType], bands: int) -> list[list[int]]:
    """By type and child band; a band without an amount is free."""
    return [[*kind.child_amounts[:bands], *[0] * BANDS][:BANDS] for kind in types]


def type_columns(slot: int, types: Sequence[RoomType], bands: int) -> dict[str, object]:
    """Of room types, in order."""
    return {
        "type_id": [kind.id for kind in types],
        "type_slot": [slot] * len(types),
        "base_occupancy": [kind.base_occupancy for kind in types],
        "max_occupancy": [kind.max_occupancy for kind in types],
        "max_adults": [kind.max_adults for kind in types],
        "max_children": [kind.max_children for kind in types],
        "extra_adult": [kind.extra_adult for kind in types],
        "child_amounts": np.array(_child_amounts(types, bands), "i8").reshape(len(types), BANDS),
    }


def pair_columns(
    catalogue: Catalogue,
    first_type: int,
    first_rate: int,
    rates: Sequence[Rate],
    policies: list[int],
    deposits: list[int],
) -> dict[str, Any]:
    """Of room types on plans, in order of types and there of plans. `policies` and `deposits`: the places of
    those of the plans, in their order."""
    types, plans = list(catalogue.room_types.values()), list(catalogue.plans.values())
    places: Mapping[Rate, int] = {rate: first_rate + place for place, rate in enumerate(rates)}
    each = len(types)

    def tiled(values: list[int]) -> Array:
        return np.tile(np.array(values, "i8"), each)

    return {
        "pair_type": np.repeat(np.arange(first_type, first_type + each), len(plans)),
        "pair_rate": [places[kind.id, plan.price_plan_id] for kind in types for plan in plans],
        "pair_own": [
            places.get((kind.id, plan.id), NONE) if plan.parent_id else NONE
            for kind in types
            for plan in plans
        ],
        "pair_plan": tiled(list(range(len(plans)))),
        "adjust_kind": tiled([_adjustment(plan) for plan in plans]),
        "adjust_value": tiled([plan.adjust_value or 0 for plan in plans]),
        "min_advance": tiled([_limit(plan.min_advance_days) for plan in plans]),
        "max_advance": tiled([_limit(plan.max_advance_days) for plan in plans]),
        "min_stay": tiled([_limit(plan.min_stay) for plan in plans]),
        "max_stay": tiled([_limit(plan.max_stay) for plan in plans]),
        "meal": tiled([plan.meal for plan in plans]),
        "policy": tiled(policies),
        "deposit": tiled(deposits),
    }


def sold_always(pairs: Mapping[str, Any], first_rate: int, rates: int) -> Array:
    """Of a property's rates, on which of them a pair of these columns is sold on all nights that they have a
    price, whatever the days before the arrival and the length of the stay."""
    limited = (np.asarray(pairs["pair_own"]) != NONE) | (pairs["min_advance"] > 0) | (pairs["min_stay"] > 1)
    limited |= (pairs["max_advance"] != NONE) | (pairs["max_stay"] != NONE)
    found = np.zeros(rates, "u1")
    found[np.asarray(pairs["pair_rate"], "i8")[~limited] - first_rate] = 1
    return found


def columns_of(places: Mapping[Any, int], *keys: Array) -> Array:
    """The column of each row, or NONE. Rows of one key mostly follow each other, so each run is looked up."""
    if not len(keys[0]):
        return np.zeros(0, "i8")
    differs = np.zeros(len(keys[0]) - 1, bool)
    for key in keys:
        differs |= key[1:] != key[:-1]
    starts = np.concatenate(([0], np.flatnonzero(differs) + 1))
    runs = [key[starts].tolist() for key in keys]
    wanted = runs[0] if len(keys) == 1 else zip(*runs, strict=True)
    found = np.array([places.get(one, NONE) for one in wanted], "i8")
    columns: Array = np.repeat(found, np.diff(np.concatenate((starts, [len(keys[0])]))))
    return columns


def _limit(value: int | None) -> int:
    return NONE if value is None else value


def _adjustment(plan: RatePlan) -> int:
    if plan.adjust_kind is None:
        return NO_ADJUSTMENT
    if plan.adjust_kind == "percent":
        return PERCENT
    return AMOUNT_PER_PERSON if plan.adjust_per_person else AMOUNT
