"""The lowest price of each night among the hotels of an area, for a calendar in which dates are chosen.

SQL ranks what is sold night by night, before taxes; the least of each night are then priced exactly, by the
rules that a booking would be priced by. It is for orientation: minimum stays are the results' business.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.exchange.queries import exchange_rates
from hotel_booking.domains.rates.pricing import price
from hotel_booking.domains.rates.types import NightPrice, Occupancy, Tax
from hotel_booking.domains.search import queries
from hotel_booking.domains.search.cheapest import rules_of
from hotel_booking.domains.search.find import candidates
from hotel_booking.domains.search.types import Box, FoundProperty, SearchRequest, SoldNight

# The nearest so many hotels are asked. Two months of 20 take a tenth of a second, of a city's few 12 ms.
MOST_HOTELS = 20
# Taxes differ between hotels, so the least before them need not be the least after: so many are priced.
PRICED = 3

# $1 property ids, $2 days from their today to the first night, $3 first night, $4 last night, $5 adults,
# $6 children, $7 how many of the children are at least 0, 1, ... 18 years old, $8 hotels a night, $9 now.
_LEAST = """
WITH type AS MATERIALIZED (
    SELECT rt.id, rt.property_id, w.days_ahead, rt.extra_adult, rt.sort,
           greatest($5 - rt.base_occupancy, 0) AS extra_adults
      FROM unnest($1::int[], $2::int[]) AS w(property_id, days_ahead)
      JOIN property p ON p.id = w.property_id
      JOIN room_type rt ON rt.property_id = w.property_id AND rt.active
     CROSS JOIN LATERAL (SELECT ($7::int[])[1 + least(18,
            coalesce(p.child_bands[cardinality(p.child_bands)] + 1, 0))] AS grown) AS g
     WHERE $5::int + $6::int <= rt.max_occupancy AND $5 + g.grown <= rt.max_adults
       AND $6 - g.grown <= rt.max_children
), sold AS (
    SELECT t.id AS room_type_id, t.property_id, n.night, rp.id AS plan_id, rn.price, rn.extra_adult,
           rn.child_amounts, t.sort AS type_sort, rp.sort AS plan_sort,
           CASE rp.adjust_kind
                WHEN 'percent' THEN c.charges * (1000000 + rp.adjust_value) / 1000000
                WHEN 'amount' THEN greatest(0, c.charges + rp.adjust_value
                     * CASE WHEN rp.adjust_per_person THEN $5::int + $6::int ELSE 1 END)
                ELSE c.charges END AS least
      FROM type t
      JOIN free_rooms($3::date, $4::date, $9) n ON n.room_type_id = t.id AND n.free > 0 AND NOT n.closed
      JOIN rate_plan rp ON rp.property_id = t.property_id AND rp.active
      JOIN rate_night rn ON rn.room_type_id = t.id AND rn.rate_plan_id = coalesce(rp.parent_id, rp.id)
                        AND rn.night = n.night AND rn.price IS NOT NULL AND NOT rn.closed
     CROSS JOIN LATERAL (SELECT rn.price + coalesce(rn.extra_adult, t.extra_adult) * t.extra_adults
                                AS charges) AS c
     WHERE t.days_ahead + (n.night - $3::date) >= 0
       AND coalesce(rp.min_advance_days <= t.days_ahead + (n.night - $3::date), true)
       AND coalesce(rp.max_advance_days >= t.days_ahead + (n.night - $3::date), true)
       AND (rp.parent_id IS NULL OR NOT EXISTS (
            SELECT FROM rate_night own WHERE own.room_type_id = t.id AND own.rate_plan_id = rp.id
               AND own.night = n.night AND own.closed))
), of_hotel AS (
    SELECT DISTINCT ON (night, property_id) * FROM sold
     ORDER BY night, property_id, least, type_sort, room_type_id, plan_sort, plan_id
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY night ORDER BY least, property_id) AS place FROM of_hotel
)
SELECT r.night, r.property_id, r.price, r.extra_adult AS night_extra_adult,
       r.child_amounts AS night_child_amounts, rt.code AS room_type, rt.name AS room_type_name,
       rt.base_occupancy, rt.extra_adult, rt.child_amounts, rp.code AS rate_plan, rp.name AS rate_plan_name,
       rp.adjust_kind, rp.adjust_value, rp.adjust_per_person
  FROM ranked r
  JOIN room_type rt ON rt.id = r.room_type_id
  JOIN rate_plan rp ON rp.id = r.plan_id
 WHERE r.place <= $8::int
"""


async def lowest_nights(
    tx: Transaction, request: SearchRequest, first: date, last: date, *, now: datetime
) -> tuple[str, Mapping[date, int]]:
    """A currency, and the lowest price in it of each night from `first` to `last` on which a room of the
    area is free for the first room's party; taxes included, minor units. At most four statements.

    The currency is the hotels' own where they have one, else the request's, else the euro; where there is no
    exchange rate for it, the one that most hotels have. Hotels that cannot be compared in it are left out.
    """
    found = await candidates(tx, request)
    if not isinstance(request.where, Box):
        nearest = sorted(found.values(), key=lambda hotel: (hotel.distance_m or 0, hotel.id))
        found = {hotel.id: hotel for hotel in nearest[:MOST_HOTELS]}
    occupancy: Occupancy = request.party[0]
    currencies = [hotel.currency for hotel in found.values()]
    rates = await exchange_rates(tx) if len(set(currencies)) != 1 else {}
    exchange = shown_in(currencies, request.currency, rates)
    shown = exchange.target
    found = {i: hotel for i, hotel in found.items() if exchange.compares(hotel.currency)}
    if not found:
        return shown, {}
    days = {
        hotel.id: (first - business_date(now, hotel.timezone, hotel.day_end_time)).days
        for hotel in found.values()
    }
    nights = await tx.fetch_as(
        SoldNight,
        _LEAST,
        list(days),
        list(days.values()),
        first,
        last,
        occupancy.adults,
        len(occupancy.children),
        [sum(child >= age for child in occupancy.children) for age in range(19)],
        1 if len(days) == 1 else PRICED,
        now,
    )
    taxes = await queries.taxes_of(tx, list({one.property_id for one in nights}))
    lowest: dict[date, int] = {}
    for one in nights:
        hotel = found[one.property_id]
        amount = exchange.convert(_total(hotel, one, taxes.get(hotel.id, ()), occupancy), hotel.currency)
        if amount is None:
            continue
        lowest[one.night] = min(amount, lowest.get(one.night, amount))
    return shown, lowest


def shown_in(currencies: Sequence[str], wanted: str | None, rates: Mapping[str, Decimal]) -> Exchange:
    """What the prices of hotels in these currencies are compared in."""
    if len(set(currencies)) == 1:
        return Exchange(currencies[0], {})
    target = wanted if wanted is not None and wanted in rates else "EUR"
    exchange = Exchange(target, rates)
    if currencies and not any(exchange.compares(currency) for currency in currencies):
        return Exchange(Counter(currencies).most_common(1)[0][0], {})
    return exchange


def _total(hotel: FoundProperty, one: SoldNight, taxes: tuple[Tax, ...], occupancy: Occupancy) -> int:
    night = NightPrice(one.night, one.price, one.night_extra_adult, one.night_child_amounts)
    return price(rules_of(hotel, one, taxes), [night], occupancy).total
