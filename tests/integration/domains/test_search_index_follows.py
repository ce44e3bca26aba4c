"""The search index in step with the database: after every kind of change it says what a fresh load says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import pytest

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.bookings import service as bookings
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.inventory import blocks, rooms
from hotel_booking.domains.properties.types import NewRoom
from hotel_booking.domains.rates import edits
from hotel_booking.domains.rates.ari import AriUpdate
from hotel_booking.domains.rates.changes import BulkEdit, CellKey
from hotel_booking.domains.rates.edits import Cell
from hotel_booking.domains.rates.queries import Catalogue, load_catalogue
from hotel_booking.domains.rates.repricing import PriceChange
from hotel_booking.domains.search.index.follow import Follower
from hotel_booking.domains.search.index.load import load
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.factories.search_index import told
from tests.factories.small_hotel import FIRST, GUEST, NOW, SLUG, make_quote, small_hotel, stay

T = TypeVar("T")
pytestmark = pytest.mark.postgresql


class Followed:
    """A hotel, and an index of it that is followed."""

    def __init__(self, db: Database, folder: Path, types: dict[str, int], follower: Follower) -> None:
        self.db, self.types, self.follower = db, types, follower
        self._folder = folder
        self._fresh = 0

    async def change(self, statement: str, *args: object) -> None:
        async with self.db.transaction() as tx:
            await tx.execute(statement, *args)

    async def agrees(self, now: datetime = NOW, *, changes: bool = True) -> None:
        """Follow, and compare with a file that is loaded now."""
        before = told(self.follower.writer.arrays)
        await self.follower.follow(now)
        self._fresh += 1
        fresh = told((await load(self.db, self._folder / f"fresh{self._fresh}", now=now)).arrays)
        assert told(self.follower.writer.arrays) == fresh
        if changes:
            assert before != fresh


@pytest.fixture
async def followed(db: Database, tmp_path: Path) -> Followed:
    types = await small_hotel(db, rooms=3, room_types=("DBL", "SGL"))
    return Followed(db, tmp_path, types, Follower(db, await load(db, tmp_path / "index", now=NOW)))


CHANGES = {
    "a room's block": "UPDATE room_night SET blocked = 1 WHERE night < '2030-03-05'",
    "stop-sell": "UPDATE room_night SET closed = true WHERE night = '2030-03-05'",
    "restrictions": "UPDATE room_night SET min_stay_arrival = 3, closed_to_arrival = true"
    " WHERE night > '2030-03-05'",
    "overbooking": "UPDATE room_night SET overbooking_limit = 5",
    "nights off sale": "DELETE FROM room_night WHERE night > '2030-04-01'",
    "nights on sale": "INSERT INTO room_night (room_type_id, night, physical)"
    " SELECT id, '2030-06-01', 7 FROM room_type",
    "prices": "UPDATE rate_night SET price = price + extract(day FROM night)::int",
    "no prices": "UPDATE rate_night SET price = NULL, min_stay_through = 2 WHERE night < '2030-03-09'",
    "prices gone": "DELETE FROM rate_night WHERE night = '2030-03-09'",
    "amounts for extra persons": "UPDATE rate_night SET extra_adult = 500 WHERE night = '2030-03-09'",
    "restrictions of a derived plan": "INSERT INTO rate_night (room_type_id, rate_plan_id, night, max_stay)"
    " SELECT t.id, r.id, '2030-03-09', 2 FROM room_type t, rate_plan r"
    " WHERE r.code = 'NRF' AND t.code = 'DBL'",
    "a room type's occupancy": "UPDATE room_type SET max_adults = 2, extra_adult = 900,"
    " child_amounts = '{100}'",
    "a room type off sale": "UPDATE room_type SET active = false WHERE code = 'DBL'",
    "the order of room types": "UPDATE room_type SET sort = CASE code WHEN 'DBL' THEN 2 ELSE 1 END",
    "a new room type": "WITH t AS (INSERT INTO room_type (property_id, code, name)"
    " SELECT id, 'TRP', 'Triple' FROM property RETURNING id)"
    " INSERT INTO room_night (room_type_id, night, physical) SELECT id, '2030-03-10', 1 FROM t",
    "a new plan": "WITH r AS (INSERT INTO rate_plan (property_id, code, name, policy_id)"
    " SELECT property_id, 'BB', 'Breakfast', id FROM cancellation_policy LIMIT 1 RETURNING id)"
    " INSERT INTO rate_night (room_type_id, rate_plan_id, night, price)"
    " SELECT t.id, r.id, '2030-03-10', 7000 FROM r, room_type t",
    "a plan off sale": "UPDATE rate_plan SET active = false WHERE code = 'NRF'",
    "a plan's parent off sale": "UPDATE rate_plan SET active = false WHERE code = 'FLEX'",
    "a plan's conditions": "UPDATE rate_plan SET min_stay = 2, max_advance_days = 30, meal = 19"
    " WHERE code = 'NRF'",
    "a plan's adjustment": "UPDATE rate_plan SET adjust_kind = 'amount', adjust_value = -500,"
    " adjust_per_person = true WHERE code = 'NRF'",
    "a policy": "UPDATE cancellation_policy SET name = 'Other', version = version + 1",
    "a new tax": "INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)"
    " SELECT id, 'CITY', 'City tax', 'fixed', 200, 21, false FROM property",
    "the hotel's name": "UPDATE property SET name = 'Other name', stars = 4, amenities = '{1,70,300}'",
    "the hotel's address on the web": "UPDATE property SET slug = 'elsewhere'",
    "the hotel's day": "UPDATE property SET timezone = 'Pacific/Auckland', day_end_time = '03:00'",
    "the hotel's place on earth": "UPDATE property SET lat = -36.8, lon = 174.7",
    "the hotel's child bands": "UPDATE property SET child_bands = '{5}'",
    "more child bands than fit": "UPDATE property SET child_bands = '{1,2,3,4,5,6}'",
    "a price that does not fit": "UPDATE rate_night SET price = 5000000000 WHERE night = '2030-03-09'",
    "the hotel off sale": "UPDATE property SET active = false",
    "a new hotel": "INSERT INTO property (slug, name, country, lat, lon, timezone, currency)"
    " VALUES ('other', 'Other', 'DE', 52.5, 13.4, 'Europe/Berlin', 'EUR')",
    "exchange rates": "INSERT INTO exchange_rate (currency, per_euro, as_of)"
    " VALUES ('USD', 1.1, '2030-03-01')",
}


@pytest.mark.parametrize("what", CHANGES)
async def test_a_change_is_followed(followed: Followed, what: str) -> None:
    await followed.change(CHANGES[what])
    await followed.agrees()
    await followed.agrees(changes=False)


async def test_what_comes_back_is_there_again(followed: Followed) -> None:
    """Off sale and on again, into what does not fit and out of it, and a derived plan's own restrictions."""
    back = {
        "the hotel off sale": "UPDATE property SET active = true",
        "a room type off sale": "UPDATE room_type SET active = true",
        "more child bands than fit": "UPDATE property SET child_bands = '{2,11}'",
        "a price that does not fit": "UPDATE rate_night SET price = 10000",
        "restrictions of a derived plan": "DELETE FROM rate_night WHERE max_stay = 2",
        "the hotel's place on earth": "UPDATE property SET lat = 38.7, lon = -9.1",
        "a plan's parent off sale": "UPDATE rate_plan SET active = true",
        "the hotel's address on the web": "UPDATE property SET slug = 'seaview'",
    }
    for what, statement in back.items():
        await followed.change(CHANGES[what])
        await followed.agrees()
        await followed.change(statement)
        await followed.agrees()


async def test_every_change_one_after_the_other_and_together(followed: Followed) -> None:
    for what, statement in CHANGES.items():
        if what not in ("the hotel off sale", "more child bands than fit", "a room type off sale"):
            await followed.change(statement)
    await followed.agrees()


async def test_a_booking_is_followed_from_hold_to_departure(followed: Followed) -> None:
    """Held, lapsed, paid for, moved, cancelled, arrived, left before its time and not come."""
    db, gateway = followed.db, SandboxGateway()

    async def hold(*types: str, nights: int = 3) -> UUID:
        quote = await make_quote(db, stay(10, nights), *types)
        async with db.transaction() as tx:
            held = await bookings.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
        await followed.agrees()
        return held.booking.id

    async def confirmed(*types: str) -> UUID:
        booking = await hold(*types)
        await bookings.pay(db, gateway, booking_id=booking, token="tok_success", now=NOW)
        await followed.agrees(changes=False)
        return booking

    lapsed, cancelled, moved, left, absent = [
        await hold("DBL"),
        await confirmed("DBL", "SGL"),
        await confirmed("DBL"),
        await confirmed("SGL"),
        await confirmed("SGL"),
    ]
    after = NOW + timedelta(minutes=15)
    async with db.transaction() as tx:
        assert await bookings.lapse(tx, booking_id=lapsed, now=after)
    await followed.agrees(after)
    async with db.transaction() as tx:
        await bookings.cancel(tx, booking_id=cancelled, now=after)
    await followed.agrees(after)
    async with db.transaction() as tx:
        await bookings.amend(tx, booking_id=moved, now=after, departure=stay(10, 5).departure)
    await followed.agrees(after)
    arrival = datetime(2030, 3, 11, 15, tzinfo=UTC)
    async with db.transaction() as tx:
        await bookings.check_in(tx, booking_id=left, now=arrival, rooms={1: "SGL-1"})
    await followed.agrees(arrival, changes=False)
    async with db.transaction() as tx:
        await bookings.check_out(
            tx, booking_id=left, now=arrival + timedelta(days=1), override="paid in cash"
        )
    await followed.agrees(arrival + timedelta(days=1))
    async with db.transaction() as tx:
        await bookings.no_show(tx, booking_id=absent, now=arrival + timedelta(days=1))
    await followed.agrees(arrival + timedelta(days=1))


async def test_what_staff_and_programs_edit_is_followed(followed: Followed) -> None:
    """ARI by the API, the grid, a bulk edit and its undoing, blocks, rooms, and nights put on sale."""
    db, by = followed.db, Caller(kind="staff", name="Ada")

    async def each(act: Callable[[Transaction, Catalogue], Awaitable[T]]) -> T:
        async with db.transaction() as tx:
            done = await act(tx, await load_catalogue(tx, SLUG))
        await followed.agrees()
        return done

    first, last = date(2030, 3, 5), date(2030, 3, 9)
    lines = [
        AriUpdate("DBL", first, last, rate_plan="FLEX", price=22_200, min_stay_arrival=2),
        AriUpdate("DBL", first, last, closed=True, overbooking_limit=2),
        AriUpdate("SGL", date(2030, 5, 20), date(2030, 6, 20), capacity=2),
        AriUpdate("SGL", first, last, rate_plan="NRF", closed_to_arrival=True),
    ]
    for line in lines:
        await each(
            # Mypy knows no types of a lambda's defaults.
            lambda tx, catalogue, line=line: edits.update_by_program(  # type: ignore[misc]
                tx, catalogue=catalogue, updates=[line], by=by, now=NOW
            )
        )
    key = CellKey(followed.types["DBL"], 1, first, "price")
    await each(
        lambda tx, catalogue: edits.save_cells(
            tx, catalogue=catalogue, cells=[Cell(key, 22_200, 33_300)], by=by, now=NOW
        )
    )
    edit = BulkEdit(
        first=first,
        last=last,
        weekdays=frozenset(range(7)),
        room_types=("SGL",),
        plans=("FLEX",),
        price=PriceChange("percent", 50_000),
        restrictions={"min_stay_through": 2},
    )

    async def bulk(tx: Transaction, catalogue: Catalogue) -> int:
        plan = await edits.preview(tx, catalogue=catalogue, edit=edit, now=NOW)
        return (
            await edits.apply(
                tx, catalogue=catalogue, edit=edit, seen=plan.fingerprint, what="5 % more", by=by, now=NOW
            )
        ).id

    done = await each(bulk)

    async def undo(tx: Transaction, catalogue: Catalogue) -> None:
        undoing = await edits.preview_undo(tx, catalogue=catalogue, edit_id=done, now=NOW)
        await edits.undo(tx, catalogue=catalogue, edit_id=done, seen=undoing.fingerprint, by=by, now=NOW)

    await each(undo)
    block = await each(
        lambda tx, catalogue: blocks.block(
            tx, property_id=catalogue.property.id, room="DBL-1", stay=stay(20, 4), reason="paint"
        )
    )
    await each(lambda tx, catalogue: blocks.unblock(tx, property_id=catalogue.property.id, block_id=block.id))
    await each(
        lambda tx, catalogue: rooms.add(
            tx, property_id=catalogue.property.id, new=NewRoom("DBL-9", "DBL"), today=FIRST
        )
    )
