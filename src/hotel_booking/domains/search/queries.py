"""The search in SQL: which hotels lie in an area, and what they sell for a stay. Set-based.

Every statement is given the ids of the hotels it is about and works by index from there; its cost grows
with hotels x room types x plans x nights, and with nothing else in the tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Transaction, as_struct
from hotel_booking.domains.rates.types import CancellationPolicy, Occupancy, Tax
from hotel_booking.domains.search.cheapest import slack
from hotel_booking.domains.search.types import FoundProperty, SearchRequest, SoldPair, Within

_PROPERTIES = """
SELECT id, slug, name, stars, city, country, lat, lon, amenities, timezone, currency, tax_rounding,
       child_bands, day_end_time
  FROM property
 WHERE active AND lat BETWEEN $1 AND $2 AND (lon BETWEEN $3 AND $4 OR lon BETWEEN $5 AND $6)
   AND (cardinality($7::int[]) = 0 OR stars = ANY ($7::int[])) AND amenities @> $8::int[]
"""

_PROPERTIES_WITHIN = """
SELECT id, slug, name, stars, city, country, lat, lon, amenities, timezone, currency, tax_rounding,
       child_bands, day_end_time
  FROM property p
 WHERE active AND country = $1
   AND ($2::int IS NULL OR EXISTS (SELECT FROM place c WHERE c.id = p.place_id AND c.region = $2))
   AND (cardinality($3::int[]) = 0 OR stars = ANY ($3::int[])) AND amenities @> $4::int[]
"""

# What is sold, as (room type, plan) pairs. A night is good where nothing speaks against the stay; all
# nights must be good, and the departure day, where it has an inventory row, not closed to departure.
# Nights are counted instead of looked for one by one, so a night without a row refuses the stay by itself.
#
# $1 property ids, $2 days from their today to the arrival, $3 arrival, $4 departure, $5 rooms,
# $6/$7 adults and children of each different occupancy, $8 how many of its children are at least 0, 1,
# ... 18 years old (19 numbers per occupancy, one after the other), $9 now, $10 meals (empty: any),
# $11 adults of every room, $12 persons.
_SOLD = """
WITH type AS MATERIALIZED (
    SELECT rt.id, rt.property_id, w.days_ahead, rt.extra_adult,
           (SELECT sum(greatest(a - rt.base_occupancy, 0)) FROM unnest($11::int[]) AS a) AS extra_adults
      FROM unnest($1::int[], $2::int[]) AS w(property_id, days_ahead)
      JOIN property p ON p.id = w.property_id
      JOIN room_type rt ON rt.property_id = w.property_id AND rt.active
     WHERE NOT EXISTS (
            SELECT FROM unnest($6::int[], $7::int[]) WITH ORDINALITY AS o(adults, children, place),
                   LATERAL (SELECT ($8::int[])[(o.place - 1) * 19 + 1 + least(18,
                            coalesce(p.child_bands[cardinality(p.child_bands)] + 1, 0))] AS grown) AS g
             WHERE o.adults + o.children > rt.max_occupancy OR o.adults + g.grown > rt.max_adults
                OR o.children - g.grown > rt.max_children)
), free AS MATERIALIZED (
    SELECT t.id, t.property_id, t.days_ahead, t.extra_adult, t.extra_adults,
           min(n.free) FILTER (WHERE n.night < $4) AS rooms_left,
           bool_or(n.night = $4) AS knows_departure
      FROM type t
      JOIN free_rooms($3::date, $4::date, $9) n ON n.room_type_id = t.id
     WHERE n.night = $4
        OR (n.free >= $5 AND {good})
     GROUP BY 1, 2, 3, 4, 5
    HAVING count(*) FILTER (WHERE n.night < $4) = $4::date - $3::date
       AND count(*) FILTER (WHERE n.night = $4 AND n.closed_to_departure) = 0
), priced AS MATERIALIZED (
    SELECT f.id AS room_type_id, f.property_id, f.days_ahead, f.rooms_left, f.knows_departure, n.rate_plan_id,
           sum(n.price * $5::int + coalesce(n.extra_adult, f.extra_adult) * f.extra_adults) AS charges
           {arrays}
      FROM free f
      JOIN rate_plan root ON root.property_id = f.property_id AND root.parent_id IS NULL
      JOIN rate_night n ON n.room_type_id = f.id AND n.rate_plan_id = root.id
                       AND n.night BETWEEN $3::date AND $4::date
     WHERE CASE WHEN n.night = $4 THEN n.closed_to_departure AND f.knows_departure
           ELSE n.price IS NOT NULL AND {good} END
     GROUP BY f.id, f.property_id, f.days_ahead, f.rooms_left, f.knows_departure, n.rate_plan_id
    HAVING count(*) FILTER (WHERE n.night < $4) = $4::date - $3::date
       AND count(*) FILTER (WHERE n.night = $4) = 0
), sold AS (
    SELECT b.*, rp.id AS plan_id,
           CASE rp.adjust_kind
                WHEN 'percent' THEN b.charges * (1000000 + rp.adjust_value) / 1000000
                WHEN 'amount' THEN greatest(0, b.charges + rp.adjust_value * ($4::date - $3::date)
                     * CASE WHEN rp.adjust_per_person THEN $12::int ELSE $5::int END)
                ELSE b.charges END AS least
      FROM priced b
      JOIN rate_plan rp ON rp.property_id = b.property_id AND rp.active
                       AND coalesce(rp.parent_id, rp.id) = b.rate_plan_id
     WHERE coalesce(rp.min_advance_days <= b.days_ahead, true)
       AND coalesce(rp.max_advance_days >= b.days_ahead, true)
       AND coalesce(rp.min_stay <= $4::date - $3::date, true)
       AND coalesce(rp.max_stay >= $4::date - $3::date, true)
       AND (cardinality($10::int[]) = 0 OR rp.meal = ANY ($10::int[]))
       AND (rp.parent_id IS NULL OR NOT EXISTS (
            SELECT FROM rate_night n
             WHERE n.room_type_id = b.room_type_id AND n.rate_plan_id = rp.id
               AND n.night BETWEEN $3::date AND $4::date
               AND CASE WHEN n.night = $4 THEN n.closed_to_departure AND b.knows_departure
                   ELSE NOT {good} END))
)
"""
_GOOD = """(NOT n.closed AND coalesce(n.min_stay_through <= $4::date - $3::date, true)
                AND (n.night > $3 OR (NOT n.closed_to_arrival
                     AND coalesce(n.min_stay_arrival <= $4::date - $3::date, true)
                     AND coalesce(n.max_stay >= $4::date - $3::date, true))))"""
# The nights in order; most have no amounts of their own for extra persons, and then send none.
_ARRAYS = """, array_agg(n.price ORDER BY n.night) AS prices,
           CASE WHEN bool_or(n.extra_adult IS NOT NULL)
                THEN array_agg(n.extra_adult ORDER BY n.night) END AS extra_adults,
           CASE WHEN bool_or(n.child_amounts IS NOT NULL)
                THEN jsonb_agg(to_jsonb(n.child_amounts) ORDER BY n.night) END AS child_amounts"""


def _sold(arrays: str) -> str:
    return _SOLD.format(good=_GOOD, arrays=arrays)


_BOUNDS = (
    _sold("")
    + """
SELECT s.property_id, s.least, coalesce(t.taxes, 0)::int AS taxes
  FROM (SELECT property_id, min(least) AS least FROM sold GROUP BY 1) AS s
  LEFT JOIN (SELECT property_id, count(*) AS taxes FROM tax WHERE property_id = ANY ($1) GROUP BY 1) AS t
       USING (property_id)
"""
)
_PAIRS = (
    _sold(_ARRAYS)
    + """
SELECT s.property_id, s.room_type_id, s.plan_id, s.rooms_left, s.least, s.prices, s.extra_adults,
       s.child_amounts AS night_child_amounts, rt.code AS room_type, rt.name AS room_type_name,
       rt.base_occupancy, rt.extra_adult, rt.child_amounts, rp.code AS rate_plan,
       rp.name AS rate_plan_name, rp.meal, rp.policy_id, rp.adjust_kind, rp.adjust_value,
       rp.adjust_per_person, rt.sort AS room_type_sort, rp.sort AS plan_sort
  FROM sold s
  JOIN room_type rt ON rt.id = s.room_type_id
  JOIN rate_plan rp ON rp.id = s.plan_id
 ORDER BY s.property_id, s.least, rt.sort, rt.id, rp.sort, rp.id
"""
)

_TAXES = """
SELECT property_id, code, name, kind, value, charge_type, included, exempt_below_age, max_nights,
       valid_from, valid_to
  FROM tax WHERE property_id = ANY ($1::int[]) ORDER BY property_id, id
"""
_POLICIES = "SELECT id, code, name, steps, no_show FROM cancellation_policy WHERE id = ANY ($1::int[])"


async def properties_in(
    tx: Transaction,
    request: SearchRequest,
    *,
    south: float,
    north: float,
    meridians: Sequence[tuple[float, float]],
) -> list[FoundProperty]:
    """Active hotels between two parallels and within one or two ranges of meridians, filtered by stars
    and amenities. In no order."""
    first, last = meridians[0], meridians[-1]
    return await tx.fetch_as(
        FoundProperty, _PROPERTIES, south, north, *first, *last, list(request.stars), list(request.amenities)
    )


async def clocks_in(
    tx: Transaction, *, south: float, north: float, meridians: Sequence[tuple[float, float]]
) -> list[tuple[str, time]]:
    """The time zones, and when the day ends, of the active hotels between two parallels and within one or two
    ranges of meridians, each pair once."""
    first, last = meridians[0], meridians[-1]
    rows = await tx.fetch(
        "SELECT DISTINCT timezone, day_end_time FROM property"
        " WHERE active AND lat BETWEEN $1 AND $2 AND (lon BETWEEN $3 AND $4 OR lon BETWEEN $5 AND $6)",
        south,
        north,
        *first,
        *last,
    )
    return [(row["timezone"], row["day_end_time"]) for row in rows]


async def clocks_within(tx: Transaction, within: Within) -> list[tuple[str, time]]:
    """The same of the hotels of a country or region."""
    rows = await tx.fetch(
        "SELECT DISTINCT timezone, day_end_time FROM property p WHERE active AND country = $1"
        " AND ($2::int IS NULL OR EXISTS (SELECT FROM place c WHERE c.id = p.place_id AND c.region = $2))",
        within.country,
        within.region,
    )
    return [(row["timezone"], row["day_end_time"]) for row in rows]


async def properties_within(tx: Transaction, request: SearchRequest, within: Within) -> list[FoundProperty]:
    """Active hotels of a country or region, filtered by stars and amenities. In no order."""
    return await tx.fetch_as(
        FoundProperty,
        _PROPERTIES_WITHIN,
        within.country,
        within.region,
        list(request.stars),
        list(request.amenities),
    )


async def least_charges(
    tx: Transaction,
    request: SearchRequest,
    days_ahead: Mapping[int, int],
    *,
    currencies: Mapping[int, str],
    now: datetime,
) -> dict[int, int]:
    """Of each hotel that sells the stay, an amount that no offer of it costs less than (minor units).

    `days_ahead` are the candidate hotels' ids, with the days from their own today to the arrival;
    `currencies` theirs.
    """
    rows = await tx.fetch(_BOUNDS, *_arguments(request, days_ahead, now))
    return {
        row["property_id"]: int(row["least"]) - slack(request, row["taxes"], currencies[row["property_id"]])
        for row in rows
    }


async def sold_pairs(
    tx: Transaction, request: SearchRequest, days_ahead: Mapping[int, int], *, now: datetime
) -> list[SoldPair]:
    """Every room type on every plan that the hotels sell for the stay, with its nightly prices.

    By hotel, and there by `least`.
    """
    return await tx.fetch_as(SoldPair, _PAIRS, *_arguments(request, days_ahead, now))


async def taxes_of(tx: Transaction, property_ids: Sequence[int]) -> dict[int, tuple[Tax, ...]]:
    """The taxes of each hotel that has any, in the order that prices list them."""
    taxes: dict[int, tuple[Tax, ...]] = {}
    for row in await tx.fetch(_TAXES, property_ids):
        taxes[row["property_id"]] = (*taxes.get(row["property_id"], ()), as_struct(Tax, row))
    return taxes


async def policies(tx: Transaction, policy_ids: Sequence[int]) -> dict[int, CancellationPolicy]:
    """The cancellation policies, by id."""
    rows = await tx.fetch(_POLICIES, policy_ids)
    return {row["id"]: as_struct(CancellationPolicy, row) for row in rows}


def _arguments(request: SearchRequest, days_ahead: Mapping[int, int], now: datetime) -> tuple[object, ...]:
    stay: Stay = request.stay
    kinds: list[Occupancy] = list(Counter(request.party))
    return (
        list(days_ahead),
        list(days_ahead.values()),
        stay.arrival,
        stay.departure,
        len(request.party),
        [kind.adults for kind in kinds],
        [len(kind.children) for kind in kinds],
        [sum(child >= age for child in kind.children) for kind in kinds for age in range(19)],
        now,
        list(request.meals),
        [occupancy.adults for occupancy in request.party],
        sum(occupancy.persons for occupancy in request.party),
    )
