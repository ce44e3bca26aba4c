"""What becomes of money that the gateway has: the rooms are sold for it, or it goes back."""

from __future__ import annotations

import logging
from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.formats import english
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.due import capture_instant, still_open
from hotel_booking.domains.bookings.errors import WrongState
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.service.hold import confirm
from hotel_booking.domains.bookings.service.plan_collection import plan_collection
from hotel_booking.domains.bookings.types import OWING, Booking
from hotel_booking.domains.inventory.errors import SoldOut
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.errors import AmountMismatch
from hotel_booking.domains.payments.gateway import Gateway, Outcome
from hotel_booking.domains.payments.service import Payment

log = logging.getLogger(__name__)

Refusal = SoldOut | WrongState | AmountMismatch


class _Refused(msgspec.Struct, frozen=True):
    """Why the money is not wanted: what the guest hears, and what stands at the payment for staff."""

    error: Refusal
    problem: str


async def accept(
    tx: Transaction, gateway: Gateway, booking: Booking, payment: Payment, outcome: Outcome, now: datetime
) -> Refusal | None:
    """The money is there: sell the rooms for it, or set it on its way back and say why. The booking and the
    payment are locked."""
    capture_at = now
    refused = _another_amount(payment, outcome)
    if refused is None and payment.purpose == "booking" and booking.status != "confirmed":
        refused = await _confirm(tx, booking, now)
        if refused is None:
            booking = await booking_by_id(tx, booking.id)
            capture_at = capture_instant(booking, now=now, holds_for=gateway.holds_for)
            await mail.confirmed(tx, _with(booking, payment, outcome, capture_at > now), now=now)
    elif refused is None and not await _is_owed(tx, booking, payment):
        refused = _Refused(
            WrongState("the booking is already paid or has ended; the money will be refunded"),
            "the booking was already paid or has ended; it will be refunded",
        )
    if refused is None:
        await _keep(tx, booking, payment, outcome, capture_at, now)
        return None
    await _give_back(tx, booking, payment, outcome, refused.problem, now)
    return refused.error


def _with(booking: Booking, payment: Payment, outcome: Outcome, later: bool) -> Booking:
    """The booking as it is with the payment; `later`: what is only reserved stays so until then."""
    if later and outcome.status != "captured":
        return msgspec.structs.replace(booking, reserved=booking.reserved + payment.amount)
    return msgspec.structs.replace(booking, paid=booking.paid + payment.amount)


def _another_amount(payment: Payment, outcome: Outcome) -> _Refused | None:
    """The gateway may say no amount; one that it says is the one that was asked for."""
    asked = (payment.amount, payment.currency)
    if outcome.amount is None or (outcome.amount, outcome.currency) == asked:
        return None
    log.error("a payment has another amount", extra={"payment_id": str(payment.id)})
    return _Refused(
        AmountMismatch(
            "the gateway holds a different amount from the one requested; it will be refunded",
            fix="pay again, or ask the hotel",
        ),
        f"the gateway holds {english(outcome.amount, outcome.currency or '')},"
        f" asked were {english(payment.amount, payment.currency)}",
    )


async def _confirm(tx: Transaction, booking: Booking, now: datetime) -> _Refused | None:
    """The rooms are the guest's, or somebody else has them by now."""
    try:
        if booking.status == "held":  # its nights are its own: nothing refuses it
            await confirm(tx, booking_id=booking.id, now=now)
        else:
            async with tx.savepoint():
                await confirm(tx, booking_id=booking.id, now=now)
    except (SoldOut, WrongState) as error:
        return _Refused(error, f"it came too late: {error.detail}; it will be refunded")
    return None


async def _is_owed(tx: Transaction, booking: Booking, payment: Payment) -> bool:
    """Whether the booking still owes what came, and no other payment stands for it. A guarantee of nothing
    is always welcome."""
    return not payment.amount or (
        booking.status in OWING
        and still_open(booking) >= payment.amount
        and not await payments.stands_already(tx, payment)
    )


async def _keep(
    tx: Transaction,
    booking: Booking,
    payment: Payment,
    outcome: Outcome,
    capture_at: datetime,
    now: datetime,
) -> None:
    if outcome.card is not None and payment.agreement is not None:
        await payments.save_card(tx, payment=payment, card=outcome.card, now=now)
    taken = outcome.status == "captured" or not payment.amount
    await payments.record(
        tx,
        payment_id=payment.id,
        status="captured" if taken else "reserved",
        reference=outcome.reference,
        capture_at=None if taken else capture_at,
        now=now,
    )
    booking = await booking_by_id(tx, booking.id)
    await plan_collection(tx, booking, now)
    if taken and payment.amount:
        await mail.payment_received(tx, booking, payment=payment, amount=payment.amount, now=now)


async def _give_back(
    tx: Transaction, booking: Booking, payment: Payment, outcome: Outcome, problem: str, now: datetime
) -> None:
    if outcome.status == "captured":
        held = payment.amount if outcome.amount is None else outcome.amount
        await payments.record(
            tx,
            payment_id=payment.id,
            status="captured",
            captured=held,
            reference=outcome.reference,
            problem=problem,
            now=now,
        )
        await payments.refund(
            tx, booking_id=booking.id, amount=held, reason="not needed", now=now, payment_id=payment.id
        )
    else:
        await payments.record(
            tx, payment_id=payment.id, status="voiding", reference=outcome.reference, problem=problem, now=now
        )
    await mail.payment_returned(tx, booking, amount=payment.amount, payment_id=payment.id, now=now)
