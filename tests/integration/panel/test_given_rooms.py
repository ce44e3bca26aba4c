"""Rooms that were given before the guests come go with their booking."""

from __future__ import annotations

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import RoomChange
from tests.factories.invariants import differences
from tests.factories.small_hotel import NOW, small_hotel
from tests.integration.panel.test_desk import act, noon, sold
from tests.integration.panel.test_in_house import day, room_nights


async def test_rooms_given_ahead_follow_the_booking(db: Database) -> None:
    await small_hotel(db, rooms=2, room_types=("DBL", "TWN"))
    first, second = await sold(db, 5, 2), await sold(db, 9, 2)
    for booking in (first, second):
        await act(db, service.give_rooms, booking_id=booking.id, now=NOW, rooms={1: "DBL-1"})
    async with db.transaction() as tx:
        await service.amend(tx, booking_id=first.id, departure=day(8), now=NOW)
    assert await room_nights(db, first.id) == [("DBL-1", f"[{day(5)},{day(8)})")]
    async with db.transaction() as tx:
        await service.amend(tx, booking_id=first.id, departure=day(10), now=NOW)
    assert await room_nights(db, first.id) == [], "it is the other booking's on the ninth"
    async with db.transaction() as tx:
        change = [RoomChange(1, room_type="TWN")]
        await service.amend(tx, booking_id=second.id, rooms=change, now=NOW)
    assert await room_nights(db, second.id) == []
    await act(db, service.give_rooms, booking_id=second.id, now=NOW, rooms={1: "TWN-1"})
    await act(db, service.cancel, booking_id=second.id, now=NOW)
    await act(db, service.give_rooms, booking_id=first.id, now=NOW, rooms={1: "DBL-1"})
    await act(db, service.no_show, booking_id=first.id, now=noon(5))
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM room_use") == 0
    assert await differences(db) == []
