"""Pay for a hold: authorise, confirm, capture. The one service that works in several transactions,
because no transaction stays open while a gateway is called.

Money is only reserved until the rooms are the guest's, so a crash between two steps leaves at worst a
reservation of money, which `finish_undecided` captures or lets go.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.errors import HoldExpired, WrongState
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.hold import confirm
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.inventory.errors import SoldOut
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.errors import PaymentDeclined
from hotel_booking.domains.payments.gateway import Gateway, Outcome

log = logging.getLogger(__name__)

# A payment that has begun keeps its rooms a little longer, but no guest can keep them for ever by trying.
_GRACE = timedelta(minutes=5)
_LONGEST_HOLD = timedelta(hours=1)


class Paid(msgspec.Struct, frozen=True):
    """What came of it. `requires_action` carries the token that completes the second step; `pending`
    means that the gateway has not answered and a job will find out."""

    status: Literal["confirmed", "requires_action", "pending"]
    booking: Booking
    action_token: str | None = None


async def pay(db: Database, gateway: Gateway, *, booking_id: UUID, token: str, now: datetime) -> Paid:
    """Pay what is due now, or give the guarantee where nothing is, and confirm.

    Raises `HoldExpired` before anything is charged, `PaymentDeclined`, `UnknownToken`,
    `PaymentInProgress`, `WrongState`. Paying a confirmed booking again changes nothing.
    """
    async with db.transaction() as tx:
        status = await lock_booking(tx, booking_id)
        booking = await booking_by_id(tx, booking_id)
        if status == "confirmed":
            return Paid("confirmed", booking)
        if status == "expired" or (status == "held" and booking.hold_expires_at <= now):
            raise HoldExpired(
                "the hold has expired; nothing was charged", fix="ask for a new quote and book again"
            )
        if status != "held":
            raise WrongState(f"the booking is {status.replace('_', ' ')}; nothing was charged")
        payment = await payments.resume(tx, booking_id=booking_id, now=now) or await payments.start(
            tx,
            booking_id=booking_id,
            amount=booking.due_now,
            currency=booking.currency,
            gateway=gateway.name,
            now=now,
        )
        await tx.execute(
            "UPDATE booking SET hold_expires_at = least($2::timestamptz, created_at + $3::interval)"
            " WHERE id = $1 AND hold_expires_at < least($2::timestamptz, created_at + $3::interval)",
            booking_id,
            now + _GRACE,
            _LONGEST_HOLD,
        )
    try:
        outcome = await gateway.authorise(
            payment_id=payment.id, token=token, amount=payment.amount, currency=payment.currency
        )
    except DomainError:
        # The gateway knows no such token, or takes no money: this try is over, the hold stays.
        async with db.transaction() as tx:
            await payments.record(tx, payment_id=payment.id, status="declined", now=now)
        raise
    except Exception:
        # It broke off, and may have reserved the money or not: only asking it again will tell.
        log.exception("the gateway failed", extra={"payment_id": str(payment.id)})
        outcome = Outcome("unknown")
    return await _settle(db, gateway, payment.id, outcome, now)


async def finish_undecided(db: Database, gateway: Gateway, *, now: datetime, older_than: timedelta) -> int:
    """Ask the gateway about payments that a crash or a silent gateway left open, and finish or undo
    each. Returns how many were looked at."""
    async with db.transaction() as tx:
        open_payments = await payments.undecided(tx, before=now - older_than)
    for payment in open_payments:
        if payment.status == "authorised":
            outcome = Outcome("authorised", reference=payment.gateway_reference)
        else:
            outcome = await gateway.find(payment_id=payment.id)
        if outcome.status == "unknown":
            continue
        try:
            await _settle(db, gateway, payment.id, outcome, now)
        except PaymentDeclined:
            log.info("an undecided payment was not made", extra={"payment_id": str(payment.id)})
        except (SoldOut, WrongState):
            log.info("a late payment was let go", extra={"payment_id": str(payment.id)})
    return len(open_payments)


async def _settle(db: Database, gateway: Gateway, payment_id: UUID, outcome: Outcome, now: datetime) -> Paid:
    """Act on what the gateway said: record, confirm, then capture or let go."""
    refused: SoldOut | WrongState | None = None
    async with db.transaction() as tx:
        # Booking first, payment second, nights third: the one lock order.
        booking_id = (await payments.lock_payment(tx, payment_id)).booking_id
    async with db.transaction() as tx:
        await lock_booking(tx, booking_id)
        payment = await payments.lock_payment(tx, payment_id)
        match outcome.status:
            case "authorised" | "captured":
                try:
                    async with tx.savepoint():
                        await confirm(tx, booking_id=booking_id, now=now)
                    booking = await booking_by_id(tx, booking_id)
                    await mail.confirmed(tx, booking, paid=booking.paid + payment.amount, now=now)
                except (SoldOut, WrongState) as error:
                    refused = error
                status = "authorised" if payment.amount else "captured"
            case "requires_action" | "unknown":
                status = outcome.status
            case _:
                status = "declined"
        await payments.record(
            tx,
            payment_id=payment_id,
            status=status,
            now=now,
            reference=outcome.reference,
            decline_code=outcome.decline_code,
        )
    if status == "authorised":
        reference = outcome.reference or payment.gateway_reference or ""
        if refused is None:
            await gateway.capture(payment_id=payment_id, reference=reference, amount=payment.amount)
        else:
            await gateway.void(payment_id=payment_id, reference=reference)
        async with db.transaction() as tx:
            final = "captured" if refused is None else "voided"
            await payments.record(tx, payment_id=payment_id, status=final, now=now)
    if refused is not None:
        raise refused
    if status == "declined":
        raise PaymentDeclined(
            "the payment was declined; nothing was charged",
            fix="try another card; the rooms are still held",
            extra={"decline_code": outcome.decline_code} if outcome.decline_code else None,
        )
    async with db.transaction() as tx:
        booking = await booking_by_id(tx, booking_id)
    if status == "requires_action":
        return Paid("requires_action", booking, outcome.action_token)
    return Paid("pending" if status == "unknown" else "confirmed", booking)
