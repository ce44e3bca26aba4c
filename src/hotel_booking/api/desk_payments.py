"""Payments taken at the desk, for staff's systems: recorded, listed, and reversed where one was a mistake."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post

from hotel_booking.api.booking_access import open_booking, open_to_change
from hotel_booking.api.booking_answers import BookingAnswer, booking_answer
from hotel_booking.core.dates import Instant
from hotel_booking.core.db import Transaction
from hotel_booking.core.money import Money
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.bookings.service.desk import LONGEST_REASON, LONGEST_RECEIPT, SHORTEST_REASON
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.types import Scope
from hotel_booking.domains.payments import queries
from hotel_booking.domains.payments.types import DeskPayment, DeskWay
from hotel_booking.http.access import needs
from hotel_booking.http.examples import example
from hotel_booking.http.preconditions import IfMatch

_DESK = needs(Scope.FRONTDESK_WRITE)
# As in the panel: who takes cash cannot make it unrecorded.
_REVERSE = needs(Scope.PAYMENTS_MANAGE)
_EXAMPLE_PAYMENT = "0198c2a4-6f0e-7c1b-9f43-5d2f6f0a1b2c"


class DeskPaymentRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the guest has paid at the hotel. `amount` is in minor units of the booking's currency; without it,
    all that is open. `receipt` is the receipt's number or a short note. `expected_balance` (minor units) is
    the open balance that was shown; another one is refused with `price_changed`."""

    way: DeskWay
    amount: Annotated[int, msgspec.Meta(ge=1)] | None = None
    receipt: Annotated[str, msgspec.Meta(max_length=LONGEST_RECEIPT)] | None = None
    expected_balance: Annotated[int, msgspec.Meta(ge=0)] | None = None


class ReversalRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the payment is reversed; it is kept with it."""

    reason: Annotated[str, msgspec.Meta(min_length=SHORTEST_REASON, max_length=LONGEST_REASON)]


class DeskPaymentAnswer(msgspec.Struct, frozen=True):
    """A payment taken at the desk. `reversal` says why it was reversed; null if it was not."""

    id: UUID
    way: DeskWay
    amount: Money
    receipt: str | None
    recorded_at: Instant
    reversal: str | None


class DeskPaymentDone(msgspec.Struct, frozen=True):
    """The payment as it is now, and its booking: `balance` is what is still to be paid."""

    payment: DeskPaymentAnswer
    booking: BookingAnswer


class DeskPayments(msgspec.Struct, frozen=True):
    """Payments taken at the desk for a booking, newest first."""

    items: list[DeskPaymentAnswer]


@post(
    "/bookings/{reference:str}/desk-payments",
    opt=_DESK | example(lambda _: {"way": "cash", "amount": 5_000, "receipt": "R-1024"}),
    tags=["Front desk"],
    summary="Record a payment at the desk",
)
async def record_desk_payment(
    reference: str,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    if_match: IfMatch,
    data: DeskPaymentRequest,
) -> DeskPaymentDone:
    """Records that the guest has paid in cash, on the card terminal or by bank transfer: `balance` of the
    booking falls by it. More than is open is refused (`amount_too_high`). Nothing is charged. Send an
    `Idempotency-Key`, so that a repeated request never records twice."""
    booking = await open_to_change(tx, reference, caller, if_match, now)
    payment = await service.record_desk_payment(
        tx,
        booking_id=booking.id,
        amount=data.amount,
        way=data.way,
        receipt=data.receipt,
        expected=data.expected_balance,
        now=now,
    )
    return await _done(tx, booking.id, payment.id, now)


@get(
    "/bookings/{reference:str}/desk-payments",
    opt=needs(Scope.BOOKINGS_READ),
    tags=["Front desk"],
    summary="List payments at the desk",
)
async def list_desk_payments(reference: str, tx: Transaction, caller: Caller) -> DeskPayments:
    """What was paid at the desk for the booking, reversed payments too."""
    booking = await open_booking(tx, reference, caller)
    return DeskPayments([_answer(payment) for payment in await queries.desk_payments(tx, booking.id)])


@post(
    "/bookings/{reference:str}/desk-payments/{payment_id:uuid}/reverse",
    opt=_REVERSE
    | example(lambda _: {"reason": "Typed for the wrong guest"}, parameters={"payment_id": _EXAMPLE_PAYMENT}),
    tags=["Front desk"],
    summary="Reverse a payment at the desk",
    status_code=200,
)
async def reverse_desk_payment(
    reference: str,
    payment_id: UUID,
    tx: Transaction,
    now: datetime,
    caller: Caller,
    if_match: IfMatch,
    data: ReversalRequest,
) -> DeskPaymentDone:
    """Takes back a payment that was recorded by mistake: the guest owes it again. Money that was really paid
    is refunded instead. Needs the scope `payments:manage`, which `frontdesk:write` does not include."""
    booking = await open_to_change(tx, reference, caller, if_match, now)
    await service.reverse_desk_payment(
        tx, booking_id=booking.id, payment_id=payment_id, reason=data.reason, now=now
    )
    return await _done(tx, booking.id, payment_id, now)


async def _done(tx: Transaction, booking_id: UUID, payment_id: UUID, now: datetime) -> DeskPaymentDone:
    [payment] = await queries.desk_payments(tx, booking_id, payment_id=payment_id)
    return DeskPaymentDone(_answer(payment), booking_answer(await booking_by_id(tx, booking_id), now))


def _answer(payment: DeskPayment) -> DeskPaymentAnswer:
    return DeskPaymentAnswer(
        payment.id,
        payment.way,
        Money(payment.amount, payment.currency),
        payment.receipt,
        payment.created_at,
        payment.reversal,
    )


handlers = [record_desk_payment, list_desk_payments, reverse_desk_payment]
