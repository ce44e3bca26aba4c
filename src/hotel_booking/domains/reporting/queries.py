"""The day of one hotel or of all, in a fixed number of statements whose work grows with what is to come, not
with the years behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta

import msgspec

from hotel_booking.core.dates import DAY_END, MAX_NIGHTS, business_date, earliest_business_date, local_instant
from hotel_booking.core.db import Transaction
from hotel_booking.core.names import FULL_NAME
from hotel_booking.domains.exchange.compare import Exchange
from hotel_booking.domains.exchange.queries import exchange_rates, oldest_used
from hotel_booking.domains.reporting.types import (
    Movement,
    NightFigures,
    PropertyName,
    PropertyToday,
    Today,
    WaitingMessage,
)

NIGHTS = 15  # today and the next fourteen
_SINCE = timedelta(days=1)

_HOUSES = """
SELECT id, slug, name, timezone, day_end_time, currency, active,
       active OR EXISTS (SELECT FROM booking_entry
                          WHERE property_id = property.id AND arrival >= $2
                            AND status IN ('confirmed', 'checked_in')) AS run
  FROM property WHERE $1::int[] IS NULL OR id = ANY ($1)
 ORDER BY NOT active, sort_form(name, 'en') COLLATE "C", name, id
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
SELECT t.property_id, count(*) AS number
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

# Whole minor units, as in `period`: the nights of a stay add up to what it was sold for.
_SOLD = """
SELECT t.property_id, r.arrival + i AS night, count(*) AS sold,
       sum(r.net * (i + 1) / r.nights - r.net * i / r.nights)::bigint AS revenue,
       count(*) FILTER (WHERE i = 0) AS arrivals
  FROM room_type t
 CROSS JOIN LATERAL (SELECT arrival, departure, net, departure - arrival AS nights FROM reservation
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
                      WHERE booking_id = c.booking_id AND arrival <= $3 AND departure > $2
                        AND (c.change < 0 OR status IN ('confirmed', 'checked_in')) OFFSET 0) AS r
 CROSS JOIN LATERAL generate_series(greatest($2 - r.arrival, 0),
                                    least($3 - r.arrival, r.departure - r.arrival - 1)) AS i
 GROUP BY 1, 2
"""

_NEW = """
SELECT h.property_id, count(*) AS number
  FROM unnest($1::int[], $2::timestamptz[]) AS h(property_id, since)
 CROSS JOIN LATERAL (SELECT status FROM booking_entry
                      WHERE property_id = h.property_id
                        AND created_at >= h.since OFFSET 0) AS e
 WHERE e.status NOT IN ('held', 'expired')
 GROUP BY h.property_id
"""

_HOLDS = """
SELECT property_id, count(*) AS number
  FROM booking WHERE status = 'held' AND hold_expires_at > $2 AND property_id = ANY ($1::int[])
 GROUP BY property_id
"""

# Of each property only so many: whoever answers none still has a page that opens.
_MESSAGES = """
SELECT h.property_id, count(*) AS number
  FROM unnest($1::int[]) AS h(property_id)
 CROSS JOIN LATERAL (SELECT FROM guest_message
                      WHERE property_id = h.property_id AND answered_at IS NULL LIMIT 1000) AS m
 GROUP BY h.property_id
"""

_WAITING = f"""
SELECT b.reference, {FULL_NAME} AS guest, m.number, m.since,
       left(n.text, 200) AS text
  FROM (SELECT booking_id, count(*) AS number, min(created_at) AS since, max(note_id) AS note_id
          FROM (SELECT booking_id, created_at, note_id FROM guest_message
                 WHERE property_id = $1 AND answered_at IS NULL ORDER BY created_at LIMIT 1000) AS first
         GROUP BY booking_id ORDER BY min(created_at), booking_id LIMIT $2) AS m
  JOIN booking b ON b.id = m.booking_id
  JOIN guest g ON g.id = b.guest_id
  JOIN booking_note n ON n.id = m.note_id
 ORDER BY m.since, b.reference
"""

_MOVEMENT = """
SELECT b.reference, r.status, coalesce(r.guest_name, {name}) AS guest,
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
          sort_form(g.given_name, 'en') COLLATE "C", b.reference, r.position LIMIT {most}
"""
_ARRIVING = _MOVEMENT.format(
    name=FULL_NAME,
    most=200,
    which="status IN ('confirmed', 'checked_in') AND arrival <= $2"
    " AND (arrival = $2 OR status = 'confirmed')",
)
_LEAVING = _MOVEMENT.format(
    name=FULL_NAME, most=200, which="status = 'checked_in' AND arrival <= $2 AND departure <= $2"
)
_STAYING = _MOVEMENT.format(
    name=FULL_NAME, most="$3", which="status = 'checked_in' AND arrival <= $2 AND departure > $2"
)
_HELD = f"""
SELECT b.reference, b.status, {FULL_NAME} AS guest, t.name AS room_type,
       NULL AS room, r.arrival, r.departure, r.adults, cardinality(r.children) AS children, b.requests,
       b.currency, b.due_now AS owed, b.hold_expires_at
  FROM booking b
  JOIN guest g ON g.id = b.guest_id
  JOIN reservation r ON r.booking_id = b.id
  JOIN room_type t ON t.id = r.room_type_id
 WHERE b.status = 'held' AND b.hold_expires_at > $2 AND b.property_id = $1
 ORDER BY b.hold_expires_at, b.reference, r.position LIMIT 200
"""


class _Rooms(msgspec.Struct, frozen=True):
    """The rooms of a property that come, are there and go today."""

    property_id: int
    arrivals: int = 0
    arrived: int = 0
    late: int = 0
    departures: int = 0
    in_house: int = 0


class _Counted(msgspec.Struct, frozen=True):
    """How many of something a property has."""

    property_id: int
    number: int


class _OfNight(msgspec.Struct, frozen=True):
    """Some of a property's figures for a night; those that a statement does not count are nothing."""

    property_id: int
    night: date
    available: int = 0
    sold: int = 0
    revenue: int = 0
    pick_up: int = 0
    arrivals: int = 0


_Nights = Mapping[tuple[int, date], NightFigures]
_FIGURES = NightFigures.__struct_fields__[1:]


async def list_properties(
    tx: Transaction, *, property_ids: frozenset[int] | None, now: datetime
) -> list[PropertyName]:
    """The properties among the given (None: all), by name; those that are off sale come last."""
    # Who is expected or in the house has come no longer ago than a stay can last, and some weeks.
    since = earliest_business_date(now) - timedelta(days=MAX_NIGHTS + 34)
    return await tx.fetch_as(
        PropertyName, _HOUSES, None if property_ids is None else sorted(property_ids), since
    )


async def today(tx: Transaction, *, property_ids: frozenset[int] | None, now: datetime) -> Today:
    """The day of the given properties (None: all that are run), and how the next fourteen nights look.

    A fixed number of statements, however many hotels.
    """
    listed = await list_properties(tx, property_ids=property_ids, now=now)
    named = [one for one in listed if one.run or property_ids is not None]
    ids = [property_.id for property_ in named]
    # At one instant it is yesterday in one place and tomorrow in another.
    days = [business_date(now, property_.timezone, property_.day_end_time) for property_ in named]
    begun = [
        local_instant(day, property_.day_end_time, property_.timezone)
        for day, property_ in zip(days, named, strict=True)
    ]
    first = min(days, default=earliest_business_date(now))
    last = max(days, default=first) + timedelta(days=NIGHTS - 1)
    rooms = {row.property_id: row for row in await tx.fetch_as(_Rooms, _ROOMS, ids, days)}
    departed = await _counted(tx, _DEPARTED, ids, begun)
    new = await _counted(tx, _NEW, ids, begun)
    held = await _counted(tx, _HOLDS, ids, now)
    messages = await _counted(tx, _MESSAGES, ids)
    nights = _by_night(
        [
            *await tx.fetch_as(_OfNight, _AVAILABLE, ids, first, last),
            *await tx.fetch_as(_OfNight, _SOLD, ids, first, last),
            *await tx.fetch_as(_OfNight, _PICK_UP, ids, first, last, now - _SINCE),
        ]
    )
    found = []
    for property_, day in zip(named, days, strict=True):
        counts, gone = rooms.get(property_.id, _Rooms(property_.id)), departed.get(property_.id, 0)
        own = (day + timedelta(days=i) for i in range(NIGHTS))
        found.append(
            PropertyToday(
                property_=property_,
                today=day,
                arrivals=counts.arrivals,
                arrived=counts.arrived,
                late=counts.late,
                departures=counts.departures + gone,
                departed=gone,
                in_house=counts.in_house,
                new_bookings=new.get(property_.id, 0),
                unpaid_holds=held.get(property_.id, 0),
                messages=messages.get(property_.id, 0),
                nights=tuple(nights.get((property_.id, night), NightFigures(night)) for night in own),
            )
        )
    return await _added_up(tx, tuple(found), nights, first)


async def _counted(tx: Transaction, sql: str, *args: object) -> dict[int, int]:
    return {row.property_id: row.number for row in await tx.fetch_as(_Counted, sql, *args)}


def _by_night(rows: Iterable[_OfNight]) -> _Nights:
    """What the statements counted, together for each property and night."""
    found: dict[tuple[int, date], NightFigures] = {}
    for row in rows:
        key = row.property_id, row.night
        counted = NightFigures(row.night, row.available, row.sold, row.revenue, row.pick_up, row.arrivals)
        found[key] = _sum(found[key], counted) if key in found else counted
    return found


def _sum(one: NightFigures, other: NightFigures) -> NightFigures:
    """The figures of both, for the night of the first."""
    return NightFigures(one.night, *(getattr(one, name) + getattr(other, name) for name in _FIGURES))


async def arriving(tx: Transaction, property_: PropertyToday) -> list[Movement]:
    """The rooms that arrive today, and those that should have done so before; who is there comes last."""
    return await _movements(tx, _ARRIVING, property_.property_.id, property_.today)


async def leaving(tx: Transaction, property_: PropertyToday) -> list[Movement]:
    """The rooms that are still to leave today."""
    return await _movements(tx, _LEAVING, property_.property_.id, property_.today)


async def staying(tx: Transaction, property_: PropertyToday, *, limit: int) -> list[Movement]:
    """The rooms whose guests are in the house and leave on a later day, at most `limit`."""
    return await _movements(tx, _STAYING, property_.property_.id, property_.today, limit)


async def waiting_messages(tx: Transaction, property_: PropertyToday, *, limit: int) -> list[WaitingMessage]:
    """The bookings whose guests wait for an answer, the longest first, at most `limit`."""
    return await tx.fetch_as(WaitingMessage, _WAITING, property_.property_.id, limit)


async def held(tx: Transaction, property_: PropertyToday, *, now: datetime) -> list[Movement]:
    """The rooms that are kept for guests who have not paid yet; the hold that ends first comes first."""
    return await _movements(tx, _HELD, property_.property_.id, now)


async def _movements(tx: Transaction, sql: str, *args: object) -> list[Movement]:
    return await tx.fetch_as(Movement, sql, *args)


async def _added_up(tx: Transaction, found: tuple[PropertyToday, ...], nights: _Nights, first: date) -> Today:
    currencies = {item.property_.currency for item in found}
    currency = currencies.pop() if len(currencies) == 1 else "EUR"
    exchange, rates_of = Exchange(currency, {}), None
    if currencies:
        used = sorted({item.property_.currency for item in found})
        exchange, rates_of = Exchange(currency, await exchange_rates(tx)), await oldest_used(tx, used)
    own = {item.property_.id: item.property_.currency for item in found}
    sums = {night: NightFigures(night) for night in (first + timedelta(days=i) for i in range(NIGHTS))}
    for (number, night), figures in nights.items():
        if night in sums:
            sums[night] = _sum(sums[night], _valued(figures, own[number], exchange))
    tonight = NightFigures(first)
    for item in found:
        tonight = _sum(tonight, _valued(item.tonight, item.property_.currency, exchange))
    total = PropertyToday(
        property_=PropertyName(0, "", "All properties", "UTC", DAY_END, currency),
        today=first,
        arrivals=sum(item.arrivals for item in found),
        arrived=sum(item.arrived for item in found),
        late=sum(item.late for item in found),
        departures=sum(item.departures for item in found),
        departed=sum(item.departed for item in found),
        in_house=sum(item.in_house for item in found),
        new_bookings=sum(item.new_bookings for item in found),
        unpaid_holds=sum(item.unpaid_holds for item in found),
        messages=sum(item.messages for item in found),
        nights=tuple(sums.values()),
    )
    unvalued = tuple(item.property_ for item in found if not exchange.compares(item.property_.currency))
    last = max((item.today for item in found), default=first)
    return Today(found, currency, len(currencies) > 0, total, tonight, last, rates_of, unvalued)


def _valued(figures: NightFigures, currency: str, exchange: Exchange) -> NightFigures:
    """A night's figures with its money in the currency of the sum; where it has no rate, without it."""
    revenue = exchange.convert(figures.revenue, currency)
    if revenue is None:
        return msgspec.structs.replace(
            figures, revenue=0, unvalued_sold=figures.sold, unvalued_available=figures.available
        )
    return msgspec.structs.replace(figures, revenue=revenue)
