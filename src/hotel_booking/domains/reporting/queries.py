"""The day of one house or of all, in a fixed number of statements whose work grows with what is to come, not
with the years behind."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from hotel_booking.core.dates import DAY_END, business_date, earliest_business_date, local_instant
from hotel_booking.core.db import Transaction
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.exchange.queries import exchange_rates, oldest_used
from hotel_booking.domains.reporting.types import HouseName, HouseToday, Movement, NightFigures, Today

NIGHTS = 15  # today and the next fourteen
_SINCE = timedelta(days=1)

_HOUSES = """
SELECT id, slug, name, timezone, day_end_time, currency
  FROM property WHERE active AND ($1::int[] IS NULL OR id = ANY ($1))
 ORDER BY sort_form(name, 'en') COLLATE "C", name, id
"""

# Rooms that come, are there and go. Only stays that have not ended are looked at, by their own index.
_ROOMS = """
SELECT t.property_id,
       count(*) FILTER (WHERE r.arrival = h.today) AS arrivals,
       count(*) FILTER (WHERE r.arrival = h.today AND r.status = 'checked_in') AS arrived,
       count(*) FILTER (WHERE r.arrival < h.today AND r.status = 'confirmed') AS late,
       count(*) FILTER (WHERE r.departure <= h.today AND r.status = 'checked_in') AS departures,
       count(*) FILTER (WHERE r.status = 'checked_in') AS in_house
  FROM unnest($1::int[], $2::date[]) AS h(property_id, today)
  JOIN room_type t ON t.property_id = h.property_id
 CROSS JOIN LATERAL (SELECT arrival, departure, status FROM reservation
                      WHERE room_type_id = t.id AND status IN ('confirmed', 'checked_in')
                        AND arrival <= h.today OFFSET 0) AS r
 GROUP BY t.property_id
"""

_DEPARTED = """
SELECT t.property_id, count(*) AS departed
  FROM unnest($1::int[], $2::timestamptz[]) AS h(property_id, since)
  JOIN room_type t ON t.property_id = h.property_id
 CROSS JOIN LATERAL (SELECT FROM reservation
                      WHERE room_type_id = t.id AND checked_out_at IS NOT NULL
                        AND checked_out_at >= h.since OFFSET 0) AS r
 GROUP BY t.property_id
"""

_AVAILABLE = """
SELECT t.property_id, n.night, sum(n.capacity)::int AS available
  FROM room_type t
 CROSS JOIN LATERAL (SELECT night, capacity FROM room_night
                      WHERE room_type_id = t.id AND night BETWEEN $2 AND $3 OFFSET 0) AS n
 WHERE t.property_id = ANY ($1::int[])
 GROUP BY t.property_id, n.night
"""

# Whole thousandths of minor units, which are several times quicker to add up than decimals.
_SOLD = """
SELECT t.property_id, r.arrival + i AS night, count(*) AS sold,
       (sum(r.share) / 1000)::bigint AS revenue,
       count(*) FILTER (WHERE i = 0) AS arrivals
  FROM room_type t
 CROSS JOIN LATERAL (SELECT arrival, departure, 1000 * net / (departure - arrival) AS share
                       FROM reservation
                      WHERE room_type_id = t.id AND status IN ('confirmed', 'checked_in') AND arrival <= $3
                        AND departure > $2 OFFSET 0) AS r
 CROSS JOIN LATERAL generate_series(greatest($2 - r.arrival, 0),
                                    least($3 - r.arrival, r.departure - r.arrival - 1)) AS i
 WHERE t.property_id = ANY ($1::int[])
 GROUP BY 1, 2
"""

# What was sold in the last day and still is, less what was cancelled in it and sold before.
_PICK_UP = """
SELECT c.property_id, r.arrival + i AS night, sum(c.change)::int AS pick_up
  FROM (SELECT e.property_id, e.booking_id, 1 AS change
          FROM unnest($1::int[]) AS h(id)
         CROSS JOIN LATERAL (SELECT * FROM booking_entry
                              WHERE property_id = h.id AND created_at >= $4 OFFSET 0) AS e
         WHERE e.status IN ('confirmed', 'checked_in')
        UNION ALL
        SELECT b.property_id, b.id, -1
          FROM unnest($1::int[]) AS h(id)
         CROSS JOIN LATERAL (SELECT * FROM booking
                              WHERE property_id = h.id AND cancelled_at >= $4 OFFSET 0) AS b
         WHERE b.confirmed_at < $4) AS c
 CROSS JOIN LATERAL (SELECT arrival, departure FROM reservation
                      WHERE booking_id = c.booking_id AND arrival <= $3 AND departure > $2 OFFSET 0) AS r
 CROSS JOIN LATERAL generate_series(greatest($2 - r.arrival, 0),
                                    least($3 - r.arrival, r.departure - r.arrival - 1)) AS i
 GROUP BY 1, 2
"""

_NEW = """
SELECT h.property_id, count(*) AS new_bookings
  FROM unnest($1::int[], $2::timestamptz[]) AS h(property_id, since)
 CROSS JOIN LATERAL (SELECT status FROM booking_entry
                      WHERE property_id = h.property_id
                        AND created_at >= h.since OFFSET 0) AS e
 WHERE e.status NOT IN ('held', 'expired')
 GROUP BY h.property_id
"""

_HOLDS = """
SELECT property_id, count(*) AS unpaid_holds
  FROM booking WHERE status = 'held' AND hold_expires_at > $2 AND property_id = ANY ($1::int[])
 GROUP BY property_id
"""

_MOVEMENT = """
SELECT b.reference, r.status, coalesce(r.guest_name, g.given_name || ' ' || g.family_name) AS guest,
       t.name AS room_type, room.number AS room, r.arrival, r.departure, r.adults,
       cardinality(r.children) AS children, b.requests, b.currency, coalesce(e.owed, 0) AS owed,
       CASE WHEN r.status = 'held' THEN b.hold_expires_at END AS hold_expires_at
  FROM room_type t
 CROSS JOIN LATERAL (SELECT * FROM reservation WHERE room_type_id = t.id AND {which} OFFSET 0) AS r
  JOIN booking b ON b.id = r.booking_id
  JOIN guest g ON g.id = b.guest_id
  LEFT JOIN booking_entry e ON e.booking_id = b.id
  LEFT JOIN room_use u ON u.reservation_id = r.id
  LEFT JOIN room ON room.id = u.room_id
 WHERE t.property_id = $1
 ORDER BY r.status DESC, sort_form(g.family_name, 'en') COLLATE "C",
          sort_form(g.given_name, 'en') COLLATE "C", b.reference, r.position LIMIT 200
"""
_ARRIVING = _MOVEMENT.format(
    which="status IN ('confirmed', 'checked_in') AND arrival <= $2 AND (arrival = $2 OR status = 'confirmed')"
)
_LEAVING = _MOVEMENT.format(which="status = 'checked_in' AND arrival <= $2 AND departure <= $2")
_HELD = """
SELECT b.reference, b.status, g.given_name || ' ' || g.family_name AS guest, t.name AS room_type,
       NULL AS room, r.arrival, r.departure, r.adults, cardinality(r.children) AS children, b.requests,
       b.currency, b.due_now AS owed, b.hold_expires_at
  FROM booking b
  JOIN guest g ON g.id = b.guest_id
  JOIN reservation r ON r.booking_id = b.id
  JOIN room_type t ON t.id = r.room_type_id
 WHERE b.status = 'held' AND b.hold_expires_at > $2 AND b.property_id = $1
 ORDER BY b.hold_expires_at, b.reference, r.position LIMIT 200
"""


async def houses(tx: Transaction, *, property_ids: frozenset[int] | None) -> list[HouseName]:
    """The active properties among the given (None: all), by name."""
    rows = await tx.fetch(_HOUSES, None if property_ids is None else sorted(property_ids))
    return [HouseName(**dict(row)) for row in rows]


async def today(tx: Transaction, *, property_ids: frozenset[int] | None, now: datetime) -> Today:
    """The day of the active properties among the given (None: all), and how the next fourteen nights look.

    Nine statements, however many houses.
    """
    named = await houses(tx, property_ids=property_ids)
    ids = [house.id for house in named]
    # At one instant it is yesterday in one place and tomorrow in another.
    days = [business_date(now, house.timezone, house.day_end_time) for house in named]
    begun = [
        local_instant(day, house.day_end_time, house.timezone) for day, house in zip(days, named, strict=True)
    ]
    first = min(days, default=earliest_business_date(now))
    last = max(days, default=first) + timedelta(days=NIGHTS - 1)
    counts: dict[int, dict[str, int]] = {number: {} for number in ids}
    for counted in (
        await tx.fetch(_ROOMS, ids, days),
        await tx.fetch(_DEPARTED, ids, begun),
        await tx.fetch(_NEW, ids, begun),
        await tx.fetch(_HOLDS, ids, now),
    ):
        for row in counted:
            counts[row["property_id"]] |= {
                name: value for name, value in row.items() if name != "property_id"
            }
    nights: dict[tuple[int, date], dict[str, int]] = {}
    for figures in (
        await tx.fetch(_AVAILABLE, ids, first, last),
        await tx.fetch(_SOLD, ids, first, last),
        await tx.fetch(_PICK_UP, ids, first, last, now - _SINCE),
    ):
        for row in figures:
            key = row["property_id"], row["night"]
            nights.setdefault(key, {}).update(
                {n: v for n, v in row.items() if n not in ("property_id", "night")}
            )
    found = tuple(
        _house(house, today, counts[house.id], nights) for house, today in zip(named, days, strict=True)
    )
    return await _added_up(tx, found, nights, first)


def _house(
    house: HouseName, today: date, counts: dict[str, int], nights: dict[tuple[int, date], dict[str, int]]
) -> HouseToday:
    departed = counts.get("departed", 0)
    return HouseToday(
        house=house,
        today=today,
        arrivals=counts.get("arrivals", 0),
        arrived=counts.get("arrived", 0),
        late=counts.get("late", 0),
        departures=counts.get("departures", 0) + departed,
        departed=departed,
        in_house=counts.get("in_house", 0),
        new_bookings=counts.get("new_bookings", 0),
        unpaid_holds=counts.get("unpaid_holds", 0),
        nights=tuple(
            NightFigures(night, **nights.get((house.id, night), {}))
            for night in (today + timedelta(days=i) for i in range(NIGHTS))
        ),
    )


async def arriving(tx: Transaction, house: HouseToday) -> list[Movement]:
    """The rooms that arrive today, and those that should have done so before; who is there comes last."""
    return await _movements(tx, _ARRIVING, house.house.id, house.today)


async def leaving(tx: Transaction, house: HouseToday) -> list[Movement]:
    """The rooms that are still to leave today."""
    return await _movements(tx, _LEAVING, house.house.id, house.today)


async def held(tx: Transaction, house: HouseToday, *, now: datetime) -> list[Movement]:
    """The rooms that are kept for guests who have not paid yet; the hold that ends first comes first."""
    return await _movements(tx, _HELD, house.house.id, now)


async def _movements(tx: Transaction, sql: str, *args: object) -> list[Movement]:
    return [Movement(**dict(row)) for row in await tx.fetch(sql, *args)]


async def _added_up(
    tx: Transaction,
    found: tuple[HouseToday, ...],
    nights: dict[tuple[int, date], dict[str, int]],
    first: date,
) -> Today:
    currencies = {item.house.currency for item in found}
    currency = currencies.pop() if len(currencies) == 1 else "EUR"
    exchange, rates_of = Exchange(currency, {}), None
    if currencies:
        used = sorted({item.house.currency for item in found})
        exchange, rates_of = Exchange(currency, await exchange_rates(tx)), await oldest_used(tx, used)
    own = {item.house.id: item.house.currency for item in found}
    sums: dict[date, dict[str, int]] = {first + timedelta(days=i): {} for i in range(NIGHTS)}
    for (number, night), figures in nights.items():
        if night in sums:
            for name, value in _valued(figures, own[number], exchange).items():
                sums[night][name] = sums[night].get(name, 0) + value
    counted = (
        "arrivals",
        "arrived",
        "late",
        "departures",
        "departed",
        "in_house",
        "new_bookings",
        "unpaid_holds",
    )
    total = HouseToday(
        house=HouseName(0, "", "All properties", "UTC", DAY_END, currency),
        today=first,
        nights=tuple(NightFigures(night, **figures) for night, figures in sums.items()),
        **{name: sum(getattr(item, name) for item in found) for name in counted},
    )
    unvalued = tuple(item.house for item in found if not exchange.compares(item.house.currency))
    return Today(found, currency, len(currencies) > 0, total, rates_of, unvalued)


def _valued(figures: Mapping[str, int], currency: str, exchange: Exchange) -> dict[str, int]:
    """A night's figures with its money in the currency of the sum; where it has no rate, without it."""
    revenue = exchange.convert(figures.get("revenue", 0), currency)
    if revenue is None:
        return {
            **figures,
            "revenue": 0,
            "unvalued_sold": figures.get("sold", 0),
            "unvalued_available": figures.get("available", 0),
        }
    return {**figures, "revenue": revenue}
