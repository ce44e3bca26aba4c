"""Pay for a hold, or what is still due for a booking: reserve the money, confirm, take it. The one service
that works in several transactions, because none stays open while a gateway is called.

Money is only reserved until the rooms are the guest's, and the payment's state says what comes next
(migrations/sql/0003_payments.sql). So whoever finds a payment after a crash can finish or undo it: the same
functions do, from `finish.py`.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec
from msgspec.structs import replace

from hotel_booking.core.bank_names import UNCONFIRMED
from hotel_booking.core.code_names import is_a
from hotel_booking.core.dates import local_instant
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.bookings import mail, tally
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.errors import HoldExpired, PriceChanged, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_and_load
from hotel_booking.domains.bookings.service.accept import Refusal, accept
from hotel_booking.domains.bookings.service.advance import advance
from hotel_booking.domains.bookings.types import OWING, STANDING, Booking
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments import steps
from hotel_booking.domains.payments.errors import (
    AmountMismatch,
    GatewayPaused,
    GatewayRefused,
    GatewayUnavailable,
    NoGateway,
    PaymentDeclined,
    PaymentNeverMade,
    PaymentNotConfirmed,
    UnknownToken,
)
from hotel_booking.domains.payments.gateway import Charge, Gateway, Outcome
from hotel_booking.domains.payments.service import Payment
from hotel_booking.domains.payments.steps import Step

log = logging.getLogger(__name__)

# A payment that has begun keeps its rooms a little longer, but no guest can keep them for ever by trying.
_GRACE = timedelta(minutes=5)
_LONGEST_HOLD = timedelta(hours=1)
_SHORTEST_WAIT = timedelta(hours=12)  # for a transfer; below that it cannot come in time


class PaymentResult(msgspec.Struct, frozen=True):
    """What came of it. `requires_action` carries what completes it: a token, the address of the gateway's own
    page, or words (where to send a transfer); `pending` means that the gateway has not answered and a job
    will find out."""

    status: Literal["confirmed", "requires_action", "pending"]
    booking: Booking
    action_token: str | None = None
    action_url: str | None = None
    action_text: str | None = None
    payment_id: UUID | None = None


async def pay(
    db: Database,
    gateway: Gateway,
    *,
    booking_id: UUID,
    token: str | None,
    now: datetime,
    agreement: str | None = None,
    return_url: str | None = None,
    expected: int | None = None,
    balance: bool = False,
) -> PaymentResult:
    """Pay what is due now, or give the guarantee where nothing is, and confirm. With `balance`, pay what is
    still open of a confirmed booking; without it a confirmed one is answered as it is, so that a form sent
    twice charges once. Without `token` the gateway's page asks for the means of payment.

    `agreement` are the words by which the guest lets the card be kept for later charges. `return_url` asks
    for the gateway's own page. `expected` (minor units) is the amount that the guest saw: another one raises
    `PriceChanged`. Raises `HoldExpired` before anything is charged, `PaymentDeclined`, `UnknownToken`,
    `PaymentInProgress`, `NoGateway`, `WrongState`. Paying a paid booking again changes nothing.
    """
    async with steps.write(db, Step.NOTE_ATTEMPT) as tx:
        booking = await lock_and_load(tx, booking_id)
        amount = _to_pay(booking, now, balance=balance, expected=expected)
        if amount is None:
            return PaymentResult("confirmed", booking)
        held = booking.status == "held"
        wait = _wait_for_transfer(booking, gateway, now) if held else None
        hosted = token is None and return_url is not None
        payment = await payments.resume(
            tx, booking_id=booking_id, gateway=gateway.name, amount=amount, now=now, hosted=hosted
        ) or await payments.start(
            tx,
            booking_id=booking_id,
            amount=amount,
            currency=booking.currency,
            gateway=gateway.name,
            purpose="booking" if held else "balance",
            agreement=agreement if gateway.saves_cards else None,
            hosted=hosted,
            now=now,
        )
        if held:
            await _keep_rooms(tx, booking, now + _GRACE, _LONGEST_HOLD)
    charge = Charge(
        payment_id=payment.id,
        reference=booking.reference,
        amount=payment.amount,
        currency=payment.currency,
        save_card=payment.agreement is not None,
        return_url=return_url,
        opened=payment.gateway_reference,
    )
    outcome = await _authorise(db, gateway, payment, charge, token, now)
    return await settle(db, gateway, payment, outcome, now, wait_until=wait)


def _to_pay(booking: Booking, now: datetime, *, balance: bool, expected: int | None) -> int | None:
    """The amount in minor units, 0 where only a guarantee is given; None where the booking stands and nothing
    of it is to be paid now. Raises `HoldExpired`, `WrongState`, `PriceChanged`."""
    status = booking.status
    held = status == "held"
    amount = booking.due_now if held else still_open(booking)
    if status in STANDING and not (balance and amount):
        return None
    if status == "expired" or (held and booking.hold_expires_at <= now):
        raise HoldExpired(
            "the hold has expired; nothing was charged", fix="create a new quote and book again"
        )
    if not held and not (balance and status in OWING and amount):
        raise WrongState(f"the booking is {is_a(status)}; nothing was charged")
    if expected is not None and expected != amount:
        raise PriceChanged(
            "the amount has changed since it was shown; nothing was charged",
            field="expected_amount",
            fix="check the new amount and confirm it",
        )
    return amount


async def _authorise(
    db: Database, gateway: Gateway, payment: Payment, charge: Charge, token: str | None, now: datetime
) -> Outcome:
    """Have the money reserved; whatever goes wrong with that is an outcome too, but for what ends the attempt
    before the gateway has done anything: that is noted, and raised."""
    try:
        return await steps.call(Step.AUTHORISE, gateway.authorise, charge, token=token)
    except GatewayRefused as error:
        log.warning("the gateway refused", extra={"payment_id": str(payment.id), "code": error.code})
        return await _after_a_refusal(gateway, payment)
    except (UnknownToken, NoGateway, GatewayPaused):
        # The gateway knows no such token, takes no money, or was not even asked: this attempt is over, the
        # hold stays.
        async with steps.write(db, Step.NOTE_ANSWER) as tx:
            await payments.record(tx, payment_id=payment.id, status="declined", now=now)
        raise
    except GatewayUnavailable as error:
        # It may have reserved the money or not: only asking it again will tell.
        log.warning("the gateway gave no answer", extra={"payment_id": str(payment.id), "code": error.code})
    except Exception:  # whatever it was, the money may have moved: it is not known
        log.exception("the gateway failed", extra={"payment_id": str(payment.id)})
    return Outcome("unknown")


async def _after_a_refusal(gateway: Gateway, payment: Payment) -> Outcome:
    """What is true once the gateway has said no: it may have reserved the money all the same."""
    try:
        outcome = await steps.call(
            Step.FIND, gateway.find, payment_id=payment.id, reference=payment.gateway_reference
        )
    except GatewayUnavailable:
        return Outcome("unknown")
    except GatewayRefused:
        return Outcome("declined")
    return outcome if outcome.status in ("authorised", "captured") else Outcome("declined")


def _wait_for_transfer(booking: Booking, gateway: Gateway, now: datetime) -> datetime | None:
    """Until when the rooms wait for a transfer: some days, and never into the day before the arrival."""
    if gateway.page != "transfer" or not booking.due_now:
        return None
    last = local_instant(booking.arrival - timedelta(days=1), booking.check_in_time, booking.timezone)
    until = min(now + gateway.holds_for, last)
    if until - now < _SHORTEST_WAIT:
        raise NoGateway(
            "a bank transfer would not arrive in time; nothing was charged", fix="choose another way to pay"
        )
    return until


async def _keep_rooms(tx: Transaction, booking: Booking, until: datetime, longest: timedelta | None) -> None:
    if longest is not None:
        until = min(until, booking.created_at + longest)
    if booking.hold_expires_at < until:
        await tx.execute("UPDATE booking SET hold_expires_at = $2 WHERE id = $1", booking.id, until)


async def settle(
    db: Database,
    gateway: Gateway,
    payment: Payment,
    outcome: Outcome,
    now: datetime,
    *,
    wait_until: datetime | None = None,
    guest_away: bool = False,
) -> PaymentResult:
    """Act on what the gateway said, however often and late it says it: confirm and take the money, or let it
    go. `payment` may have been read long ago: what has become of it is read again under its lock.

    Raises what the guest should hear: `PaymentDeclined`, or why the room could not be had.
    """
    refused: Refusal | None = None
    async with steps.write(db, Step.NOTE_ANSWER) as tx:
        # Booking first, payment second, nights third: the one lock order.
        booking = await lock_and_load(tx, payment.booking_id)
        payment = await payments.lock_payment(tx, payment.id)
        news = _is_news(payment, outcome)
        if news and outcome.status in ("authorised", "captured"):
            refused = await accept(tx, gateway, booking, payment, outcome, now)
        elif news:
            if guest_away and outcome.status == "declined":
                # No card is tried again for it: nobody is there who could.
                outcome = replace(outcome, action_token=None)
                await _tell_declined(tx, payment, outcome, now)
            await _note(tx, payment, outcome, now)
            if outcome.status == "requires_action" and wait_until is not None:
                await _keep_rooms(tx, booking, wait_until, None)
                await mail.transfer_expected(
                    tx, booking, account=outcome.action_text or "", until=wait_until, now=now
                )
        payment = await payments.look_up(tx, payment.id)
    if news and payment.purpose == "booking":
        _count(booking.source, payment, outcome, refused)
    await advance(db, gateway, payment, now)
    if refused is not None:
        raise refused
    async with db.reading() as tx:
        booking = await booking_by_id(tx, payment.booking_id)
        payment = await payments.look_up(tx, payment.id)
    return _answer(booking, payment, outcome)


def _answer(booking: Booking, payment: Payment, outcome: Outcome) -> PaymentResult:
    """What the guest is told of a payment as it stands now. Raises `PaymentNeverMade`, `PaymentDeclined`."""
    match payment.status:
        case "requires_action" if outcome.status != "declined":
            return PaymentResult(
                "requires_action",
                booking,
                outcome.action_token,
                outcome.action_url,
                outcome.action_text,
                payment_id=payment.id,
            )
        case "started" | "unknown" | "authorised":
            return PaymentResult("pending", booking, payment_id=payment.id)
        case "reserved" | "captured":
            return PaymentResult("confirmed", booking, payment_id=payment.id)
    if outcome.status != "declined":
        raise PaymentNeverMade("the payment was not completed; nothing was charged", fix="try again")
    held = booking.status == "held"
    extra = {"decline_code": payment.decline_code} if payment.decline_code else None
    if payment.decline_code in UNCONFIRMED:
        raise PaymentNotConfirmed(
            "the payment was not confirmed with the bank; nothing was charged",
            fix="try again, or another card; the rooms are still held" if held else "try again",
            extra=extra,
        )
    raise PaymentDeclined(
        "the payment was declined; nothing was charged",
        fix="try another card; the rooms are still held" if held else "try another way to pay",
        extra=extra,
    )


def _count(source: str, payment: Payment, outcome: Outcome, refused: Refusal | None) -> None:
    match payment.status:
        case "reserved" | "captured" if refused is None:
            tally.payment_ended("confirmed", source)
        case "declined" | "requires_action" if outcome.status == "declined":
            tally.payment_ended("declined", source)
        case "declined":
            tally.payment_ended("failed", source)
        case _ if refused is not None:
            tally.payment_ended("failed" if isinstance(refused, AmountMismatch) else "too_late", source)


def _is_news(payment: Payment, outcome: Outcome) -> bool:
    """Whether the gateway's word changes anything: the same word twice, or an old one that comes late, does
    not."""
    if payment.status in ("captured", "reserved", "voiding", "failed"):
        return False
    if payment.status in ("voided", "declined"):
        return outcome.status in ("authorised", "captured")  # money after all
    return True


async def _tell_declined(tx: Transaction, payment: Payment, outcome: Outcome, now: datetime) -> None:
    booking = await booking_by_id(tx, payment.booking_id)
    if booking.status in OWING:
        tried: Literal["declined", "to_confirm"]
        tried = "to_confirm" if outcome.decline_code in UNCONFIRMED else "declined"
        await mail.balance_due(tx, booking, amount=payment.amount, tried=tried, now=now)


async def _note(tx: Transaction, payment: Payment, outcome: Outcome, now: datetime) -> None:
    status: payments.Status
    match outcome.status:
        case "requires_action" | "unknown":
            status = outcome.status
        case "declined" if outcome.action_token is not None:
            status = "requires_action"  # the gateway takes another card for the same payment
        case "voided":
            status = "voided"
        case _:
            status = "declined"
    await payments.record(
        tx,
        payment_id=payment.id,
        status=status,
        now=now,
        reference=outcome.reference,
        decline_code=outcome.decline_code,
    )
