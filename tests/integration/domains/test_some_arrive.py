"""Of the guests of one booking those of some rooms come before the others, or alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from hotel_booking.core.db import Database
from hotel_booking.core.errors import Conflict, DomainError, Invalid
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import balance, due_at, still_open
from hotel_booking.domains.bookings.errors import (
    BalanceOpen,
    PriceChanged,
    RoomNeeded,
    TooEarly,
    WrongState,
)
from hotel_booking.domains.bookings.queries import booking_by_id, changes
from hotel_booking.domains.bookings.types import Booking, StayChange
from hotel_booking.web.booking.ics import calendar_entry
from tests.clients.outbox import sent
from tests.factories.invariants import differences
from tests.factories.small_hotel import GUEST, NOW, make_quote, small_hotel, stay, taken

NIGHTS = stay(10, 4)
ARRIVAL = datetime.combine(NIGHTS.arrival, datetime.min.time(), NOW.tzinfo) + timedelta(hours=15)
DAY = timedelta(days=1)


async def sold(db: Database, rooms: int = 3, *, plan: str = "FLEX") -> Booking:
    """A confirmed booking of as many doubles for four nights, 40,000 each."""
    quote = await make_quote(db, NIGHTS, *["DBL"] * rooms, plan=plan)
    async with db.transaction() as tx:
        held = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
        await service.guarantee(tx, booking_id=held.booking.id, now=NOW)
        return await booking_by_id(tx, held.booking.id)


async def come(
    db: Database,
    booking_id: UUID,
    rooms: Mapping[int, str],
    *,
    arriving: list[int] | None = None,
    at: datetime = ARRIVAL,
) -> Booking:
    async with db.transaction() as tx:
        return await service.check_in(
            tx, booking_id=booking_id, now=at, rooms=rooms, arriving=arriving or list(rooms)
        )


async def stay_away(
    db: Database, booking_id: UUID, *rooms: int, at: datetime = ARRIVAL, fee: int | None = None
) -> Booking:
    async with db.transaction() as tx:
        return await service.no_show(tx, booking_id=booking_id, now=at, rooms=rooms or None, expected_fee=fee)


async def leave(db: Database, booking_id: UUID, *rooms: int, at: datetime, override: str = "") -> Booking:
    async with db.transaction() as tx:
        return await service.check_out(
            tx, booking_id=booking_id, now=at, rooms=rooms or None, override=override or None
        )


def states(booking: Booking) -> tuple[str, list[str]]:
    return booking.status, [room.status for room in booking.reservations]


async def written(db: Database, booking_id: UUID) -> list[tuple[str, str]]:
    """What the audit log says of single rooms' states."""
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT before ->> 'status' AS was, after ->> 'status' AS is FROM audit_entry"
            " WHERE object_kind = 'reservation' AND after ? 'status' AND booking_id = $1 ORDER BY id",
            booking_id,
        )
    return [(row["was"], row["is"]) for row in rows]


async def test_two_rooms_come_today_and_one_tomorrow(db: Database) -> None:
    doubles = (await small_hotel(db, rooms=4))["DBL"]
    booking = await sold(db)
    first = await come(db, booking.id, {1: "DBL-1", 2: "DBL-2"})
    assert states(first) == ("checked_in", ["checked_in", "checked_in", "confirmed"])
    assert [room.checked_in_at for room in first.reservations] == [ARRIVAL, ARRIVAL, None]
    assert await taken(db, doubles, NIGHTS) == [3, 3, 3, 3]  # the third room is kept
    assert await written(db, booking.id) == [("confirmed", "checked_in")] * 2
    assert await differences(db) == []
    with pytest.raises(RoomNeeded):
        await come(db, booking.id, {}, arriving=[3], at=ARRIVAL + DAY)
    for wrong, error in (([1], WrongState), ([4], Invalid), ([1, 3], WrongState)):
        with pytest.raises(error):
            await come(db, booking.id, {}, arriving=wrong, at=ARRIVAL + DAY)
    async with db.transaction() as tx:
        before = await changes(tx, booking.id)
    last = await come(db, booking.id, {3: "DBL-3"}, at=ARRIVAL + DAY)
    assert states(last) == ("checked_in", ["checked_in"] * 3)
    assert last.reservations[2].checked_in_at == ARRIVAL + DAY
    async with db.transaction() as tx:
        assert await changes(tx, booking.id) > before  # whoever has it as it was is told
    with pytest.raises(WrongState, match="in house"):
        async with db.transaction() as tx:
            await service.check_in(tx, booking_id=booking.id, now=ARRIVAL + DAY)
    assert last.total == booking.total
    assert await differences(db) == []


async def test_the_whole_party_at_once_is_one_line_of_the_log(db: Database) -> None:
    await small_hotel(db, rooms=3)
    booking = await sold(db, 2)
    await come(db, booking.id, {1: "DBL-1", 2: "DBL-2"})
    assert await written(db, booking.id) == []  # the booking's state says it


async def test_a_room_that_nobody_came_to_costs_its_fee_and_the_others_their_price(db: Database) -> None:
    """FLEX keeps the first night of a no-show, and nothing is paid yet."""
    doubles = (await small_hotel(db, rooms=4))["DBL"]
    booking = await sold(db)
    with pytest.raises(WrongState, match="have come yet"):
        await stay_away(db, booking.id, 3)
    await come(db, booking.id, {1: "DBL-1", 2: "DBL-2"})
    async with db.transaction() as tx:
        await service.give_rooms(tx, booking_id=booking.id, now=ARRIVAL, rooms={3: "DBL-3"})
        seen = await service.preview_no_show(tx, booking_id=booking.id, now=ARRIVAL)
    fee = seen.cost.fee
    assert 0 < fee < booking.reservations[2].total
    assert [room.position for room in seen.rooms] == [3]
    assert seen.total == booking.total - booking.reservations[2].total + fee
    assert (seen.cost.refund, seen.cost.owed, seen.chargeable) == (0, seen.total, False)
    with pytest.raises(PriceChanged):
        await stay_away(db, booking.id, 3, fee=fee + 1)
    with pytest.raises(WrongState, match="in the house"):
        await stay_away(db, booking.id, 2)
    gone = await stay_away(db, booking.id, fee=fee)  # all who are still expected
    assert states(gone) == ("checked_in", ["checked_in", "checked_in", "no_show"])
    assert (gone.total, balance(gone), still_open(gone)) == (seen.total, seen.total, seen.total)
    assert [room.room for room in gone.reservations] == ["DBL-1", "DBL-2", None]
    assert await taken(db, doubles, NIGHTS) == [2, 2, 2, 2]
    async with db.transaction() as tx:
        lines = await tx.fetch(
            "SELECT kind, amount FROM ledger_charge c WHERE booking_id = $1 AND kind <> 'reversal'"
            " AND NOT EXISTS (SELECT FROM ledger_charge r WHERE r.reverses = c.id) ORDER BY kind",
            booking.id,
        )
        owed = await tx.fetchval("SELECT owed FROM booking_entry WHERE booking_id = $1", booking.id)
    assert [(row["kind"], row["amount"]) for row in lines] == [("fee", fee), ("stay", gone.total - fee)]
    assert owed == seen.total
    assert (await written(db, booking.id))[-1] == ("confirmed", "no_show")
    assert await differences(db) == []
    with pytest.raises(WrongState, match="room 3 did not come"):
        await come(db, booking.id, {3: "DBL-3"})
    for rooms in ((3,), ()):
        with pytest.raises(WrongState):
            await stay_away(db, booking.id, *rooms)
    over = ARRIVAL + 4 * DAY
    with pytest.raises(BalanceOpen):
        await leave(db, booking.id, at=over)
    left = await leave(db, booking.id, at=over, override="the company pays")
    assert states(left) == ("checked_out", ["checked_out", "checked_out", "no_show"])
    assert balance(left) == seen.total
    assert await differences(db) == []


async def test_what_was_paid_beyond_the_fee_goes_back(db: Database) -> None:
    await small_hotel(db, rooms=3)
    booking = await sold(db, 2)
    await come(db, booking.id, {1: "DBL-1"})
    async with db.transaction() as tx:
        await service.record_desk_payment(
            tx, booking_id=booking.id, way="cash", amount=None, receipt=None, now=ARRIVAL
        )
        seen = await service.preview_no_show(tx, booking_id=booking.id, now=ARRIVAL)
    back = booking.reservations[1].total - seen.cost.fee
    assert (seen.cost.refund, seen.cost.owed) == (back, 0)
    gone = await stay_away(db, booking.id)
    assert (gone.paid, balance(gone)) == (gone.total, 0)
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT sum(amount) FROM refund WHERE status = 'due'") == back
    assert await differences(db) == []


async def test_the_fee_is_due_no_earlier_than_the_price_was(db: Database) -> None:
    """Half of the price was due when booking; of a room that nobody came to the fee, which is less."""
    await small_hotel(db, rooms=3)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_plan SET deposit_kind = 'percent', deposit_value = 500000")
    booking = await sold(db, 2)
    await come(db, booking.id, {1: "DBL-1"})
    assert due_at(booking, ARRIVAL) == 40_000
    gone = await stay_away(db, booking.id)
    assert (due_at(gone, ARRIVAL), due_at(gone, None)) == (30_000, 50_000)
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT collect_at FROM booking WHERE id = $1", booking.id) is None
    assert await differences(db) == []


async def test_who_leaves_before_the_others_come_leaves_them_what_is_owed(db: Database) -> None:
    doubles = (await small_hotel(db, rooms=4))["DBL"]
    booking = await sold(db)
    await come(db, booking.id, {1: "DBL-1"})
    with pytest.raises(WrongState, match="not come yet"):
        await leave(db, booking.id, 2, at=ARRIVAL + DAY)
    early = await leave(db, booking.id, at=ARRIVAL + DAY)  # of those who are there
    assert states(early) == ("checked_in", ["checked_out", "confirmed", "confirmed"])
    assert await taken(db, doubles, NIGHTS) == [3, 2, 2, 2]
    assert await differences(db) == []
    with pytest.raises(WrongState, match="no guests of the booking are in the house"):
        await leave(db, booking.id, at=ARRIVAL + DAY)
    await come(db, booking.id, {2: "DBL-2"}, at=ARRIVAL + DAY)
    over = ARRIVAL + 4 * DAY
    with pytest.raises(WrongState, match="room 3 of the booking were never checked in"):
        await leave(db, booking.id, at=over, override="the company pays")
    await stay_away(db, booking.id, at=over)
    gone = await leave(db, booking.id, at=over, override="the company pays")
    assert states(gone) == ("checked_out", ["checked_out", "checked_out", "no_show"])
    assert await differences(db) == []


async def test_with_the_last_who_do_not_come_the_booking_is_over(db: Database) -> None:
    await small_hotel(db, rooms=3)
    booking = await sold(db, 2)
    await come(db, booking.id, {1: "DBL-1"})
    await leave(db, booking.id, at=ARRIVAL + DAY)
    gone = await stay_away(db, booking.id, at=ARRIVAL + 2 * DAY)
    assert states(gone) == ("checked_out", ["checked_out", "no_show"])
    assert await differences(db) == []


async def test_the_check_in_of_those_who_came_last_is_undone(db: Database) -> None:
    await small_hotel(db, rooms=3)
    booking = await sold(db, 2)
    await come(db, booking.id, {1: "DBL-1"})
    await come(db, booking.id, {2: "DBL-2"}, at=ARRIVAL + timedelta(hours=1))
    async with db.transaction() as tx:
        undone = await service.undo_check_in(tx, booking_id=booking.id, now=ARRIVAL + timedelta(hours=2))
    assert states(undone) == ("checked_in", ["checked_in", "confirmed"])
    assert [room.room for room in undone.reservations] == ["DBL-1", "DBL-2"]
    async with db.transaction() as tx:
        none = await service.undo_check_in(tx, booking_id=booking.id, now=ARRIVAL + timedelta(hours=2))
    assert states(none) == ("confirmed", ["confirmed"] * 2)
    assert await differences(db) == []


async def test_the_departure_changes_for_those_who_are_expected_too(db: Database) -> None:
    doubles = (await small_hotel(db, rooms=3))["DBL"]
    booking = await sold(db)
    await come(db, booking.id, {1: "DBL-1"})
    async with db.transaction() as tx:
        await service.give_rooms(tx, booking_id=booking.id, now=ARRIVAL, rooms={2: "DBL-2"})
    await stay_away(db, booking.id, 3)
    change: StayChange = {
        "booking_id": booking.id,
        "now": ARRIVAL,
        "arrival": None,
        "departure": NIGHTS.departure + DAY,
        "rooms": (),
        "by_guest": False,
    }
    async with db.transaction() as tx:
        fee = (await booking_by_id(tx, booking.id)).reservations[2].fee
        seen = await service.preview_amend(tx, **change)
        made = await service.amend(tx, **change)
    assert seen == made
    async with db.transaction() as tx:
        longer = await booking_by_id(tx, booking.id)
    assert [room.departure for room in longer.reservations] == [NIGHTS.departure + DAY] * 2 + [
        NIGHTS.departure
    ]
    (_, told) = await sent(db)  # of the rooms that stay longer; the third was never used
    assert (told.template, told.data["rooms"]) == ("booking_amended", ["2 × DBL"])  # noqa: RUF001 - the sign of times
    assert len(told.data["parties"]) == 2
    assert longer.total == sum(room.total for room in longer.reservations[:2]) + fee
    assert [room.room for room in longer.reservations] == ["DBL-1", "DBL-2", None]
    assert (await taken(db, doubles, stay(10, 5))) == [2, 2, 2, 2, 2]
    # Neither a mail nor the guest's calendar goes by the room that nobody came to.
    sooner = NIGHTS.departure - DAY
    async with db.transaction() as tx:
        await service.amend(tx, **(change | {"departure": sooner}))
        shorter = await booking_by_id(tx, booking.id)
    # The two mails are of one instant, so either may be told first.
    assert {message.data["departure"] for message in await sent(db)} >= {sooner.isoformat()}
    event = calendar_entry(shorter, ARRIVAL, sequence=1, organizer="h@x.example", url="", where=[], about="")
    assert f"DTEND:{sooner:%Y%m%d}".encode() in event
    assert await differences(db) == []


@pytest.mark.parametrize("days", [-1, 4])
async def test_nobody_comes_before_the_arrival_or_after_the_departure(db: Database, days: int) -> None:
    await small_hotel(db, rooms=3)
    booking = await sold(db, 2)
    at = ARRIVAL + timedelta(days=days)
    if days > 0:
        await come(db, booking.id, {1: "DBL-1"})
    errors: tuple[type[DomainError], ...] = (TooEarly,) if days < 0 else (Conflict,)
    with pytest.raises(errors):
        await come(db, booking.id, {2: "DBL-2"}, at=at)
