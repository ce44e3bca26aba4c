"""Single rooms of a booking are cancelled before anybody has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from hotel_booking.core.db import Database
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import balance, refund_stages
from hotel_booking.domains.bookings.errors import PriceChanged, WrongState
from hotel_booking.domains.bookings.types import Cancellation
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.clients.outbox import sent
from tests.factories.invariants import differences
from tests.factories.small_hotel import GUEST, NOW, make_quote, small_hotel, stay, taken
from tests.integration.domains.test_booking_life import look
from tests.integration.domains.test_some_arrive import NIGHTS, sold, states, written

DAY = timedelta(days=1)
LATE = datetime.combine(NIGHTS.arrival - DAY, datetime.min.time(), UTC) + timedelta(hours=20)


async def cancel(
    db: Database, booking_id: UUID, *rooms: int, at: datetime = NOW, fee: int | None = None
) -> Cancellation:
    async with db.transaction() as tx:
        return await service.cancel(tx, booking_id=booking_id, now=at, rooms=rooms or None, expected_fee=fee)


async def test_rooms_go_one_by_one_each_at_its_fee_and_the_last_is_the_booking(db: Database) -> None:
    """FLEX, paid in full: free until 18:00 the day before, then the first night, 10,000 of 40,000."""
    doubles = (await small_hotel(db, rooms=4))["DBL"]
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_plan SET deposit_kind = 'full' WHERE code = 'FLEX'")
    quote = await make_quote(db, NIGHTS, "DBL", "DBL", "DBL")
    async with db.transaction() as tx:
        booking = (await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)).booking
    with pytest.raises(WrongState, match="hold"):
        await cancel(db, booking.id, 2)
    await service.pay(db, SandboxGateway(), booking_id=booking.id, token="tok_success", now=NOW)
    async with db.transaction() as tx:
        await service.give_rooms(tx, booking_id=booking.id, now=NOW, rooms={2: "DBL-2"})
    for wrong in ([], [4]):
        with pytest.raises(Invalid):
            async with db.transaction() as tx:
                await service.cancel(tx, booking_id=booking.id, now=NOW, rooms=wrong)
    with pytest.raises(PriceChanged):
        await cancel(db, booking.id, 2, fee=1)
    assert await taken(db, doubles, NIGHTS) == [3, 3, 3, 3]

    done = await cancel(db, booking.id, 2, fee=0)
    assert (done.fee, done.refund, done.owed) == (0, 40_000, 0)
    left = await look(db, booking.id)
    assert states(left) == ("confirmed", ["confirmed", "cancelled", "confirmed"])
    assert (left.total, left.paid, left.reservations[1].room) == (80_000, 80_000, None)
    assert await taken(db, doubles, NIGHTS) == [2, 2, 2, 2]
    assert await written(db, booking.id) == [("confirmed", "cancelled")]
    (mail,) = (one for one in await sent(db) if one.template == "booking_amended")
    assert mail.data["cancelled"] == [{"number": 2, "room": "DBL", "fee": 0}]
    assert (mail.data["rooms"], mail.data["refund"], mail.data["total"]) == (["2 × DBL"], 40_000, 80_000)  # noqa: RUF001 - the sign of times, no x
    with pytest.raises(WrongState, match="room 2 of the booking is cancelled"):
        await cancel(db, booking.id, 2)
    assert await differences(db) == []

    # Those who stay change their days: the room that went has no say in when they come.
    async with db.transaction() as tx:
        await service.amend(
            tx, booking_id=booking.id, now=NOW, arrival=NIGHTS.arrival + DAY, departure=NIGHTS.departure + DAY
        )
        entry = await tx.fetchrow("SELECT arrival, departure FROM booking_entry")
    left = await look(db, booking.id)
    assert entry is not None
    assert (left.arrival, left.departure) == tuple(entry) == (stay(11, 4).arrival, stay(11, 4).departure)
    assert await taken(db, doubles, NIGHTS) == [0, 2, 2, 2]

    late = LATE + DAY
    done = await cancel(db, booking.id, 1, at=late)
    assert (done.fee, done.refund) == (10_000, 30_000)
    left = await look(db, booking.id)
    assert (left.status, left.total, left.paid) == ("confirmed", 50_000, 50_000)
    assert [(one.fee, one.refund) for one in refund_stages(left, late)] == [(20_000, 30_000)]
    assert await differences(db) == []

    done = await cancel(db, booking.id, 3, at=late, fee=20_000)
    assert (done.fee, done.refund, done.owed) == (20_000, 30_000, 0)
    gone = await look(db, booking.id)
    assert states(gone) == ("cancelled", ["cancelled"] * 3)
    assert [room.fee for room in gone.reservations] == [10_000, 0, 10_000]
    assert (gone.paid, gone.total, balance(gone)) == (20_000, 120_000, 0)
    assert await taken(db, doubles, stay(10, 5)) == [0] * 5
    assert await differences(db) == []


async def test_the_fee_of_a_room_that_went_is_owed_whatever_becomes_of_the_others(db: Database) -> None:
    await small_hotel(db, rooms=2)
    booking = await sold(db, 2)
    assert (await cancel(db, booking.id, 2, at=LATE)).owed == 50_000  # the other's price, and the fee
    there = LATE + DAY
    async with db.transaction() as tx:
        inside = await service.check_in(tx, booking_id=booking.id, now=there, rooms={1: "DBL-1"})
        assert service.checked_in_today(inside, there)
        await service.undo_check_in(tx, booking_id=booking.id, now=there)
    assert states(await look(db, booking.id)) == ("confirmed", ["confirmed", "cancelled"])
    assert await written(db, booking.id) == [("confirmed", "cancelled")]
    assert await differences(db) == []
    async with db.transaction() as tx:
        seen = await service.preview_no_show(tx, booking_id=booking.id, now=there)
        gone = await service.no_show(tx, booking_id=booking.id, now=there, expected_fee=seen.cost.fee)
    assert (seen.cost.fee, seen.cost.owed, gone.fee, balance(gone)) == (20_000,) * 4
    assert states(gone) == ("no_show", ["no_show", "cancelled"])
    assert await differences(db) == []
