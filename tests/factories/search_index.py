"""What stands in a search index, told by ids and dates instead of places: two files that say the same are
equal here, however their columns came to be where they are."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.search.index.layout import (
    FIRST_NIGHT,
    LARGEST_PRICE,
    LISTS_AT,
    LISTS_SIZE,
    NO_PRICE,
    NONE,
    NOT_ON_SALE,
    PROPERTIES,
    ROWS,
    SQL_ONLY,
    Arrays,
    Lists,
    slot_of,
)
from hotel_booking.domains.search.index.view import IndexView

_PROPERTY = ("state", "cell", "lat", "lon", "stars", "country", "region", "currency", "name")
_TYPE = ("base_occupancy", "max_occupancy", "max_adults", "max_children", "extra_adult", "child_amounts")
_PAIR = (
    "pair_plan",
    "adjust_kind",
    "adjust_value",
    "min_advance",
    "max_advance",
    "min_stay",
    "max_stay",
    "meal",
)
_RULE = ("rule_flags", "rule_min_arrival", "rule_min_through", "rule_max")


def told(arrays: Arrays) -> dict[str, Any]:
    """Everything that readers of the file are told."""
    header = arrays["header"]
    lists = lists_of(arrays)
    return {
        "first": date.fromordinal(int(header[FIRST_NIGHT])),
        "per_euro": lists.per_euro,
        "properties": {
            int(arrays["id"][slot]): _property(arrays, slot, lists)
            for slot in range(int(header[PROPERTIES]))
            if arrays["state"][slot]
        },
    }


def lists_of(arrays: Arrays) -> Lists:
    """The lists in the heap."""
    at, size = int(arrays["header"][LISTS_AT]), int(arrays["header"][LISTS_SIZE])
    return msgspec.json.decode(arrays["heap"][at : at + size].tobytes(), type=Lists) if size else Lists()


def _property(arrays: Arrays, slot: int, lists: Lists) -> dict[str, Any]:
    view = IndexView(arrays)
    content = msgspec.json.decode(view.raw_content(slot))
    found: dict[str, Any] = {name: arrays[name][slot].tolist() for name in _PROPERTY} | {
        "amenities": arrays["amenities"][slot].tolist(),
        "content": content,
        "brief": view.content_of(slot),
        "found by its slug": slot_of(arrays, content["property"]["slug"]) == slot,
    }
    if found["state"] != SQL_ONLY:
        found |= {
            "clock": lists.clocks[arrays["clock"][slot]],
            "taxes": lists.taxes[arrays["taxes"][slot]],
            "bands": lists.bands[arrays["bands"][slot]],
        }
    first, count = int(arrays["first_type"][slot]), int(arrays["types"][slot])
    found["types"] = [_type(arrays, slot, column) for column in range(first, first + count)]
    first, count = int(arrays["first_rate"][slot]), int(arrays["rates"][slot])
    rates = {_rate(arrays, column): column for column in range(first, first + count)}
    found["nights of rates"] = {
        rate: nights for rate, column in rates.items() if (nights := _rate_nights(arrays, column))
    }
    columns = arrays["price"][:, first : first + count].astype("i8")
    lowest = np.where(columns == NO_PRICE, LARGEST_PRICE + 1, columns).min(axis=1, initial=LARGEST_PRICE + 1)
    found["lowest"] = np.where(lowest > LARGEST_PRICE, NO_PRICE, lowest).tolist()
    assert arrays["lowest"][:, slot].tolist() == found["lowest"]
    first, count = int(arrays["first_pair"][slot]), int(arrays["pairs"][slot])
    found["pairs"] = [_pair(arrays, column) for column in range(first, first + count)]
    return found


def _type(arrays: Arrays, slot: int, column: int) -> dict[str, Any]:
    assert arrays["type_slot"][column] == slot
    first = int(arrays["header"][FIRST_NIGHT])
    nights = {}
    for day in range(first, first + ROWS):
        free = int(arrays["free"][day % ROWS, column])
        rule = _rule(arrays, int(arrays["type_rule"][day % ROWS, column]))
        if free != NOT_ON_SALE:
            nights[date.fromordinal(day)] = (free, *rule)
        else:
            assert not any(rule)
    return {
        "id": int(arrays["type_id"][column]),
        **{name: arrays[name][column].tolist() for name in _TYPE},
        "nights": nights,
    }


def _rate(arrays: Arrays, column: int) -> tuple[int, int]:
    return int(arrays["type_id"][arrays["rate_type"][column]]), int(arrays["rate_plan_id"][column])


def _rate_nights(arrays: Arrays, column: int) -> dict[date, tuple[int, ...]]:
    first = int(arrays["header"][FIRST_NIGHT])
    nights = {}
    for day in range(first, first + ROWS):
        price = int(arrays["price"][day % ROWS, column])
        rule = _rule(arrays, int(arrays["rate_rule"][day % ROWS, column]))
        if price != NO_PRICE or any(rule):
            nights[date.fromordinal(day)] = (price, int(arrays["rate_own_extras"][column]), *rule)
    return nights


def _rule(arrays: Arrays, number: int) -> tuple[int, ...]:
    return tuple(int(arrays[name][number]) for name in _RULE)


def _pair(arrays: Arrays, column: int) -> dict[str, Any]:
    own = int(arrays["pair_own"][column])
    return {
        "type": int(arrays["type_id"][arrays["pair_type"][column]]),
        "rate": _rate(arrays, int(arrays["pair_rate"][column])),
        # A column of its own without a restriction restricts as much as none.
        "own": _rate(arrays, own) if own != NONE and _rate_nights(arrays, own) else None,
        **{name: arrays[name][column].tolist() for name in _PAIR},
    }


async def quiet(db: Database) -> None:
    """Until all transactions are over that run in the cluster now, in databases of other tests too: the
    oldest one that runs anywhere says how far changes are known to be complete."""
    oldest = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    async with db.reading() as tx:
        begun = await tx.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        for _ in range(1_000):
            if await tx.fetchval(oldest) >= begun:
                return
            await asyncio.sleep(0.02)
    pytest.fail("some transaction of the cluster went on for 20 seconds")
