"""A stay: check-in, the rooms it is given, check-out. What the hotel could regret is refused,
unless staff say why the rule is overridden."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from uuid import UUID

from hotel_booking.core.code_names import called, is_a
from hotel_booking.core.dates import Stay, business_date, business_day_end, calendar_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.formats import english
from hotel_booking.core.moments import moment
from hotel_booking.domains.bookings import overrides
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.errors import (
    BalanceOpen,
    RoomNeeded,
    RoomOccupied,
    TooEarly,
    WrongState,
    gone,
)
from hotel_booking.domains.bookings.queries import booking_by_id, free_rooms, lock_booking
from hotel_booking.domains.bookings.service.ending import end_stay
from hotel_booking.domains.bookings.types import OVER, Booking, Reservation
from hotel_booking.domains.inventory import assignment
from hotel_booking.domains.payments import service as payments

# Other guests who are in house in a room that the booking has. Their stay may be over by the book: they
# have not left.
_OCCUPIED = """
SELECT room.number, b.reference
  FROM reservation r
  JOIN room_use mine ON mine.reservation_id = r.id
  JOIN room_use other ON other.room_id = mine.room_id AND other.reservation_id <> r.id
  JOIN reservation guest ON guest.id = other.reservation_id AND guest.status = 'checked_in'
  JOIN booking b ON b.id = guest.booking_id
  JOIN room ON room.id = mine.room_id
 WHERE r.id = ANY ($2) AND guest.booking_id <> $1
 ORDER BY r.position
"""

# Money of payments that were begun since the last of the guests were checked in, less what went back of it.
_TAKEN_SINCE = """
SELECT sum(CASE WHEN p.status = 'reserved' THEN coalesce(p.to_capture, p.amount)
                ELSE coalesce(p.captured, p.amount) END
           - coalesce((SELECT sum(f.amount) FROM refund f
                        WHERE f.payment_id = p.id AND f.status <> 'failed'), 0))::bigint
  FROM payment p
 WHERE p.booking_id = $1 AND p.status IN ('reserved', 'captured')
   AND p.created_at > (SELECT max(r.checked_in_at) FROM reservation r WHERE r.booking_id = $1)
"""


async def check_in(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    rooms: Mapping[int, str] | None = None,
    arriving: Collection[int] | None = None,
    override: str | None = None,
) -> Booking:
    """The guests are in house, those of `arriving` (reservation positions; default: all who are still
    expected). `rooms` names physical rooms by reservation position.

    Raises `WrongState` unless the booking is confirmed, or others of its guests are in the house; `TooEarly`
    before the arrival day, `RoomInUse` where a room has another stay or a block on one of the nights. Raises
    `RoomNeeded` where a reservation has no room, at a property that numbers its rooms, and `RoomOccupied`
    where somebody else is still in one, both unless `override` gives a reason.
    """
    booking = await _locked(tx, booking_id, "confirmed", "checked_in", verb="checked in")
    ids = {room.id for room in expected(booking, arriving, field="positions", verb="checked in")}
    today = business_date(now, booking.timezone, booking.day_end_time)
    for reservation in booking.expected:
        if today < reservation.arrival:
            day_over = business_day_end(today, booking.timezone, booking.day_end_time)
            raise TooEarly(
                f"the stay begins on {reservation.arrival}, and it is {today} at the hotel until"
                f" {moment(day_over, booking.timezone)}",
                fix="change the arrival first, if a room is available",
            )
        if today >= reservation.departure:
            raise WrongState("the stay is over", fix="mark it as a no-show")
    await _assign(tx, booking, rooms or {}, today)
    booking = await booking_by_id(tx, booking_id)
    without = [room for room in booking.reservations if room.id in ids and room.room is None]
    if without and await assignment.numbers_rooms(tx, property_id=booking.property_id):
        refusal = await _room_needed(tx, without)
        await overrides.unless_overridden(tx, refusal, booking_id=booking_id, reason=override, now=now)
    await _refuse_occupied(tx, booking_id, ids, override, now)
    await tx.execute(
        "WITH whole AS (UPDATE booking SET status = 'checked_in' WHERE id = $1 AND status <> 'checked_in')"
        " UPDATE reservation SET status = 'checked_in', checked_in_at = $2"
        "  WHERE booking_id = $1 AND id = ANY ($3)",
        booking_id,
        now,
        ids,
    )
    await payments.take_now(tx, booking_id=booking_id, now=now)
    return await booking_by_id(tx, booking_id)


def checked_in_today(booking: Booking, now: datetime) -> bool:
    """Whether none of its guests has left, and the last of them were checked in on the hotel's day that is
    not over yet."""
    if booking.status != "checked_in" or any(room.status != "cancelled" for room in booking.left):
        return False
    today = business_date(now, booking.timezone, booking.day_end_time)
    return any(
        business_date(room.checked_in_at, booking.timezone, booking.day_end_time) == today
        for room in last_checked_in(booking)
        if room.checked_in_at is not None
    )


def last_checked_in(booking: Booking) -> tuple[Reservation, ...]:
    """The rooms whose guests came last, together: it is their check-in that can be undone."""
    last = max((room.checked_in_at for room in booking.inside if room.checked_in_at), default=None)
    return tuple(room for room in booking.inside if room.checked_in_at == last)


async def preview_undo_check_in(tx: Transaction, *, booking_id: UUID, now: datetime) -> Booking:
    """The booking as it is. Changes nothing; raises what `undo_check_in` would raise."""
    booking = await booking_by_id(tx, booking_id)
    await _check_undone(tx, booking, now)
    return booking


async def undo_check_in(tx: Transaction, *, booking_id: UUID, now: datetime) -> Booking:
    """The wrong guests were checked in: those who came last are expected again, and with the only ones the
    booking is confirmed again. Its rooms stay given, and what the check-in charged stays paid.

    Raises `WrongState` unless it is checked in, was so on the hotel's day that is not over yet, and nothing
    says since that its guests are there: no money was taken, and there is a night left to come for.
    """
    await lock_booking(tx, booking_id)
    booking = await booking_by_id(tx, booking_id)
    await _check_undone(tx, booking, now)
    wrong = last_checked_in(booking)
    await tx.execute(
        "WITH whole AS (UPDATE booking SET status = 'confirmed' WHERE id = $1 AND $3)"
        " UPDATE reservation SET status = 'confirmed', checked_in_at = NULL"
        "  WHERE booking_id = $1 AND id = ANY ($2)",
        booking_id,
        [room.id for room in wrong],
        len(wrong) == len(booking.inside),
    )
    return await booking_by_id(tx, booking_id)


async def give_rooms(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    rooms: Mapping[int, str],
    override: str | None = None,
) -> Booking:
    """Give physical rooms, by reservation position, to a booking before its guests come or while they are in
    the house; another one takes the place of the one that was given.

    Raises `WrongState` unless it is confirmed or checked in, `RoomInUse` as `check_in` does, and for guests
    in the house `RoomOccupied` unless `override` gives a reason.
    """
    booking = await _locked(tx, booking_id, "confirmed", "checked_in", verb="given a room")
    await _assign(tx, booking, rooms, business_date(now, booking.timezone, booking.day_end_time))
    await _refuse_occupied(tx, booking_id, {room.id for room in booking.inside}, override, now)
    return await booking_by_id(tx, booking_id)


async def check_out(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    rooms: Collection[int] | None = None,
    departed: date | None = None,
    override: str | None = None,
) -> Booking:
    """The guests have left, those of `rooms` (reservation positions; default: of all that are in the house).
    Leaving early gives back the nights from `departed` (default: the date on the property's wall) on; the
    price stays what was booked.

    Raises `WrongState` unless the booking and each of the rooms is checked in, and `TooEarly` where
    `departed` has not begun. With the last of its rooms the booking is checked out: raises `BalanceOpen`
    where a part of its price is neither paid nor reserved, unless `override` gives a reason. Who leaves
    before the others leaves what is owed to them, also to those who are still expected; raises `WrongState`
    where these cannot come any more.
    """
    booking = await _locked(tx, booking_id, "checked_in", verb="checked out")
    leaving = _leaving(booking, rooms)
    if len(leaving) == len(booking.inside):
        _check_expected(booking, business_date(now, booking.timezone, booking.day_end_time))
    # By the calendar: who leaves for an early flight before the business day has ended has slept the night.
    last = departed or calendar_date(now, booking.timezone)
    if last > calendar_date(now, booking.timezone):
        raise TooEarly(
            f"{last} has not begun at the hotel",
            field="departed",
            fix="check the guests out on that day, or leave `departed` out",
        )
    if last < min(room.arrival for room in leaving):
        raise Invalid("the departure is before the arrival", field="departed")
    left_open = still_open(booking)
    if left_open and len(leaving) == len(booking.staying):
        refusal = BalanceOpen(
            f"{english(left_open, booking.currency)} of the price is neither paid nor reserved",
            fix="take the payment first, or give a reason why they may leave without it",
            extra={"open": {"amount": left_open, "currency": booking.currency}},
        )
        await overrides.unless_overridden(tx, refusal, booking_id=booking_id, reason=override, now=now)
    fees = [0] * len(leaving)
    await end_stay(tx, booking, leaving, status="checked_out", on=last, now=now, fees=fees)
    # The room itself is free from that day on, too.
    if any(room.room for room in leaving):
        await assignment.leave(tx, reservation_ids=[room.id for room in leaving], on=last)
    return await booking_by_id(tx, booking_id)


def _leaving(booking: Booking, positions: Collection[int] | None) -> tuple[Reservation, ...]:
    """The rooms whose guests leave."""
    if positions is None:
        if not booking.inside:
            raise WrongState(
                "no guests of the booking are in the house",
                fix="check in those who are expected, or mark them as a no-show",
            )
        return booking.inside
    for position, room, field in _named(booking, positions, "rooms"):
        if room.status == "confirmed":
            raise WrongState(f"the guests of room {position} of the booking have not come yet", field=field)
    return tuple(room for room in booking.inside if room.position in positions)


def _named(booking: Booking, positions: Collection[int], field: str) -> list[tuple[int, Reservation, str]]:
    """The rooms at these positions, each with the field that names it. Raises as `_check_staying`."""
    if not positions:
        raise Invalid("no room is named", field=field, fix=f"name at least one, or leave `{field}` out")
    by_position = {room.position: room for room in booking.reservations}
    return [
        (position, _check_staying(by_position, position, where), where)
        for index, position in enumerate(positions)
        for where in (f"{field}[{index}]",)
    ]


def expected(
    booking: Booking, positions: Collection[int] | None, *, field: str, verb: str
) -> tuple[Reservation, ...]:
    """The rooms of these positions whose guests are still expected (None: all of them). Raises `Invalid` for
    what is no room of the booking, `WrongState` for guests who have come, left, or will not come."""
    if positions is None:
        if not booking.expected:
            raise WrongState(
                f"the booking is {is_a(booking.status)}; to be {verb} it must be"
                f" {called('confirmed', 'booking')}"
            )
        return booking.expected
    for position, room, where in _named(booking, positions, field):
        if room.status == "checked_in":
            raise WrongState(f"the guests of room {position} of the booking are in the house", field=where)
    return tuple(room for room in booking.expected if room.position in positions)


def _check_expected(booking: Booking, today: date) -> None:
    """Raises `WrongState` where the last guests in the house would leave a room to guests who cannot come any
    more: whether they owe its price or the fee is for the hotel to say."""
    late = [room.position for room in booking.expected if today >= room.departure]
    if late:
        several = len(late) > 1
        raise WrongState(
            f"the guests of {'rooms' if several else 'room'} {', '.join(map(str, late))} of the booking were"
            " never checked in",
            fix=f"mark {'them' if several else 'it'} as a no-show first",
        )


def _check_staying(by_position: Mapping[int, Reservation], position: int, field: str) -> Reservation:
    """The room at a position; raises `Invalid` where there is none, `WrongState` once its guests have left,
    or did not come, or it was cancelled."""
    room = by_position.get(position)
    if room is None:
        raise Invalid(f"the booking has no room {position}", field=field)
    if room.status in OVER:
        raise WrongState(gone(position, room.status), field=field)
    return room


async def _check_undone(tx: Transaction, booking: Booking, now: datetime) -> None:
    if booking.status != "checked_in":
        raise WrongState(f"the booking is {is_a(booking.status)}; only a check-in can be undone")
    if any(room.status != "cancelled" for room in booking.left):
        raise WrongState(
            "guests of the booking have checked out already, or did not come",
            fix="check the others out when they leave",
        )
    if not checked_in_today(booking, now):
        raise WrongState(
            "a check-in can be undone until the hotel's day ends, and this one is from a day before",
            fix="check the guests out",
        )
    if business_date(now, booking.timezone, booking.day_end_time) >= booking.departure:
        raise WrongState("no night of the stay is left to come for", fix="check the guests out")
    taken = await tx.fetchval(_TAKEN_SINCE, booking.id)
    if taken:
        raise WrongState(
            f"{english(taken, booking.currency)} was paid since the check-in",
            fix="refund it first, or check the guests out",
            extra={"paid": {"amount": taken, "currency": booking.currency}},
        )


async def _locked(tx: Transaction, booking_id: UUID, *needed: str, verb: str) -> Booking:
    status = await lock_booking(tx, booking_id)
    if status not in needed:
        allowed = " or ".join(called(name, "booking") for name in needed)
        raise WrongState(f"the booking is {is_a(status)}; to be {verb} it must be {allowed}")
    return await booking_by_id(tx, booking_id)


async def _room_needed(tx: Transaction, without: list[Reservation]) -> RoomNeeded:
    first = without[0]
    free = await free_rooms(tx, first, limit=5)
    if free:
        fix = f"assign one that is free: {', '.join(free)}"
    else:
        fix = "no room of its type is free: assign one of another type"
    return RoomNeeded(
        f"room {first.position} of the booking, {first.room_type_name}, has no room number yet",
        field="rooms",
        fix=f"{fix}; or give a reason why they are checked in without one",
        extra={"positions": [room.position for room in without], "free": free},
    )


async def _refuse_occupied(
    tx: Transaction, booking_id: UUID, rooms: Collection[UUID], override: str | None, now: datetime
) -> None:
    """Where others are still in one of these rooms (reservations) of the booking."""
    occupied = await tx.fetch(_OCCUPIED, booking_id, rooms) if rooms else []
    if occupied:
        number, reference = occupied[0]["number"], occupied[0]["reference"]
        refusal = RoomOccupied(
            f"in room {number} the guests of {reference} have not checked out",
            field="rooms",
            fix=f"check {reference} out first, or choose another room; or give a reason to override this",
            extra={"room": number, "reference": reference},
        )
        await overrides.unless_overridden(tx, refusal, booking_id=booking_id, reason=override, now=now)


async def _assign(tx: Transaction, booking: Booking, rooms: Mapping[int, str], today: date) -> None:
    """Give the rooms; from today on where others slept in them before, or the guests elsewhere."""
    by_position = {reservation.position: reservation for reservation in booking.reservations}
    # Guests of the booking may change rooms with each other: who moves out makes room first.
    moving = [
        room.id
        for room in booking.staying
        if room.room is not None
        and room.room in rooms.values()
        and rooms.get(room.position, room.room) != room.room
    ]
    await assignment.release(tx, reservation_ids=moving)
    for position, number in rooms.items():
        reservation = _check_staying(by_position, position, f"rooms.{position}")
        first = min(max(reservation.arrival, today), reservation.departure - date.resolution)
        stays = [Stay(first, reservation.departure)]
        if reservation.status == "confirmed" or reservation.room is not None:
            stays.insert(0, Stay(reservation.arrival, reservation.departure))
        await assignment.assign(
            tx,
            property_id=booking.property_id,
            number=number,
            reservation_id=reservation.id,
            stays=stays,
            field=f"rooms.{position}",
        )
