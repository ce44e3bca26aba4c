"""A hotel's figures over some days that lie behind or ahead: rooms and revenue night by night, stays that end
in them with their taxes, and what moved in its guests' accounts.

Days are the hotel's own, which end at its day's end and not at midnight (`core.dates.business_date`): what is
paid at two in the night after the last of the month belongs to that month. Lines of accounts are found by
their time, whatever the age of their bookings: a refund may come years later.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

import msgspec

from hotel_booking.core.dates import FIRST_NIGHT, LAST_NIGHT, MAX_NIGHTS, business_day_end
from hotel_booking.core.db import Transaction
from hotel_booking.core.names import full_name
from hotel_booking.domains.bookings.pricing import recompute
from hotel_booking.domains.bookings.types import SaleTerms, Status
from hotel_booking.domains.rates.types import Line, NightPrice
from hotel_booking.domains.rates.wording import percent
from hotel_booking.domains.reporting.till import InvalidPeriod
from hotel_booking.domains.reporting.types import NightFigures

LONGEST = timedelta(days=92)  # a quarter


class Period(msgspec.Struct, frozen=True):
    """Days of a property, both included. Raises `InvalidPeriod`."""

    property_id: int
    first: date
    last: date

    def __post_init__(self) -> None:
        for name, day in (("first", self.first), ("last", self.last)):
            if not FIRST_NIGHT < day < LAST_NIGHT:
                raise InvalidPeriod("the days must lie between 2000 and 2100", field=name)
        if self.last < self.first:
            raise InvalidPeriod("the period ends before it begins", field="last", fix="end it later")
        if self.last - self.first >= LONGEST:
            raise InvalidPeriod(
                f"a report is of at most {LONGEST.days} days", field="last", fix="ask for a part of it"
            )

    @property
    def days(self) -> list[date]:
        """Each day."""
        return [self.first + timedelta(days=i) for i in range((self.last - self.first).days + 1)]

    @property
    def weeks(self) -> list[Period]:
        """Its parts of seven days; the last one may have fewer."""
        days = self.days
        return [
            Period(self.property_id, part[0], part[-1])
            for part in (days[i : i + 7] for i in range(0, len(days), 7))
        ]

    def instants(self, timezone: str, day_end: time) -> tuple[datetime, datetime]:
        """From when to before when they last."""
        before = self.first - timedelta(days=1)
        return (
            business_day_end(before, timezone, day_end),
            business_day_end(self.last, timezone, day_end),
        )


class ReportedStay(msgspec.Struct, frozen=True):
    """A room of guests who have been there, or are, and the price that it was sold for; minor units."""

    reference: str
    position: int
    status: Status
    given_name: str
    family_name: str
    guest_name: str | None
    room_type: str
    rate_plan: str
    arrival: date
    departure: date
    adults: int
    children: tuple[int, ...]
    currency: str
    net: int
    tax: int
    total: int
    terms: SaleTerms
    night_prices: tuple[NightPrice, ...]

    @property
    def guest(self) -> str:
        """Who is in the room, as far as it is known."""
        return self.guest_name or full_name(self.given_name, self.family_name)

    @property
    def taxes(self) -> tuple[Line, ...]:
        """The lines of its taxes, recomputed from the rules that it was sold with."""
        price = recompute(self.terms, self.night_prices, self.adults, self.children)
        return tuple(line for line in price.lines if line.kind == "tax")


class TaxSum(msgspec.Struct, frozen=True):
    """What one tax comes to over several stays; `rate` in parts per million, None for an amount."""

    code: str
    name: str
    rate: int | None
    included: bool
    currency: str
    rooms: int
    amount: int

    @property
    def said_rate(self) -> str:
        """The rate in words; empty where it is an amount."""
        return "" if self.rate is None else percent(self.rate)


class LinePosition(msgspec.Struct, frozen=True):
    """Where a line stands among those of all accounts: by its time, then charges, then money."""

    at: datetime
    source: int
    id: int


class Posting(msgspec.Struct, frozen=True):
    """A line of a guest's account: what they owe by it (above zero), or paid (below); minor units. `source`
    is 0 for a charge and 1 for money, and `id` its number there."""

    at: datetime
    source: int
    id: int
    reference: str
    kind: str
    gateway: str | None
    receipt: str | None
    amount: int
    currency: str

    @property
    def place(self) -> LinePosition:
        """Where it stands."""
        return LinePosition(self.at, self.source, self.id)


class MovementSum(msgspec.Struct, frozen=True):
    """Such lines of one kind and one way to pay, added up."""

    kind: str
    gateway: str | None
    currency: str
    number: int
    amount: int


# What stays took, though they may have ended early: nights that went back on sale were somebody else's. Who
# came and left before the first night was over has no night and paid all the same. The nights of a stay add
# up to what it was sold for: 100.00 over three are 33.33, 33.33 and 33.34.
_NIGHTS = """
WITH sold AS (
    SELECT coalesce(lower(r.taken), r.arrival) AS first, coalesce(upper(r.taken), r.arrival + 1) AS until,
           r.net, (r.taken IS NOT NULL)::int AS sold
      FROM booking_entry e JOIN reservation r ON r.booking_id = e.booking_id
     WHERE e.property_id = $1 AND e.arrival BETWEEN $2::date - $4::int AND $3 AND e.departure >= $2
       AND r.status IN ('confirmed', 'checked_in', 'checked_out')
), night_sold AS (
    SELECT s.first + i AS night, sum(s.sold)::int AS sold,
           sum(s.net * (i + 1) / (s.until - s.first) - s.net * i / (s.until - s.first))::bigint AS revenue,
           (count(*) FILTER (WHERE i = 0))::int AS arrivals
      FROM sold s CROSS JOIN LATERAL generate_series(greatest($2::date - s.first, 0),
                                                     least($3::date - s.first, s.until - s.first - 1)) AS i
     GROUP BY 1
), offered AS (
    SELECT n.night, sum(n.capacity)::int AS available
      FROM room_type t
     CROSS JOIN LATERAL (SELECT night, capacity FROM room_night
                          WHERE room_type_id = t.id AND night BETWEEN $2 AND $3 OFFSET 0) AS n
     WHERE t.property_id = $1 GROUP BY 1
)
SELECT night, coalesce(o.available, 0) AS available, coalesce(s.sold, 0) AS sold,
       coalesce(s.revenue, 0) AS revenue, coalesce(s.arrivals, 0) AS arrivals
  FROM night_sold s FULL JOIN offered o USING (night) ORDER BY night
"""


async def nights(tx: Transaction, period: Period) -> list[NightFigures]:
    """Each night that begins on a day of the period. What there was to sell is not known any more of nights
    that went to the archive."""
    rows = await tx.fetch_as(NightFigures, _NIGHTS, period.property_id, period.first, period.last, MAX_NIGHTS)
    found = {row.night: row for row in rows}
    return [found.get(day, NightFigures(day)) for day in period.days]


def total(figures: Iterable[NightFigures], first: date) -> NightFigures:
    """All nights together."""
    known = list(figures)
    return NightFigures(
        first,
        available=sum(night.available for night in known),
        sold=sum(night.sold for night in known),
        revenue=sum(night.revenue for night in known),
        arrivals=sum(night.arrivals for night in known),
    )


_STAYS = """
SELECT b.reference, r.position, r.status, g.given_name, g.family_name, r.guest_name, t.code AS room_type,
       p.code AS rate_plan, r.arrival, r.departure, r.adults, r.children, b.currency, r.net, r.tax, r.total,
       s.body AS terms, r.night_prices
  FROM booking_entry e
  JOIN booking b ON b.id = e.booking_id
  JOIN guest g ON g.id = b.guest_id
  JOIN reservation r ON r.booking_id = e.booking_id
  JOIN room_type t ON t.id = r.room_type_id
  JOIN rate_plan p ON p.id = r.rate_plan_id
  JOIN sale_terms s ON s.id = r.terms_id
 WHERE e.property_id = $1 AND e.arrival BETWEEN $2::date - $4::int AND $3 AND e.departure >= $2
   AND r.departure BETWEEN $2 AND $3 AND r.status IN ('checked_in', 'checked_out')
 ORDER BY r.departure, b.reference, r.position
"""


async def stays_ending(tx: Transaction, week: Period) -> list[ReportedStay]:
    """The rooms whose guests came and were to leave in these days: a week's at most, as each has its terms
    with it."""
    return await tx.fetch_as(ReportedStay, _STAYS, week.property_id, week.first, week.last, MAX_NIGHTS)


def tax_sums(stays: Iterable[ReportedStay]) -> list[TaxSum]:
    """Their taxes by code and rate: one that was 7% and is 10% now is two lines."""
    found: dict[tuple[str, str, int, bool, str], list[int]] = {}
    for stay in stays:
        for line in stay.taxes:
            rate = -1 if line.rate is None else line.rate
            held = found.setdefault((line.code, line.name, rate, line.included, stay.currency), [0, 0])
            held[0] += 1
            held[1] += line.amount
    return [
        TaxSum(code, name, None if rate < 0 else rate, included, currency, *found[key])
        for key in sorted(found)
        for code, name, rate, included, currency in [key]
    ]


# Both tables have an index by time, which costs what they grew by in the period.
_MOVED = """
  FROM (SELECT created_at, 0 AS source, id, booking_id, kind, amount, currency, NULL::uuid AS payment_id
          FROM ledger_charge WHERE created_at >= $2 AND created_at < $3
         UNION ALL
        SELECT created_at, 1, id, booking_id, kind, -amount, currency, payment_id
          FROM ledger_entry WHERE created_at >= $2 AND created_at < $3) AS l
 CROSS JOIN LATERAL (SELECT reference FROM booking WHERE id = l.booking_id AND property_id = $1 OFFSET 0) AS b
  LEFT JOIN LATERAL (SELECT gateway, receipt FROM payment WHERE id = l.payment_id OFFSET 0) AS p ON true
"""
_SUMS = f"""
SELECT l.kind, p.gateway, l.currency, count(*) AS number, sum(l.amount)::bigint AS amount {_MOVED}
 GROUP BY 1, 2, 3
"""
_LINES = f"""
SELECT l.created_at AS at, l.source, l.id, b.reference, l.kind, p.gateway,
       CASE WHEN l.kind LIKE 'payment%' THEN p.receipt END AS receipt, l.amount, l.currency {_MOVED}
 WHERE (l.created_at, l.source, l.id) > ($2, $4, $5)
 ORDER BY l.created_at, l.source, l.id LIMIT $6
"""
_KINDS = (
    "stay", "fee", "goodwill", "reversal", "payment", "payment_reversed", "refund", "refund_reversed",
)  # fmt: skip


async def movement_sums(
    tx: Transaction, *, property_id: int, since: datetime, until: datetime
) -> list[MovementSum]:
    """What guests were charged and paid from `since` to before `until`, by kind and way to pay."""
    sums = await tx.fetch_as(MovementSum, _SUMS, property_id, since, until)
    return sorted(sums, key=lambda one: (_KINDS.index(one.kind), one.gateway or "", one.currency))


async def movements(
    tx: Transaction,
    *,
    property_id: int,
    since: datetime,
    until: datetime,
    after: LinePosition | None = None,
    limit: int,
) -> tuple[list[Posting], LinePosition | None]:
    """The same line by line, the next `limit` in the order of time, and where to go on; None: there is no
    further line."""
    after = after or LinePosition(since, -1, 0)
    lines = await tx.fetch_as(
        Posting, _LINES, property_id, max(since, after.at), until, after.source, after.id, limit
    )
    return lines, lines[-1].place if len(lines) == limit else None
