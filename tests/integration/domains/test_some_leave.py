"""Of guests who are in the house those of some rooms leave before the others."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from hotel_booking.core.db import Database
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.errors import BalanceOpen, RoomOccupied, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, changes
from hotel_booking.domains.bookings.types import Booking, RoomChange, StayChange
from tests.factories.invariants import differences
from tests.factories.small_hotel import GUEST, NOW, make_quote, small_hotel, stay, taken

ARRIVAL = datetime.combine(stay(10, 1).arrival, datetime.min.time(), NOW.tzinfo) + timedelta(hours=15)
NEXT_DAY = ARRIVAL + timedelta(days=1)


async def inside(
    db: Database, *numbers: str, first: int = 10, nights: int = 4, plan: str = "FLEX"
) -> Booking:
    """A booking of as many rooms, whose guests are in the house."""
    quote = await make_quote(db, stay(first, nights), *["DBL"] * len(numbers), plan=plan)
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
        await service.guarantee(tx, booking_id=held.booking.id, now=NOW)
        return await service.check_in(
            tx,
            booking_id=held.booking.id,
            now=ARRIVAL + timedelta(days=first - 10),
            rooms=dict(enumerate(numbers, 1)),
        )


async def leave(db: Database, booking_id: UUID, *rooms: int, override: str | None = None) -> Booking:
    """The guests of these rooms leave after the first night; of none: of all."""
    async with db.transaction() as tx:
        return await service.check_out(
            tx, booking_id=booking_id, now=NEXT_DAY, rooms=rooms or None, override=override
        )


async def test_their_room_is_free_and_the_others_stay(db: Database) -> None:
    doubles = (await small_hotel(db, rooms=2))["DBL"]
    booking = await inside(db, "DBL-1", "DBL-2")
    async with db.transaction() as tx:
        before = await changes(tx, booking.id)
    after = await leave(db, booking.id, 1)  # nothing is paid: that is left to those who stay
    assert (after.status, [room.status for room in after.reservations]) == (
        "checked_in",
        ["checked_out", "checked_in"],
    )
    assert after.total == 80_000  # the price stays
    assert await taken(db, doubles, stay(10, 4)) == [2, 1, 1, 1]
    async with db.transaction() as tx:
        assert await changes(tx, booking.id) > before  # whoever has it as it was is told
        entry = await tx.fetchrow(
            "SELECT object_id, before, after FROM audit_entry WHERE object_kind = 'reservation'"
        )
    assert entry is not None
    assert entry["object_id"] == str(booking.reservations[0].id)
    assert (entry["before"], entry["after"]) == ({"status": "checked_in"}, {"status": "checked_out"})
    # The room is the next guests' on the same day, and the others are not in their way.
    await inside(db, "DBL-1", first=11, nights=2)
    assert await taken(db, doubles, stay(10, 4)) == [2, 2, 2, 1]
    with pytest.raises(BalanceOpen):
        await leave(db, booking.id)
    gone = await leave(db, booking.id, 2, override="the company pays")
    assert (gone.status, gone.staying) == ("checked_out", ())
    assert await differences(db) == []


async def test_who_has_left_is_not_there_any_more(db: Database) -> None:
    doubles = (await small_hotel(db, rooms=3))["DBL"]
    booking = await inside(db, "DBL-1", "DBL-2")
    await leave(db, booking.id, 2)
    for rooms, error in (((2,), WrongState), ((1, 2), WrongState), ((3,), Invalid)):
        with pytest.raises(error):
            await leave(db, booking.id, *rooms)
    with pytest.raises(Invalid):
        async with db.transaction() as tx:
            await service.check_out(tx, booking_id=booking.id, now=NEXT_DAY, rooms=[])
    with pytest.raises(WrongState, match="have checked out"):
        async with db.transaction() as tx:
            await service.give_rooms(tx, booking_id=booking.id, now=NEXT_DAY, rooms={2: "DBL-3"})
    with pytest.raises(WrongState, match="have checked out already"):
        async with db.transaction() as tx:
            await service.undo_check_in(tx, booking_id=booking.id, now=ARRIVAL)
    # Others are in their room now: those who stay can still be moved, but not in with them.
    await inside(db, "DBL-2", first=11, nights=1)
    async with db.transaction() as tx:
        moved = await service.give_rooms(tx, booking_id=booking.id, now=NEXT_DAY, rooms={1: "DBL-3"})
    assert [room.room for room in moved.reservations] == ["DBL-3", "DBL-2"]
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM room_use WHERE stay = daterange($1, $2)", *bounds(11, 1))
        await tx.execute(
            "INSERT INTO room_use (room_id, reservation_id, stay)"
            " SELECT r.id, v.id, daterange($1, $2) FROM room r, reservation v"
            " WHERE r.number = 'DBL-2' AND v.arrival = $1",
            *bounds(11, 1),
        )
    later = NEXT_DAY + timedelta(days=1)
    with pytest.raises(RoomOccupied):
        async with db.transaction() as tx:
            await service.give_rooms(tx, booking_id=booking.id, now=later, rooms={1: "DBL-2"})
    assert await taken(db, doubles, stay(10, 4)) == [2, 2, 1, 1]
    assert await differences(db) == []


def bounds(first: int, nights: int) -> tuple[object, object]:
    """The first day and the last of a stay."""
    when = stay(first, nights)
    return when.arrival, when.departure


async def test_those_who_stay_can_stay_longer(db: Database) -> None:
    doubles = (await small_hotel(db, rooms=2))["DBL"]
    booking = await inside(db, "DBL-1", "DBL-2")
    await leave(db, booking.id, 1)
    # The night that was given back is sold to others, and is not counted as the booking's own.
    await inside(db, "DBL-1", first=11, nights=4)
    with pytest.raises(WrongState, match="room 1 have checked out"):
        async with db.transaction() as tx:
            await service.preview_amend(
                tx, booking_id=booking.id, now=NEXT_DAY, rooms=[RoomChange(1, adults=1)], by_guest=False
            )
    async with db.transaction() as tx:
        longer: StayChange = {
            "booking_id": booking.id,
            "now": NEXT_DAY,
            "arrival": None,
            "departure": stay(10, 5).departure,
            "rooms": (),
            "by_guest": False,
        }
        seen = await service.preview_amend(tx, **longer)
        done = await service.amend(tx, **longer)
    assert seen == done
    assert (done.booking_total, done.difference) == (90_000, 10_000)
    assert [room.position for room in done.reservations] == [2]
    assert await taken(db, doubles, stay(10, 6)) == [2, 2, 2, 2, 2, 0]
    async with db.transaction() as tx:
        now = await booking_by_id(tx, booking.id)
    assert [room.departure for room in now.reservations] == [stay(10, 4).departure, stay(10, 5).departure]
    assert await differences(db) == []


async def test_those_who_stay_can_leave_earlier(db: Database) -> None:
    doubles = (await small_hotel(db, rooms=2))["DBL"]
    booking = await inside(db, "DBL-1", "DBL-2", plan="NRF")
    await leave(db, booking.id, 1)
    # The conditions keep all; the hotel lets go of the nights of those who are there.
    async with db.transaction() as tx:
        shorter = await service.amend(
            tx,
            booking_id=booking.id,
            departure=stay(10, 2).departure,
            now=NEXT_DAY,
            by_guest=False,
            override="they have to leave",
            waive=True,
        )
    assert (shorter.booking_total, shorter.waived) == (36_000 + 18_000, 18_000)
    assert await taken(db, doubles, stay(10, 4)) == [2, 1, 0, 0]
    assert await differences(db) == []
