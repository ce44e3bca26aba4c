"""A payment's next step at the gateway: take what is reserved, or let it go. Repeatable at every point."""

from __future__ import annotations

import logging
from datetime import datetime

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments import steps
from hotel_booking.domains.payments.errors import GatewayRefused, GatewayUnavailable
from hotel_booking.domains.payments.gateway import Gateway, Outcome
from hotel_booking.domains.payments.service import Payment
from hotel_booking.domains.payments.steps import Step

log = logging.getLogger(__name__)


async def advance(db: Database, gateway: Gateway, payment: Payment, now: datetime) -> None:
    """Do the payment's next step at the gateway, if it is time for it. A gateway that does not answer leaves
    it to the sweep: the rooms are the guest's, and the money is safe."""
    try:
        if payment.status == "reserved" and payment.capture_at is not None and payment.capture_at <= now:
            await _take(db, gateway, payment, now)
        elif payment.status == "voiding":
            await _let_go(db, gateway, payment, now)
    except GatewayUnavailable:
        log.warning("a payment waits for its gateway", extra={"payment_id": str(payment.id)})
        async with db.transaction() as tx:
            await payments.touch(tx, payment_id=payment.id, now=now)


async def _take(db: Database, gateway: Gateway, payment: Payment, now: datetime) -> None:
    wanted = payment.amount if payment.to_capture is None else payment.to_capture
    reference = payment.gateway_reference or ""
    taken, problem = wanted, None
    try:
        await steps.call(
            Step.CAPTURE, gateway.capture, payment_id=payment.id, reference=reference, amount=wanted
        )
    except GatewayRefused as error:
        # Taken before with another amount (a crash, then a cancellation), or no longer reserved.
        found = await steps.call(
            Step.FIND, gateway.find, payment_id=payment.id, reference=payment.gateway_reference
        )
        if found.status == "captured":
            taken = payment.amount if found.amount is None else found.amount
        else:
            problem = f"the payment could not be captured: {error.detail}"
            log.error("a capture failed", extra={"payment_id": str(payment.id)})
    async with steps.write(db, Step.NOTE_CAPTURED) as tx:
        await lock_booking(tx, payment.booking_id)
        current = await payments.lock_payment(tx, payment.id)
        if current.status not in ("reserved", "voiding"):
            return
        if problem is not None:
            await payments.record(tx, payment_id=payment.id, status="failed", problem=problem, now=now)
            return
        # A cancellation may have come in between: then less was to be kept than was taken.
        keep = current.amount if current.to_capture is None else current.to_capture
        if current.status == "voiding":
            keep = 0
        await payments.record(
            tx,
            payment_id=payment.id,
            status="captured",
            captured=None if taken == payment.amount else taken,
            now=now,
        )
        if taken and keep:
            booking = await booking_by_id(tx, payment.booking_id)
            await mail.payment_received(tx, booking, payment=payment, amount=taken, now=now)
        await payments.refund(
            tx,
            booking_id=payment.booking_id,
            amount=max(taken - keep, 0),
            reason="no longer due",
            payment_id=payment.id,
            now=now,
        )


async def _let_go(db: Database, gateway: Gateway, payment: Payment, now: datetime) -> None:
    try:
        await steps.call(Step.VOID, gateway.void, payment_id=payment.id, reference=payment.gateway_reference)
    except GatewayRefused:
        found = await steps.call(
            Step.FIND, gateway.find, payment_id=payment.id, reference=payment.gateway_reference
        )
        if found.status == "captured":  # taken before it was to be let go: then it goes back
            await _return_taken(db, payment, found, now)
            return
    async with steps.write(db, Step.NOTE_VOIDED) as tx:
        current = await payments.lock_payment(tx, payment.id)
        if current.status == "voiding":
            await payments.record(tx, payment_id=payment.id, status="voided", now=now)


async def _return_taken(db: Database, payment: Payment, found: Outcome, now: datetime) -> None:
    taken = payment.amount if found.amount is None else found.amount
    async with steps.write(db, Step.NOTE_CAPTURED) as tx:
        await lock_booking(tx, payment.booking_id)
        if (await payments.lock_payment(tx, payment.id)).status != "voiding":
            return
        await payments.record(
            tx,
            payment_id=payment.id,
            status="captured",
            captured=None if taken == payment.amount else taken,
            reference=found.reference,
            now=now,
        )
        await payments.refund(
            tx,
            booking_id=payment.booking_id,
            amount=taken,
            reason="released",
            payment_id=payment.id,
            now=now,
        )
