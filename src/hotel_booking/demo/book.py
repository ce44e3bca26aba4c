"""A property's book: who has stayed, who is staying, who is coming, and who is not any more.

Nothing here touches the database: bookings are drawn one by one, priced by the same rules as real sales,
and count their nights on the shelf.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

import msgspec

from hotel_booking.demo import guests
from hotel_booking.demo.draws import draws
from hotel_booking.demo.inventory import Shelf
from hotel_booking.demo.property import (
    Period,
    Plan,
    Property,
    RoomType,
)
from hotel_booking.demo.rates import Sheet
from hotel_booking.domains.bookings.types import SaleTerms, Status
from hotel_booking.domains.rates.cancellation import due_now, fee_amount, fee_at
from hotel_booking.domains.rates.pricing import night_totals, price
from hotel_booking.domains.rates.types import NightPrice, Occupancy

# Arrivals a day, in thousandths of the property's rooms, by how far ahead they lie.
_PAST_DAYS, _PAST = 8, 165
_NEAR_DAYS, _NEAR_FROM, _NEAR_TO = 21, 130, 15
_FAR_DAYS, _FAR = 150, 2
LENGTHS = (1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 7)
_SOLD_OUT_WINDOWS = 3
_SMALL_PROPERTY = 24
_SOURCES = ("web", "web", "web", "web", "web", "phone", "phone", "partner")

TermsOf = Callable[[RoomType, Plan], tuple[UUID, SaleTerms]]


class StayRow(msgspec.Struct):
    """One reservation. `taken` are the nights it counts, None where none."""

    id: UUID
    kind: RoomType
    plan: Plan
    terms_id: UUID
    taken: tuple[date, date] | None
    adults: int
    children: tuple[int, ...]
    guest_name: str | None
    night_prices: tuple[NightPrice, ...]
    net: int
    tax: int
    total: int
    fee: int


class BookingRow(msgspec.Struct):
    """One booking with its reservations and its money. Instants are UTC."""

    id: UUID
    guest_id: UUID
    person: guests.Person
    reference: int
    access_hash: bytes
    status: Status
    arrival: date
    departure: date
    due_now: int
    source: str
    requests: str | None
    created_at: datetime
    confirmed_at: datetime
    cancelled_at: datetime | None
    checked_in_at: datetime | None
    checked_out_at: datetime | None
    rooms: list[StayRow]
    payment_id: UUID
    refund_id: UUID

    @property
    def total(self) -> int:
        """Minor units."""
        return sum(room.total for room in self.rooms)

    @property
    def refund(self) -> int:
        """What went back on cancelling: what was paid less the fees."""
        if self.status != "cancelled":
            return 0
        return max(0, self.due_now - sum(room.fee for room in self.rooms))


class Bookkeeper:
    """Draws the bookings of one property."""

    def __init__(self, property_: Property, shelf: Shelf, sheet: Sheet, period: Period, seed: int) -> None:
        self._property = property_
        self._shelf = shelf
        self._sheet = sheet
        self._today = period.today
        self._last = period.first + timedelta(days=period.nights)
        self._rng = draws(seed, property_.outline.slug, "book")
        # What has happened, happened before the moment of loading.
        self._latest = period.now - timedelta(minutes=1)

    def bookings(self, terms_of: TermsOf) -> Iterator[BookingRow]:
        """All of them; the shelf is complete when the iterator has ended."""
        for arrival in self._arrivals():
            booking = self._booking(arrival, terms_of)
            if booking is not None:
                yield booking
        yield from self._sold_out(terms_of)

    def _arrivals(self) -> Iterator[date]:
        rooms = self._property.outline.rooms
        for offset in range(-_PAST_DAYS, _FAR_DAYS):
            if offset < 0:
                density = _PAST
            elif offset < _NEAR_DAYS:
                density = _NEAR_FROM - (_NEAR_FROM - _NEAR_TO) * offset // _NEAR_DAYS
            else:
                density = _FAR
            whole, part = divmod(rooms * density, 1000)
            for _ in range(whole + (self._rng.randrange(1000) < part)):
                yield self._today + timedelta(days=offset)

    def _booking(self, arrival: date, terms_of: TermsOf) -> BookingRow | None:
        rng = self._rng
        nights = rng.choice(LENGTHS) + (2 if self._property.character.week == "resort" else 0)
        departure = min(arrival + timedelta(days=nights), self._last)
        kinds = self._property.room_types
        kind = rng.choices(kinds, [len(kind.rooms) for kind in kinds])[0]
        rooms = 2 if rng.randrange(14) == 0 else 1
        # The popular type may be full: a guest takes the next one, or goes elsewhere.
        for candidate in (kind, *kinds):
            if self._shelf.left(candidate, arrival, departure) >= rooms:
                return self._draw(
                    candidate, arrival, departure, rooms, self._fate(arrival, departure), terms_of
                )
        return None

    def _sold_out(self, terms_of: TermsOf) -> Iterator[BookingRow]:
        """A few weekends and events on which the smallest types (in a small property, all) are gone."""
        property_ = self._property
        kinds = sorted(property_.room_types, key=lambda kind: len(kind.rooms))
        small = property_.outline.rooms <= _SMALL_PROPERTY
        fridays = [
            night.night
            for night in self._sheet.nights
            if timedelta(days=3) <= night.night - self._today <= timedelta(days=75)
            and night.night.weekday() == 4
        ]
        dear = [
            night.night
            for night in self._sheet.nights
            if night.event > 120 and timedelta(days=3) <= night.night - self._today <= timedelta(days=330)
        ]
        starts = self._rng.sample(fridays, _SOLD_OUT_WINDOWS - 1) + (dear[:1] or fridays[:1])
        for start in sorted(set(starts)):
            for kind in kinds if small else kinds[:1]:
                for night in (start, start + timedelta(days=1)):
                    yield from self._fill(kind, night, start + timedelta(days=2), terms_of)

    def _fill(self, kind: RoomType, night: date, end: date, terms_of: TermsOf) -> Iterator[BookingRow]:
        """Book the type until the night has no room left, for stays that end by `end`."""
        while self._shelf.left(kind, night, night + timedelta(days=1)) > 0:
            departure = end if self._shelf.left(kind, night, end) > 0 else night + timedelta(days=1)
            yield self._draw(kind, night, departure, 1, "confirmed", terms_of)

    def _fate(self, arrival: date, departure: date) -> Status:
        throw = self._rng.randrange(100)
        if throw < 7:
            return "cancelled"
        if arrival >= self._today:
            return "confirmed"
        if throw < 10:
            return "no_show"
        # Guests who leave today are still at breakfast.
        return "checked_out" if departure < self._today else "checked_in"

    def _draw(
        self, kind: RoomType, arrival: date, departure: date, rooms: int, status: Status, terms_of: TermsOf
    ) -> BookingRow:
        rng = self._rng
        # The last day on which it can have been made: for who is to come, as late as the day of loading.
        last = self._latest.date() if arrival > self._latest.date() else arrival - timedelta(days=1)
        created_on = last - timedelta(days=int(rng.expovariate(1 / 25)))
        created = self._at(created_on, rng.randrange(6 * 3600, 22 * 3600))
        plan = choose_plan(rng, self._property, (departure - arrival).days, (arrival - created_on).days)
        cancelled = self._cancelled_at(created, arrival) if status == "cancelled" else None
        person = guests.somebody(rng)
        booking = BookingRow(
            id=self._uuid(),
            guest_id=self._uuid(),
            person=person,
            reference=rng.getrandbits(45),
            # Bytes, not the hash of a token that the seed would give away: nobody has these tokens.
            access_hash=rng.randbytes(32),
            status=status,
            arrival=arrival,
            departure=departure,
            due_now=0,
            source=rng.choice(_SOURCES),
            requests=guests.request(rng),
            created_at=created,
            confirmed_at=min(created + timedelta(seconds=rng.randrange(40, 600)), self._latest),
            cancelled_at=cancelled,
            checked_in_at=None,
            checked_out_at=None,
            rooms=[],
            payment_id=self._uuid(),
            refund_id=self._uuid(),
        )
        if status in ("checked_in", "checked_out"):
            booking.checked_in_at = self._past(arrival, rng.randrange(13 * 3600, 22 * 3600))
        if status == "checked_out":
            booking.checked_out_at = self._past(departure, rng.randrange(6 * 3600, 11 * 3600))
        for position in range(rooms):
            self._add_room(booking, kind, plan, guests.somebody(rng).name if position else None, terms_of)
        return booking

    def _add_room(
        self, booking: BookingRow, kind: RoomType, plan: Plan, guest_name: str | None, terms_of: TermsOf
    ) -> None:
        terms_id, terms = terms_of(kind, plan)
        arrival, departure = booking.arrival, booking.departure
        night_prices = self._sheet.night_prices(kind, arrival, departure)
        party = party_for(self._rng, self._property, kind)
        whole = price(terms.rules, night_prices, party)
        shares = night_totals(whole)
        taken: tuple[date, date] | None = (arrival, departure)
        fee = 0
        if booking.cancelled_at is not None:
            taken = None
            fee = fee_at(
                terms.policy,
                arrival=arrival,
                timezone=self._property.city.timezone,
                total=whole.total,
                night_totals=shares,
                at=booking.cancelled_at,
                currency=whole.currency,
            )
        elif booking.status == "no_show":
            # Found missing at the end of the first night; the others are given back.
            taken = (arrival, arrival + timedelta(days=1))
            fee = fee_amount(
                terms.policy.no_show, total=whole.total, night_totals=shares, currency=whole.currency
            )
        if taken is not None:
            self._shelf.take(kind, *taken)
        booking.due_now += due_now(terms.deposit, whole.total, shares, currency=whole.currency)
        booking.rooms.append(
            StayRow(
                id=self._uuid(),
                kind=kind,
                plan=plan,
                terms_id=terms_id,
                taken=taken,
                adults=party.adults,
                children=party.children,
                guest_name=guest_name,
                night_prices=night_prices,
                net=whole.net,
                tax=whole.tax,
                total=whole.total,
                fee=fee,
            )
        )

    def _cancelled_at(self, created: datetime, arrival: date) -> datetime:
        until = min(datetime.combine(arrival, time(12), UTC), self._latest)
        return created + (until - created) * self._rng.randrange(5, 96) / 100 if until > created else created

    def _at(self, day: date, seconds: int) -> datetime:
        """The instant, or one as far into the part of the day that has passed where the day has not ended."""
        midnight = datetime.combine(day, time(), UTC)
        passed = min(self._latest - midnight, timedelta(days=1))
        return midnight + timedelta(seconds=seconds) * (passed / timedelta(days=1))

    def _past(self, day: date, seconds: int) -> datetime:
        return min(datetime.combine(day, time(), UTC) + timedelta(seconds=seconds), self._latest)

    def _uuid(self) -> UUID:
        return UUID(int=self._rng.getrandbits(128), version=4)


def choose_plan(rng: random.Random, property_: Property, nights: int, days_before: int) -> Plan:
    """A plan that sells a stay of so many nights, so many days before."""
    weights = {"FLEX": 42, "NRF": 25, "EARLY": 25, "BB": 24, "HB": 40, "WEEKLY": 60}
    sold = [
        plan
        for plan in property_.plans
        if nights >= (plan.min_stay or 1) and days_before >= (plan.min_advance_days or 0)
    ]
    return rng.choices(sold, [weights[plan.code] for plan in sold])[0]


def party_for(rng: random.Random, property_: Property, kind: RoomType) -> Occupancy:
    """Who sleeps in a room of this type."""
    base, most, most_adults, most_children = kind.outline.persons
    adults = min(rng.choice((1, 2, 2, 2, 2, 2, 3)), most_adults)
    wanted = 75 if most_children >= 3 else 15
    children: tuple[int, ...] = ()
    places = min(most_children, most - adults)
    if adults <= base and places > 0 and rng.randrange(100) < wanted:
        count = rng.randrange(1, places + 1)
        oldest = property_.character.children[-1]
        children = tuple(sorted(rng.randrange(1, oldest + 1) for _ in range(count)))
    return Occupancy(adults, children)
