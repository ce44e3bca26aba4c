"""The physical rooms that a booking was given, when its nights change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import msgspec

from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.queries import free_rooms
from hotel_booking.domains.bookings.service.new_rooms import PlannedRoom
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.inventory import assignment
from hotel_booking.domains.inventory.errors import RoomInUse
from hotel_booking.domains.rates.wording import day


async def check_further_nights(tx: Transaction, new: Sequence[PlannedRoom], today: date) -> None:
    """Raises `RoomInUse` where guests in the house cannot stay in a room that they have, with the rooms that
    they could be moved to."""
    for room in new:
        if room.old.status != "checked_in" or room.old.room is None:
            continue
        if room.stay.departure <= room.old.departure:
            continue
        if await assignment.in_use_until(tx, reservation_id=room.old.id, until=room.stay.departure):
            raise await _in_use(tx, room, today)


async def follow(tx: Transaction, booking: Booking, new: Sequence[PlannedRoom], now: datetime) -> None:
    """The rooms are the booking's for its new nights. Guests in the house stay in theirs: raises `RoomInUse`
    where they cannot. One that was given before the arrival goes back where it is not free, or is not of the
    type that the booking has now."""
    today = business_date(now, booking.timezone, booking.day_end_time)
    for room in new:
        if room.old.room is None:
            continue
        own, until = room.old.id, room.stay.departure
        if room.old.status == "checked_in":
            if until < room.old.departure:
                await assignment.leave(tx, reservation_ids=[own], on=until)
            elif not await assignment.prolong(tx, reservation_id=own, until=until):
                raise await _in_use(tx, room, today)
        elif room.request.room_type != room.old.room_type or not await assignment.move_nights(
            tx, reservation_id=own, stay=room.stay
        ):
            await assignment.release(tx, reservation_ids=[own])


async def _in_use(tx: Transaction, room: PlannedRoom, today: date) -> RoomInUse:
    longer = msgspec.structs.replace(room.old, departure=room.stay.departure)
    free = await free_rooms(tx, longer, since=today, limit=5)
    if free:
        fix = f"move the guests to one that is free until then first: {', '.join(free)}"
    else:
        fix = "no other room of the type is free until then: give the other guests another room first"
    return RoomInUse(
        f"room {room.old.room} has another stay or a block before {day(room.stay.departure)}",
        field="departure",
        fix=fix,
        extra={"room": room.old.room, "free": free},
    )
