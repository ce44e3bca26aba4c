"""Cancel by the policy that the booking was sold with."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hotel_booking.core.code_names import is_a
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.due import cancellation_fee, charged
from hotel_booking.domains.bookings.errors import PriceChanged, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.collect import collect_soon
from hotel_booking.domains.bookings.types import Booking, Cancellation
from hotel_booking.domains.inventory import assignment
from hotel_booking.domains.payments import service as payments

_CANCELLABLE = ("held", "confirmed")


def cancellation_at(booking: Booking, at: datetime, *, waive: bool = False) -> Cancellation:
    """What cancelling the whole booking at `at` costs. A hold costs nothing; with `waive` nothing does.

    Raises `WrongState` where it cannot be cancelled any more.
    """
    if booking.status == "cancelled":
        raise WrongState("the booking is already cancelled", fix="nothing to do")
    if booking.status not in _CANCELLABLE:
        raise WrongState(
            f"the booking is {is_a(booking.status)} and cannot be cancelled",
            fix="ask the hotel",
        )
    fee = 0 if waive else sum(cancellation_fee(booking, room, at) for room in booking.reservations)
    return settle(booking, fee)


def settle(booking: Booking, fee: int) -> Cancellation:
    """Split what was paid and what is reserved into the part that stays and the part that goes back."""
    owed = charged(booking, fee)
    kept_of_paid = min(owed, booking.paid)
    kept = min(owed, booking.paid + booking.reserved)
    return Cancellation(
        fee=fee,
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


async def preview_cancel(tx: Transaction, *, booking_id: UUID, now: datetime) -> Cancellation:
    """What cancelling now would cost. Changes nothing."""
    return cancellation_at(await booking_by_id(tx, booking_id), now)


async def cancel(
    tx: Transaction,
    *,
    booking_id: UUID,
    now: datetime,
    waive: bool = False,
    expected_fee: int | None = None,
) -> Cancellation:
    """Give all nights back, keep the fee, and set the refund of the rest on its way. With `waive` the hotel
    lets the fee go. `expected_fee` (minor units) is what the caller saw: another one raises `PriceChanged`.

    Cancelling a cancelled booking raises `WrongState`; nothing is refunded twice.
    """
    await lock_booking(tx, booking_id)
    booking = await booking_by_id(tx, booking_id)
    result = cancellation_at(booking, now, waive=waive)
    if expected_fee is not None and expected_fee != result.fee:
        raise PriceChanged(
            "the fee has changed since the preview", fix="check the new preview and confirm it"
        )
    await tx.execute("SELECT booking_release($1)", booking_id)
    await tx.execute(
        "WITH whole AS (UPDATE booking SET status = 'cancelled', cancelled_at = $4 WHERE id = $1)"
        " UPDATE reservation r SET status = 'cancelled', taken = NULL, fee = f.fee"
        "  FROM unnest($2::uuid[], $3::bigint[]) AS f(id, fee)"
        " WHERE r.booking_id = $1 AND r.id = f.id",
        booking_id,
        [room.id for room in booking.reservations],
        [0 if waive else cancellation_fee(booking, room, now) for room in booking.reservations],
        now,
    )
    if any(room.room for room in booking.reservations):
        await assignment.release(tx, reservation_ids=[room.id for room in booking.reservations])
    await carry_out(tx, booking, result, reason="cancelled", now=now)
    await mail.cancelled(tx, booking, result, now=now)
    return result
