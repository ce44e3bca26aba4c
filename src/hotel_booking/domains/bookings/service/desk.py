"""Payments at the desk: the guest pays in cash, on the hotel's card terminal or by a transfer that staff saw
on the bank's statement. No gateway is asked; what is owed falls in the same transaction."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hotel_booking.core.code_names import is_a
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.core.formats import english
from hotel_booking.core.money import check_charged
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.errors import PriceChanged, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_and_load
from hotel_booking.domains.bookings.service.plan_collection import plan_collection
from hotel_booking.domains.bookings.types import OWING, Booking
from hotel_booking.domains.payments import queries
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.errors import TooMuch
from hotel_booking.domains.payments.service import Payment
from hotel_booking.domains.payments.types import DeskWay

LONGEST_RECEIPT = 60
SHORTEST_REASON, LONGEST_REASON = 5, 200


async def record_desk_payment(
    tx: Transaction,
    *,
    booking_id: UUID,
    amount: int | None,
    way: DeskWay,
    receipt: str | None,
    now: datetime,
    expected: int | None = None,
) -> Payment:
    """Note that the guest has paid `amount` (minor units; None: all that is open) at the desk. `receipt` is
    its number or a note, at most 60 characters; `expected` is the balance that staff saw.

    Two who note the same at once wait for each other, and the second is refused. Raises `WrongState` where
    nothing is owed, `TooMuch` above that, `NotCharged` for a part that is no multiple of the currency's step,
    `PriceChanged` where another balance was seen, `Invalid`, and `PaymentInProgress` while the guest is
    paying online.
    """
    # Booking first, payments second: the one lock order.
    booking = await lock_and_load(tx, booking_id)
    owed = _owed(booking)
    if expected is not None and expected != owed:
        raise PriceChanged(
            "the balance has changed since it was shown; nothing was recorded",
            field="expected_balance",
            fix="check the new balance and record the payment again",
        )
    amount = owed if amount is None else amount
    if amount <= 0:
        raise Invalid("a payment must be above 0", field="amount", fix="enter what the guest has paid")
    if amount != owed:  # what a part leaves open may be charged to a card
        check_charged(amount, booking.currency, field="amount")
    if amount > owed:
        held = (
            f"; {english(booking.reserved, booking.currency)} is reserved on a card"
            if booking.reserved
            else ""
        )
        raise TooMuch(
            f"only {english(owed, booking.currency)} is owed{held}; nothing was recorded",
            field="amount",
            fix="enter that or less",
            extra={"at_most": owed},
        )
    payment = await payments.note_taken(
        tx,
        booking_id=booking_id,
        amount=amount,
        currency=booking.currency,
        way=way,
        purpose="fee" if booking.status in ("no_show", "cancelled") else "balance",
        receipt=_receipt(receipt),
        now=now,
    )
    booking = await booking_by_id(tx, booking_id)
    await payments.close_waiting(tx, booking_id=booking_id, still_open=still_open(booking), now=now)
    await plan_collection(tx, booking, now)
    await mail.payment_received(tx, booking, payment=payment, amount=amount, now=now)
    return payment


async def reverse_desk_payment(
    tx: Transaction, *, booking_id: UUID, payment_id: UUID, reason: str, now: datetime
) -> None:
    """Take back a payment at the desk that was noted by mistake: the guest owes it again, and is told that
    the receipt no longer counts. Money that was really paid is refunded instead. Raises `PaymentNotFound`,
    `NotReversible`, and `Invalid` for a reason of fewer than 5 or more than 200 characters."""
    why = reason.strip()
    if not SHORTEST_REASON <= len(why) <= LONGEST_REASON:
        raise Invalid(
            f"a reason has {SHORTEST_REASON} to {LONGEST_REASON} characters",
            field="reason",
            fix="say why the payment is reversed",
        )
    await lock_and_load(tx, booking_id)
    await payments.reverse(tx, booking_id=booking_id, payment_id=payment_id, reason=why, now=now)
    booking = await booking_by_id(tx, booking_id)
    await plan_collection(tx, booking, now)
    [payment] = await queries.desk_payments(tx, booking_id, payment_id=payment_id)
    await mail.payment_reversed(tx, booking, payment=payment, now=now)


def _owed(booking: Booking) -> int:
    if booking.status not in OWING:
        raise WrongState(
            f"the booking is {is_a(booking.status)}; nothing was recorded",
            fix="confirm the booking first, to be paid at the hotel"
            if booking.status == "held"
            else "make a new booking",
        )
    owed = still_open(booking)
    if not owed and booking.reserved:
        raise WrongState(
            f"{english(booking.reserved, booking.currency)} is reserved on the guest's card, and nothing else"
            " is owed; nothing was recorded",
            fix="release the reserved money first, if the guest pays at the desk instead",
        )
    if not owed:
        raise WrongState(
            "nothing is owed for this booking; nothing was recorded", fix="look at the booking again"
        )
    return owed


def _receipt(text: str | None) -> str | None:
    line = " ".join((text or "").split())
    if len(line) > LONGEST_RECEIPT:
        raise Invalid(
            f"a receipt number or note has at most {LONGEST_RECEIPT} characters",
            field="receipt",
            fix="shorten it; a longer note can be added to the booking",
        )
    return line or None
