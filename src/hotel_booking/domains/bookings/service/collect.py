"""Collect what is due by itself: the balance on its day, the difference of a change, the fee of a no-show.
From the card that the guest let us keep; where there is none, by a link to pay in a mail."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.pay import settle
from hotel_booking.domains.bookings.service.plan_collection import plan_collection
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments import steps
from hotel_booking.domains.payments.errors import (
    GatewayRefused,
    GatewayUnavailable,
    PaymentInProgress,
)
from hotel_booking.domains.payments.gateway import Card, Charge, Gateways, Outcome
from hotel_booking.domains.payments.queries import saved_card
from hotel_booking.domains.payments.service import Payment
from hotel_booking.domains.payments.steps import Step

log = logging.getLogger(__name__)

_ATTEMPTS = 3
_BETWEEN_ATTEMPTS = timedelta(days=1)


async def collect_soon(
    tx: Transaction, *, booking_id: UUID, now: datetime, only_from_card: bool = False
) -> None:
    """Have what is due collected by a job, once this transaction is committed. With `only_from_card` nobody
    is asked by mail."""
    found = await tx.fetchval(
        "UPDATE booking b SET collect_at = $2, collect_tries = 0 WHERE id = $1"
        " AND (NOT $3 OR EXISTS (SELECT FROM saved_card c WHERE c.booking_id = b.id)) RETURNING true",
        booking_id,
        now,
        only_from_card,
    )
    if found:
        await tx.execute(
            "SELECT enqueue('payments', 'bookings:collect_one',"
            " jsonb_build_object('booking_id', $1::uuid), NULL)",
            booking_id,
        )


async def collect(db: Database, gateways: Gateways, *, booking_id: UUID, now: datetime) -> None:
    """Collect what is due of one booking by now. A decline is told to the guest, with a link to pay, and
    tried again on the next two days; then staff see what is open."""
    async with steps.write(db, Step.NOTE_CHARGE) as tx:
        await lock_booking(tx, booking_id)
        booking = await booking_by_id(tx, booking_id)
        at = await tx.fetchval("SELECT collect_at FROM booking WHERE id = $1", booking_id)
        if at is None or at > now:
            return
        amount = still_open(booking, now)
        card = await saved_card(tx, booking_id)
        payment = None
        if amount > 0 and card is not None:
            try:
                payment = await payments.start(
                    tx,
                    booking_id=booking_id,
                    amount=amount,
                    currency=booking.currency,
                    gateway=card.gateway,
                    purpose="fee" if booking.status in ("cancelled", "no_show") else "balance",
                    now=now,
                )
            except PaymentInProgress:
                return  # the guest is paying right now; the sweep comes again
            await tx.execute(
                "UPDATE booking SET collect_at = CASE WHEN collect_tries + 1 < $2 THEN $3::timestamptz END,"
                " collect_tries = collect_tries + 1 WHERE id = $1",
                booking_id,
                _ATTEMPTS,
                now + _BETWEEN_ATTEMPTS,
            )
        else:
            await plan_collection(tx, booking, now)
            if amount > 0 and booking.status in ("confirmed", "checked_in"):
                await mail.balance_due(tx, booking, amount=amount, now=now)
    if payment is not None and card is not None:
        await _charge(db, gateways, booking, payment, card.card, now)


async def is_attempt(tx: Transaction, payment: Payment) -> bool:
    """Whether a payment that is not decided yet is an attempt of `collect`, whose outcome nobody waits for;
    not one that the guest makes."""
    return bool(
        await tx.fetchval(
            "SELECT true FROM booking WHERE id = $1 AND collect_tries > 0"
            "   AND (collect_at = $2::timestamptz OR collect_at IS NULL AND collect_tries >= $3)",
            payment.booking_id,
            payment.created_at + _BETWEEN_ATTEMPTS,
            _ATTEMPTS,
        )
    )


async def _charge(
    db: Database, gateways: Gateways, booking: Booking, payment: Payment, card: Card, now: datetime
) -> None:
    gateway = gateways.of(payment.gateway)
    charge = Charge(
        payment_id=payment.id,
        reference=booking.reference,
        amount=payment.amount,
        currency=payment.currency,
    )
    try:
        outcome = await steps.call(Step.CHARGE, gateway.charge_saved, charge, card=card)
    except GatewayUnavailable:
        outcome = Outcome("unknown")
    except GatewayRefused:
        outcome = Outcome("declined", decline_code="card_not_kept")
    try:
        await settle(db, gateway, payment, outcome, now, guest_away=True)
    except DomainError as error:
        log.info("a kept card was not charged", extra={"payment_id": str(payment.id), "code": error.code})
