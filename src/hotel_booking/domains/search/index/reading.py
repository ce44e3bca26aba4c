"""What the search index reads of the database: properties as they are sold, and nights by the thousand.

Nights come as PostgreSQL's binary COPY, whose rows are all of one length here, so that NumPy reads them where
they lie. A night's restrictions are one number: three flags, and three limits of 15 bits each (0: none).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import msgspec
import numpy as np

from hotel_booking.core.db import Transaction
from hotel_booking.domains.rates.queries import catalogue_texts
from hotel_booking.domains.search.index.columns import Rate
from hotel_booking.domains.search.index.layout import NO_PRICE, NOT_ON_SALE, Array

Days = tuple[int, int]
"""Two ordinals: the first night, and the one after the last."""

_HEAD = 19  # bytes before the first row of a COPY; after the last there are two


def _rows(**columns: str) -> np.dtype[np.void]:
    fields = [("fields", ">i2")]
    for name, kind in columns.items():
        fields += [(f"{name} bytes", ">i4"), (name, kind)]
    return np.dtype(fields)


_ROOMS = _rows(type=">i4", day=">i4", free=">i4", rule=">i8")
_RATES = _rows(type=">i4", plan=">i4", day=">i4", price=">i8", extras=">i4", there=">i4", rule=">i8")

_RULE = """(n.closed::int + 2 * n.closed_to_arrival::int + 4 * n.closed_to_departure::int
  + (coalesce(n.min_stay_arrival, 0)::bigint << 3) + (coalesce(n.min_stay_through, 0)::bigint << 18)
  + (coalesce(n.max_stay, 0)::bigint << 33))"""
_DAY = "(n.night - '0001-01-01'::date + 1)"
_KEPT = f"""SELECT n.room_type_id, {_DAY}, n.free, {_RULE}
  FROM free_rooms({{first}}, {{last}}, {{now}}) n WHERE n.room_type_id = ANY ({{types}})"""
_KEPT_RATES = f"""SELECT n.room_type_id, n.rate_plan_id, {_DAY}, coalesce(n.price, {NO_PRICE}),
       (n.extra_adult IS NOT NULL OR n.child_amounts IS NOT NULL)::int, 1, {_RULE}
  FROM rate_night n WHERE n.room_type_id = ANY ({{types}}) AND n.rate_plan_id = ANY ({{plans}})
   AND n.night BETWEEN {{first}} AND {{last}}"""
# Each night that is asked for has a row, also where there is none any more.
_NIGHTS = f"""SELECT k.type, k.day, coalesce(n.free, {NOT_ON_SALE}), coalesce({_RULE}, 0)
  FROM unnest({{types}}, {{days}}) AS k(type, day)
  LEFT JOIN free_rooms({{first}}, {{last}}, {{now}}) n
    ON n.room_type_id = k.type AND n.night = '0001-01-01'::date + (k.day - 1)"""
_RATE_NIGHTS = f"""SELECT k.type, k.plan, k.day, coalesce(n.price, {NO_PRICE}),
       coalesce((n.extra_adult IS NOT NULL OR n.child_amounts IS NOT NULL)::int, 0),
       (n.night IS NOT NULL)::int, coalesce({_RULE}, 0)
  FROM unnest({{types}}, {{plans}}, {{days}}) AS k(type, plan, day)
  LEFT JOIN rate_night n ON n.room_type_id = k.type AND n.rate_plan_id = k.plan
                        AND n.night = '0001-01-01'::date + (k.day - 1)"""

_REGIONS = """
SELECT p.id, coalesce(c.region, 0) AS region FROM property p LEFT JOIN place c ON c.id = p.place_id
 WHERE p.id = ANY ($1::int[]) AND p.active
"""
# Derived plans: which have nights of their own.
_OWN = """
SELECT t.property_id, t.id AS room_type_id, r.id AS rate_plan_id
  FROM room_type t JOIN rate_plan r ON r.property_id = t.property_id AND r.parent_id IS NOT NULL AND r.active
 WHERE t.property_id = ANY ($1::int[]) AND t.active
   AND EXISTS (SELECT FROM rate_night n WHERE n.room_type_id = t.id AND n.rate_plan_id = r.id)
"""


class OnSale(msgspec.Struct, frozen=True):
    """A property that is on sale, as `Writer.put_property` takes it."""

    id: int
    content: bytes
    region: int
    own: tuple[Rate, ...]


class _Numbered(msgspec.Struct, frozen=True):
    id: int


class _Headed(msgspec.Struct, frozen=True):
    property: _Numbered


async def properties(tx: Transaction, ids: Sequence[int]) -> list[OnSale]:
    """Those of the properties that are on sale, in the order of `ids`."""
    texts = {
        msgspec.json.decode(text, type=_Headed).property.id: text for text in await catalogue_texts(tx, ids)
    }
    regions = {row["id"]: row["region"] for row in await tx.fetch(_REGIONS, ids)}
    own: dict[int, tuple[Rate, ...]] = {}
    for row in await tx.fetch(_OWN, ids):
        rate = row["room_type_id"], row["rate_plan_id"]
        own[row["property_id"]] = (*own.get(row["property_id"], ()), rate)
    return [OnSale(i, texts[i], regions.get(i, 0), own.get(i, ())) for i in ids if i in texts]


async def kept_room_nights(tx: Transaction, types: Iterable[int], days: Days, now: datetime) -> Array:
    """All nights of the room types that there are on these days."""
    first, last = _date(days[0]), _date(days[1] - 1)
    query = _KEPT.format(first=first, last=last, now=_instant(now), types=_ids(types))
    return _read(await tx.copied(query), _ROOMS)


async def kept_rate_nights(tx: Transaction, rates: Iterable[Rate], days: Days) -> Array:
    """All nights of these rates (or more) that there are on these days."""
    rates = list(rates)
    types, plans = _ids({kind for kind, _ in rates}), _ids({plan for _, plan in rates})
    query = _KEPT_RATES.format(first=_date(days[0]), last=_date(days[1] - 1), types=types, plans=plans)
    return _read(await tx.copied(query), _RATES)


async def room_nights(tx: Transaction, nights: Sequence[tuple[int, int]], now: datetime) -> Array:
    """Nights of room types, (type, ordinal), each with a row; `NOT_ON_SALE` where there is none."""
    days = [day for _, day in nights]
    query = _NIGHTS.format(
        types=_ids(kind for kind, _ in nights),
        days=_ids(days),
        first=_date(min(days)),
        last=_date(max(days)),
        now=_instant(now),
    )
    return _read(await tx.copied(query), _ROOMS)


async def rate_nights(tx: Transaction, nights: Sequence[tuple[int, int, int]]) -> Array:
    """Nights of rates, (type, plan, ordinal), each with a row; `NO_PRICE` where there is no price."""
    types, plans, days = (_ids(column) for column in zip(*nights, strict=True))
    return _read(await tx.copied(_RATE_NIGHTS.format(types=types, plans=plans, days=days)), _RATES)


def _read(copied: bytes, kind: np.dtype[np.void]) -> Array:
    return np.frombuffer(copied, kind, (len(copied) - _HEAD - 2) // kind.itemsize, _HEAD)


# The queries take no parameters: everything here is a number or a date of ours.
def _ids(numbers: Iterable[int]) -> str:
    return "'{" + ",".join(str(int(number)) for number in numbers) + "}'::int[]"


def _date(day: int) -> str:
    return f"'{date.fromordinal(day)}'::date"


def _instant(now: datetime) -> str:
    return f"'{now.isoformat()}'::timestamptz"
