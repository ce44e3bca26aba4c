"""Cancel by the policy that the booking was sold with: all of it, or single rooms before anybody has come."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from hotel_booking.core.code_names import is_a
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.due import balance, cancellation_fee, charged
from hotel_booking.domains.bookings.errors import PriceChanged, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.collect import collect_soon
from hotel_booking.domains.bookings.service.ending import end_stay
from hotel_booking.domains.bookings.service.stay import expected
from hotel_booking.domains.bookings.types import Booking, Cancellation, Reservation
from hotel_booking.domains.inventory import assignment
from hotel_booking.domains.payments import service as payments

_CANCELLABLE = ("held", "confirmed")


def cancellation_at(
    booking: Booking, at: datetime, *, rooms: Collection[int] | None = None, waive: bool = False
) -> Cancellation:
    """What cancelling at `at` costs: the whole booking, or single rooms of a confirmed one (`rooms`, by
    position). A hold costs nothing; with `waive` nothing does.

    The fee of a booking of which rooms were cancelled before has theirs in it. Where rooms are left, `fee` is
    what those that are cancelled cost, and `owed` what is open then of the booking, for the others to pay.

    Raises `WrongState` where it cannot be cancelled any more, and as `expected` for the rooms.
    """
    going = going_of(booking, rooms)
    fees = _fees(booking, going, at, waive=waive)
    if len(going) < len(booking.staying):
        return msgspec.structs.replace(settle(booking, total_without(booking, going, fees)), fee=sum(fees))
    return settle(booking, sum(fees) + sum(room.owed for room in booking.left))


def going_of(booking: Booking, rooms: Collection[int] | None) -> tuple[Reservation, ...]:
    """The rooms at these positions (None: all that are left) that are to be cancelled. Raises as
    `cancellation_at`."""
    if booking.status == "cancelled":
        raise WrongState("the booking is already cancelled", fix="nothing to do")
    if booking.status not in _CANCELLABLE:
        raise WrongState(
            f"the booking is {is_a(booking.status)} and cannot be cancelled",
            fix="ask the hotel",
        )
    if rooms is None or {*rooms} == {room.position for room in booking.staying}:
        return booking.staying
    if booking.status == "held":
        raise WrongState(
            "rooms of a hold cannot be cancelled one by one",
            field="rooms",
            fix="cancel the hold and hold fewer rooms",
        )
    return expected(booking, rooms, field="rooms", verb="cancelled")


def total_without(booking: Booking, going: Sequence[Reservation], fees: Sequence[int]) -> int:
    """What a booking comes to with these fees in place of the price of rooms that go while others stay."""
    return booking.total - sum(room.total for room in going) + sum(fees)


def _fees(booking: Booking, going: Sequence[Reservation], at: datetime, *, waive: bool) -> list[int]:
    return [0 if waive else cancellation_fee(booking, room, at) for room in going]


def settle(booking: Booking, fee: int) -> Cancellation:
    """Split what was paid and what is reserved into the part that stays and the part that goes back. What the
    hotel let go of the price before is let go of the fee."""
    owed = charged(booking, fee)
    kept_of_paid = min(owed, booking.paid)
    kept = min(owed, booking.paid + booking.reserved)
    return Cancellation(
        fee=owed,
        refund=booking.paid - kept_of_paid,
        owed=owed - kept,
        currency=booking.currency,
        released=booking.reserved - (kept - kept_of_paid),
    )


async def carry_out(
    tx: Transaction, booking: Booking, result: Cancellation, *, reason: str, now: datetime
) -> None:
    """Bring the money in line with the fee, once the rooms' fees are written: what goes back is set on its
    way, what was only reserved is taken in part or let go, and what is owed is collected from a kept card."""
    await tx.execute("SELECT charge_settle($1, $2)", booking.id, now)
    if booking.reserved:
        keep = booking.reserved - result.released
        await payments.keep_reserved(tx, booking_id=booking.id, keep=keep, take=True, now=now)
    await payments.refund(tx, booking_id=booking.id, amount=result.refund, reason=reason, now=now)
    if result.owed:
        await collect_soon(tx, booking_id=booking.id, now=now, only_from_card=True)


async def settle_others(
    tx: Transaction, booking: Booking, total: int, *, back: int, reason: str, now: datetime
) -> Booking:
    """Rooms are gone and others stay: the booking comes to `total` now, and what was paid beyond that is set
    on its way (`back`). Nothing is collected: those who stay pay what is open. The booking as it is then."""
    await tx.execute("UPDATE booking SET total = $2 WHERE id = $1", booking.id, total)
    await tx.execute("SELECT charge_settle($1, $2)", booking.id, now)
    changed = await booking_by_id(tx, booking.id)
    if changed.reserved:
        await payments.keep_reserved(tx, booking_id=booking.id, keep=balance(changed), now=now)
    if back:
        await payments.refund(tx, booking_id=booking.id, amount=back, reason=reason, now=now)
    return await booking_by_id(tx, booking.id)


async def preview_cancel(tx: Transaction, *, booking_id: UUID, now: datetime) -> Cancellation:
    """What cancelling now would cost. Changes nothing."""
    return cancellation_at(await booking_by_id(tx, booking_id), now)


async def cancel(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    rooms: Collection[int] | None = None,
    waive: bool = False,
    expected_fee: int | None = None,
) -> Cancellation:
    """Give all nights back, keep the fee, and set the refund of the rest on its way. With `waive` the hotel
    lets the fee go. `expected_fee` (minor units) is what the caller saw: another one raises `PriceChanged`.

    `rooms` (reservation positions) cancels these alone, before anybody has come: their fee takes the place
    of their price in the booking's total, and what was paid beyond that goes back. With the last of its rooms
    the booking is cancelled.

    Cancelling what is cancelled raises `WrongState`; nothing is refunded twice.
    """
    await lock_booking(tx, booking_id)
    booking = await booking_by_id(tx, booking_id)
    result = cancellation_at(booking, now, rooms=rooms, waive=waive)
    if expected_fee is not None and expected_fee != result.fee:
        raise PriceChanged(
            "the fee has changed since the preview", fix="check the new preview and confirm it"
        )
    going = going_of(booking, rooms)
    fees = _fees(booking, going, now, waive=waive)
    if any(room.room for room in going):
        await assignment.release(tx, reservation_ids=[room.id for room in going])
    if len(going) < len(booking.staying):
        first = min(room.arrival for room in going)
        await end_stay(tx, booking, going, status="cancelled", on=first, now=now, fees=fees)
        total = total_without(booking, going, fees)
        left = await settle_others(tx, booking, total, back=result.refund, reason="cancelled", now=now)
        await mail.amended(
            tx, left, refund=result.refund, cancelled=[room.position for room in going], now=now
        )
        return result
    await tx.execute("SELECT booking_release($1)", booking_id)
    await tx.execute(
        # All of it is over: the total is again what it was sold for.
        "WITH whole AS (UPDATE booking SET status = 'cancelled', cancelled_at = $4, total = $5 WHERE id = $1)"
        " UPDATE reservation r SET status = 'cancelled', taken = NULL, fee = f.fee"
        "  FROM unnest($2::uuid[], $3::bigint[]) AS f(id, fee)"
        " WHERE r.booking_id = $1 AND r.id = f.id",
        booking_id,
        [room.id for room in going],
        fees,
        now,
        sum(room.total for room in booking.reservations),
    )
    await carry_out(tx, booking, result, reason="cancelled", now=now)
    await mail.cancelled(tx, booking, result, now=now)
    return result
