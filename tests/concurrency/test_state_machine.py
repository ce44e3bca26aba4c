"""Every verb in every order against a model: rooms, holds, stays, desk payments, capacity and blocks agree
after each step."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import Conflict, Invalid
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.types import RoomRequest
from hotel_booking.domains.inventory import blocks
from hotel_booking.domains.inventory.errors import RoomInUse, RoomIsSold, SoldOut
from hotel_booking.domains.payments.errors import TooMuch
from hotel_booking.domains.rates.ari import AriUpdate
from hotel_booking.domains.rates.queries import load_catalogue
from hotel_booking.domains.rates.service import CapacityBelowSold, update_ari
from hotel_booking.ops.embedded import Cluster
from tests.databases import migrated
from tests.factories.invariants import differences
from tests.factories.small_hotel import (
    GUEST,
    NIGHTS,
    NOW,
    SLUG,
    small_hotel,
    stay,
)

pytestmark = pytest.mark.postgresql

Result = TypeVar("Result")
FIRSTS = st.integers(0, 5)
LENGTHS = st.integers(1, 4)
TYPES = ("DBL", "SGL")
PICK = st.integers(0, 10_000)
HOLD = timedelta(minutes=15)


def share_a_night(one: Stay, other: Stay) -> bool:
    """Whether two stays have a night in common."""
    return one.arrival < other.departure and other.arrival < one.departure


class Known:
    """What the model knows of a booking."""

    def __init__(self, booking_id: UUID, when: Stay, types: list[str], expires: datetime) -> None:
        self.id, self.stay, self.types, self.expires = booking_id, when, types, expires
        self.status = "held"
        # Rooms whose guests have left, or did not come: from which day on. Those that were cancelled: ever.
        self.gone: dict[int, date] = {}
        self.came: dict[int, datetime] = {}  # of rooms whose guests are in the house, or were: since when
        self.taken: dict[UUID, tuple[int, datetime]] = {}  # at the desk, and not reversed

    @property
    def staying(self) -> list[str]:
        """The types of the rooms whose guests are in the house or expected."""
        return [kind for index, kind in enumerate(self.types) if index not in self.gone]

    @property
    def expected(self) -> list[int]:
        """The rooms whose guests have not come yet, counted from 0."""
        return [index for index in range(len(self.types)) if index not in {*self.came, *self.gone}]

    @property
    def inside(self) -> list[int]:
        """The rooms whose guests are in the house, counted from 0."""
        return [index for index in self.came if index not in self.gone]

    @property
    def inside_since(self) -> datetime:
        """When the last of them came."""
        return max(self.came.values())

    def arrive(self, rooms: list[int]) -> datetime:
        """When the next guests come: after those who are there, on the day of arrival."""
        at = datetime.combine(self.stay.arrival, time(14), UTC) + timedelta(minutes=len(self.came))
        self.came |= dict.fromkeys(rooms, at)
        self.status = "checked_in"
        return at

    def has(self, kind: str, night: date) -> int:
        """Rooms of a type it has on a night."""
        live = self.status in ("held", "confirmed", "checked_in", "checked_out")
        until = [
            self.gone.get(index, self.stay.departure if live else self.stay.arrival)
            for index, each in enumerate(self.types)
            if each == kind
        ]
        return sum(self.stay.arrival <= night < last for last in until)

    def can_leave(self, rooms: list[int], on: date) -> bool:
        """Whether the guests of these rooms may check out: the last not while some can come no more."""
        late = self.expected and on >= self.stay.departure
        return bool(rooms) and {*rooms} <= {*self.inside} and not (late and {*rooms} == {*self.inside})

    def checks_out(self, on: date) -> datetime:
        """When the desk is told that guests have left on a day: not before it, nor before they came."""
        return max(datetime.combine(on, time(12), UTC), self.inside_since + timedelta(hours=1))

    def leave(self, rooms: list[int], on: date) -> None:
        """The guests of these rooms, counted from 0, have left."""
        self.gone |= dict.fromkeys(rooms, min(on, self.stay.departure))


class House(RuleBasedStateMachine):
    """Two room types, two rooms of each, ten nights that stays cross in every way."""

    cluster: Cluster

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.name = f"machine_{uuid4().hex}"
        self.cluster.create_database(self.name, template=migrated(self.cluster))
        self.context = Database.open(self.cluster.url(self.name), size=2)
        self.db = self.loop.run_until_complete(self.context.__aenter__())
        self.now = NOW
        self.bookings: list[Known] = []
        self.blocks: dict[int, tuple[str, Stay]] = {}
        self.capacity: dict[tuple[str, date], int] = {}

    def teardown(self) -> None:
        self.loop.run_until_complete(self.context.__aexit__(None, None, None))
        self.loop.close()
        self.cluster.drop_database(self.name)

    @initialize()
    def open_the_house(self) -> None:
        self.ids = self.loop.run_until_complete(small_hotel(self.db, rooms=2, room_types=TYPES))
        for kind in TYPES:
            self.capacity |= {(kind, night): 2 for night in stay(0, NIGHTS)}

    # The model -------------------------------------------------------------------------------------

    def taken(self, kind: str, night: date) -> int:
        return sum(booking.has(kind, night) for booking in self.bookings)

    def blocked(self, kind: str, night: date) -> int:
        return sum(
            room.startswith(kind) and when.arrival <= night < when.departure
            for room, when in self.blocks.values()
        )

    def room_for(self, when: Stay, types: list[str]) -> bool:
        return all(
            self.taken(kind, night) + types.count(kind)
            <= max(min(2 - self.blocked(kind, night), self.capacity[kind, night]), 0)
            for kind in types
            for night in when
        )

    def lapse_crossing(self, when: Stay, types: list[str], now: datetime | None = None) -> None:
        """What any wish for these nights does first where there are too few rooms for it."""
        if self.room_for(when, types):
            return
        for booking in self.bookings:
            crosses = share_a_night(booking.stay, when) and set(booking.types) & set(types)
            if booking.status == "held" and booking.expires <= (now or self.now) and crosses:
                booking.status = "expired"

    def pick(self, number: int, *statuses: str) -> Known | None:
        some = [booking for booking in self.bookings if booking.status in statuses]
        return some[number % len(some)] if some else None

    def do(self, act: Callable[[Transaction], Awaitable[Result]]) -> Result | Conflict:
        async def run() -> Result | Conflict:
            try:
                async with self.db.transaction() as tx:
                    return await act(tx)
            except Conflict as refused:
                return refused

        return self.loop.run_until_complete(run())

    # The verbs -------------------------------------------------------------------------------------

    @rule(first=FIRSTS, nights=LENGTHS, types=st.lists(st.sampled_from(TYPES), min_size=1, max_size=3))
    def hold(self, first: int, nights: int, types: list[str]) -> None:
        when = stay(first + 2, nights)
        # A quote for today's prices that takes no room; made before anything was sold it would be refused
        # by what is left, so it is priced by agreement and only the hold decides.
        quote = self.loop.run_until_complete(self._quote(when, types))
        possible = self._possible_after_lapse(when, types)
        result = self.do(lambda tx: service.hold(tx, quote_id=quote, guest=GUEST, now=self.now))
        if isinstance(result, Conflict):
            assert isinstance(result, SoldOut)
            assert not possible
        else:
            assert possible
            self.lapse_crossing(when, types)
            self.bookings.append(Known(result.booking.id, when, types, self.now + HOLD))

    async def _quote(self, when: Stay, types: list[str]) -> UUID:
        async with self.db.transaction() as tx:
            quote = await service.quote(
                tx,
                property_slug=SLUG,
                stay=when,
                rooms=[RoomRequest(kind, "FLEX") for kind in types],
                now=self.now,
                agreed_price=10_000,
            )
        return quote.id

    def _possible_after_lapse(self, when: Stay, types: list[str], now: datetime | None = None) -> bool:
        before = [(booking, booking.status) for booking in self.bookings]
        self.lapse_crossing(when, types, now)
        possible = self.room_for(when, types)
        for booking, status in before:
            booking.status = status  # a refused wish changes nothing
        return possible

    @rule(minutes=st.integers(1, 20))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(number=PICK)
    def lapse(self, number: int) -> None:
        booking = self.pick(number, "held", "expired", "confirmed")
        if booking is None:
            return
        due = booking.status == "held" and booking.expires <= self.now
        assert self.do(lambda tx: service.lapse(tx, booking_id=booking.id, now=self.now)) is due
        if due:
            booking.status = "expired"

    @rule(number=PICK)
    def confirm(self, number: int) -> None:
        booking = self.pick(number, "held", "expired", "confirmed")
        if booking is None:
            return
        possible = booking.status != "expired" or self._possible_after_lapse(booking.stay, booking.types)
        result = self.do(lambda tx: service.confirm(tx, booking_id=booking.id, now=self.now))
        assert (result is None) == possible
        if possible:
            if booking.status == "expired":
                self.lapse_crossing(booking.stay, booking.types)
            booking.status = "confirmed"

    @rule(number=PICK, first=FIRSTS, nights=LENGTHS)
    def amend(self, number: int, first: int, nights: int) -> None:
        booking = self.pick(number, "confirmed")
        when = stay(first + 2, nights)
        if booking is None or booking.stay == when:
            return
        own, booking.status = booking.status, "moving"
        possible = self._possible_after_lapse(when, booking.staying)
        result = self.do(
            lambda tx: service.amend(
                tx, booking_id=booking.id, now=self.now, arrival=when.arrival, departure=when.departure
            )
        )
        assert isinstance(result, Conflict) != possible, result
        if possible:
            self.lapse_crossing(when, booking.staying)
            booking.stay = when
        booking.status = own

    @rule(number=PICK)
    def cancel(self, number: int) -> None:
        booking = self.pick(number, "held", "confirmed")
        if booking is None:
            return
        result = self.do(lambda tx: service.cancel(tx, booking_id=booking.id, now=self.now))
        assert not isinstance(result, Conflict)
        booking.status = "cancelled"

    @rule(number=PICK, which=PICK)
    def cancel_one_room(self, number: int, which: int) -> None:
        booking = self.pick(number, "confirmed", "checked_in")
        if booking is None:
            return
        room = which % len(booking.types)
        possible = booking.status == "confirmed" and room not in booking.gone
        result = self.do(lambda tx: service.cancel(tx, booking_id=booking.id, now=self.now, rooms=[room + 1]))
        assert isinstance(result, Conflict) != possible, result
        if possible:
            booking.leave([room], date.min)
            booking.status = "confirmed" if booking.staying else "cancelled"

    @rule(kind=st.sampled_from(TYPES), first=FIRSTS, nights=LENGTHS, rooms=st.integers(0, 2))
    def set_capacity(self, kind: str, first: int, nights: int, rooms: int) -> None:
        when = stay(first + 2, nights)
        line = AriUpdate(kind, when.arrival, when.departure - timedelta(days=1), capacity=rooms)

        async def act(tx: Transaction) -> object:
            catalogue = await load_catalogue(tx, SLUG)
            return await update_ari(tx, catalogue=catalogue, updates=[line], now=self.now)

        possible = all(
            self.taken(kind, night) <= max(min(2 - self.blocked(kind, night), rooms), 0) for night in when
        )
        result = self.do(act)
        assert isinstance(result, CapacityBelowSold) != possible
        if possible:
            self.capacity |= {(kind, night): rooms for night in when}

    @rule(kind=st.sampled_from(TYPES), room=st.integers(1, 2), first=FIRSTS, nights=LENGTHS)
    def block(self, kind: str, room: int, first: int, nights: int) -> None:
        when = stay(first + 2, nights)
        number = f"{kind}-{room}"
        free = all(
            self.taken(kind, night)
            <= max(min(2 - self.blocked(kind, night) - 1, self.capacity[kind, night]), 0)
            for night in when
        )
        unused = not any(other == number and share_a_night(use, when) for other, use in self.blocks.values())

        async def act(tx: Transaction) -> blocks.Block:
            property_id = await tx.fetchval("SELECT id FROM property")
            return await blocks.block(tx, property_id=property_id, room=number, stay=when, reason="paint")

        result = self.do(act)
        if isinstance(result, Conflict):
            assert isinstance(result, RoomIsSold if not free else RoomInUse)
            assert not (free and unused)
        else:
            assert free
            assert unused
            self.blocks[result.id] = (number, when)

    @rule(number=PICK)
    def unblock(self, number: int) -> None:
        if not self.blocks:
            return
        block_id = sorted(self.blocks)[number % len(self.blocks)]

        async def act(tx: Transaction) -> None:
            property_id = await tx.fetchval("SELECT id FROM property")
            await blocks.unblock(tx, property_id=property_id, block_id=block_id)

        assert self.do(act) is None
        del self.blocks[block_id]

    # At the desk -----------------------------------------------------------------------------------
    # The desk's clock is on the day that a stay needs; all other verbs stay with the machine's.

    @rule(number=PICK)
    def check_in(self, number: int) -> None:
        booking = self.pick(number, "confirmed")
        if booking is None:
            return
        arrived = booking.arrive(booking.expected)
        result = self.do(
            lambda tx: service.check_in(
                tx, booking_id=booking.id, now=arrived, override="rooms are given later"
            )
        )
        assert not isinstance(result, Conflict), result

    @rule(number=PICK, which=PICK)
    def some_come(self, number: int, which: int) -> None:
        """The guests of one room come before or after those of the others."""
        booking = self.pick(number, "confirmed", "checked_in")
        if booking is None:
            return
        room = which % len(booking.types)
        possible = room not in booking.came and room not in booking.gone
        at = datetime.combine(booking.stay.arrival, time(20), UTC)
        at = booking.arrive([room]) if possible else at
        result = self.do(
            lambda tx: service.check_in(
                tx, booking_id=booking.id, now=at, arriving=[room + 1], override="rooms are given later"
            )
        )
        assert isinstance(result, Conflict) != possible, result

    @rule(number=PICK, which=PICK)
    def some_stay_away(self, number: int, which: int) -> None:
        """Nobody comes to one room, though others of the booking came."""
        booking = self.pick(number, "checked_in")
        if booking is None:
            return
        room = which % len(booking.types)
        possible = room not in booking.came and room not in booking.gone
        at = datetime.combine(booking.stay.arrival, time(21), UTC)
        result = self.do(lambda tx: service.no_show(tx, booking_id=booking.id, now=at, rooms=[room + 1]))
        assert isinstance(result, Conflict) != possible, result
        if possible:
            booking.leave([room], booking.stay.arrival)
            booking.status = "checked_in" if booking.staying else "checked_out"

    @rule(number=PICK)
    def undo_check_in(self, number: int) -> None:
        booking = self.pick(number, "checked_in", "checked_out")
        if booking is None:
            return
        later = booking.inside_since + timedelta(hours=2)
        paid_since = any(at > booking.inside_since for _, at in booking.taken.values())
        left = [room for room, day in booking.gone.items() if day != date.min]
        result = self.do(lambda tx: service.undo_check_in(tx, booking_id=booking.id, now=later))
        # What goes back of a payment does not count; only the database knows of which one it went back.
        if isinstance(result, Conflict):
            assert booking.status == "checked_out" or paid_since or left
        else:
            assert booking.status == "checked_in"
            assert not left
            last = booking.inside_since
            booking.came = {room: at for room, at in booking.came.items() if at < last}
            booking.status = "checked_in" if booking.came else "confirmed"

    @rule(number=PICK, nights=LENGTHS)
    def change_departure(self, number: int, nights: int) -> None:
        """Guests in the house leave earlier, or stay on."""
        booking = self.pick(number, "checked_in")
        if booking is None or len(list(booking.stay)) == nights:
            return
        now = booking.inside_since + timedelta(hours=1)
        when = Stay(booking.stay.arrival, booking.stay.arrival + timedelta(days=nights))
        booking.status = "moving"
        possible = self._possible_after_lapse(when, booking.staying, now)
        result = self.do(
            lambda tx: service.amend(
                tx,
                booking_id=booking.id,
                now=now,
                departure=when.departure,
                by_guest=False,
                override="they have to leave",
                waive=True,
            )
        )
        assert isinstance(result, Conflict) != possible, result
        if possible:
            self.lapse_crossing(when, booking.staying, now)
            booking.stay = when
        booking.status = "checked_in"

    @rule(number=PICK, nights=st.integers(0, 5))
    def check_out(self, number: int, nights: int) -> None:
        booking = self.pick(number, "checked_in")
        if booking is None:
            return
        left = booking.stay.arrival + timedelta(days=nights)
        possible = booking.can_leave(booking.inside, left)
        at = booking.checks_out(left)
        result = self.do(
            lambda tx: service.check_out(
                tx, booking_id=booking.id, now=at, departed=left, override="the company pays"
            )
        )
        assert isinstance(result, Conflict) != possible, result
        if possible:
            booking.leave(booking.inside, left)
            booking.status = "checked_in" if booking.staying else "checked_out"

    @rule(number=PICK, which=PICK, nights=st.integers(0, 5))
    def some_leave(self, number: int, which: int, nights: int) -> None:
        """The guests of one room leave; those of the others stay, if there are any."""
        booking = self.pick(number, "checked_in", "checked_out")
        if booking is None:
            return
        room = which % len(booking.types)
        left = booking.stay.arrival + timedelta(days=nights)
        possible = booking.can_leave([room], left)
        at = booking.checks_out(left)
        result = self.do(
            lambda tx: service.check_out(
                tx,
                booking_id=booking.id,
                now=at,
                rooms=[room + 1],
                departed=left,
                override="the company pays",
            )
        )
        assert isinstance(result, Conflict) != possible, result
        if possible:
            booking.leave([room], left)
            booking.status = "checked_in" if booking.staying else "checked_out"

    @rule(number=PICK, part=st.integers(1, 12_000))
    def pay_at_the_desk(self, number: int, part: int) -> None:
        booking = self.pick(number, "held", "confirmed", "checked_in", "checked_out", "cancelled", "expired")
        if booking is None:
            return
        known = self.do(lambda tx: booking_by_id(tx, booking.id))
        assert not isinstance(known, Conflict)
        owed = 0 if booking.status in ("held", "expired") else still_open(known)
        at = booking.inside_since + timedelta(minutes=30) if booking.status == "checked_in" else self.now

        async def act(tx: Transaction) -> UUID | Invalid:
            try:
                payment = await service.record_desk_payment(
                    tx, booking_id=booking.id, amount=part, way="cash", receipt=None, now=at
                )
            except TooMuch as refused:
                return refused
            return payment.id

        result = self.do(act)
        assert isinstance(result, UUID) == (part <= owed), result
        if isinstance(result, UUID):
            booking.taken[result] = (part, at)

    @rule(number=PICK, which=PICK)
    def reverse_at_the_desk(self, number: int, which: int) -> None:
        paid = [booking for booking in self.bookings if booking.taken]
        if not paid:
            return
        booking = paid[number % len(paid)]
        payment = list(booking.taken)[which % len(booking.taken)]
        given = self.do(lambda tx: tx.fetchval("SELECT count(*) FROM refund WHERE payment_id = $1", payment))
        result = self.do(
            lambda tx: service.reverse_desk_payment(
                tx, booking_id=booking.id, payment_id=payment, reason="typed twice", now=self.now
            )
        )
        assert isinstance(result, Conflict) == (given != 0), result
        if result is None:
            del booking.taken[payment]

    # After every step ------------------------------------------------------------------------------

    @invariant()
    def the_database_agrees(self) -> None:
        if not self.capacity:
            return
        self.loop.run_until_complete(self._agrees())

    async def _agrees(self) -> None:
        async with self.db.transaction() as tx:
            rows = await tx.fetch(
                "SELECT t.code, n.night, n.capacity, n.blocked, n.taken FROM room_night n"
                " JOIN room_type t ON t.id = n.room_type_id WHERE n.night < $1",
                stay(12, 1).arrival,
            )
            for row in rows:
                key = (row["code"], row["night"])
                left = max(min(2 - self.blocked(*key), self.capacity[key]), 0)
                model = (left, self.blocked(*key), self.taken(*key))
                assert (row["capacity"], row["blocked"], row["taken"]) == model, key
            rows = await tx.fetch("SELECT id, status FROM booking")
            states = {row["id"]: row["status"] for row in rows}
            assert states == {booking.id: booking.status for booking in self.bookings}
            lines = await tx.fetchval("SELECT coalesce(sum(amount), 0)::bigint FROM ledger_entry")
            taken = [amount for booking in self.bookings for amount, _ in booking.taken.values()]
            assert lines == sum(taken)  # what is to be given back is not given yet
        assert await differences(self.db) == []


def run(cluster: Cluster, examples: int, steps: int) -> None:
    House.cluster = cluster
    run_state_machine_as_test(
        House,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_no_order_of_verbs_breaks_an_invariant(cluster: Cluster) -> None:
    run(cluster, examples=12, steps=30)


@pytest.mark.nightly
def test_no_order_of_verbs_breaks_an_invariant_for_long(cluster: Cluster) -> None:
    run(cluster, examples=400, steps=60)
