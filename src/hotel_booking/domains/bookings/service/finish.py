"""Finish or undo what a crash, a silent gateway or a guest who left has left open: the reconciler."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from uuid import UUID

from hotel_booking.core import sweeps
from hotel_booking.core.db import Database, DatabaseUnavailable
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import mail
from hotel_booking.domains.bookings.open_payments import unfinished
from hotel_booking.domains.bookings.queries import booking_by_id, lock_booking
from hotel_booking.domains.bookings.service.advance import advance
from hotel_booking.domains.bookings.service.collect import is_attempt
from hotel_booking.domains.bookings.service.pay import PaymentResult, settle
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments import steps
from hotel_booking.domains.payments.errors import GatewayUnavailable
from hotel_booking.domains.payments.gateway import Gateways, Outcome
from hotel_booking.domains.payments.steps import Step
from hotel_booking.domains.payments.types import UndecidedPayment

log = logging.getLogger(__name__)

# For the answer to a form that was sent twice, seconds: gateways answer in one or two.
_LOOKS, _BETWEEN_LOOKS = 20, 0.2
# Whose name at the gateway is known for good: before, a page and the payment made on it have two.
_DECIDED = ("reserved", "captured", "voided", "declined", "failed")


async def finish_undecided(
    db: Database, gateways: Gateways, *, now: datetime, older_than: timedelta, limit: int = 200
) -> int:
    """Do the next step of every payment that has waited longer than `older_than` for it. Returns how many
    were looked at. One that cannot be finished keeps no other from it."""
    async with db.transaction() as tx:
        waiting = await unfinished(tx, now=now, before=now - older_than, limit=limit)

    async def finish_one(payment_id: UUID) -> None:
        try:
            await finish_payment(db, gateways, payment_id=payment_id, now=now, close=True)
        except GatewayUnavailable:
            log.warning("a payment waits for its gateway", extra={"payment_id": str(payment_id)})
            await _others_first(db, payment_id, now)
        except DomainError as error:
            if isinstance(error, DatabaseUnavailable):
                raise
            log.info("a payment was not made", extra={"payment_id": str(payment_id), "code": error.code})
        except Exception:
            await _others_first(db, payment_id, now)
            raise

    await sweeps.each("payments", [payment.id for payment in waiting], finish_one)
    return len(waiting)


async def _others_first(db: Database, payment_id: UUID, now: datetime) -> None:
    async with db.transaction() as tx:
        await payments.touch(tx, payment_id=payment_id, now=now)


async def ask(db: Database, gateways: Gateways, *, payment_id: UUID) -> Outcome:
    """What the gateway says of a payment right now. Changes nothing. Raises `GatewayUnavailable`."""
    async with db.transaction() as tx:
        payment = await payments.look_up(tx, payment_id)
    gateway = gateways.of(payment.gateway)
    outcome = await steps.call(
        Step.FIND, gateway.find, payment_id=payment.id, reference=payment.gateway_reference
    )
    if outcome.status == "unknown":
        raise GatewayUnavailable("the gateway does not report the outcome of the payment")
    return outcome


def is_on_its_way(payment: UndecidedPayment, now: datetime) -> bool:
    """Whether another request is asking the gateway for the money right now: what the gateway knows of it
    until then, nothing, decides nothing."""
    return payment.status == "started" and (now - payment.updated_at).total_seconds() < steps.LONGEST_CALL


async def answer_on_its_way(db: Database, *, booking_id: UUID) -> payments.Payment:
    """The booking's latest payment, once another request has been told by the gateway what became of it: who
    presses twice sees one answer, the second. Some seconds are waited for it, without a connection; a payment
    that is on its way all the same is returned as it is."""
    for _ in range(_LOOKS):
        async with db.reading() as tx:
            payment = await payments.latest(tx, booking_id)
        if payment.status not in ("started", "authorised"):
            break
        await asyncio.sleep(_BETWEEN_LOOKS)
    return payment


async def finish_payment(
    db: Database,
    gateways: Gateways,
    *,
    payment_id: UUID,
    now: datetime,
    close: bool = False,
    seen: str | None = None,
) -> PaymentResult | None:
    """Do one payment's next step, whatever it is: ask the gateway what it knows and act on it, take the
    money, or let it go. Returns how it stands for the guest, where the gateway was asked. With `close` a
    payment that still waits for its guest is closed. `seen` is the gateway's own name for something that
    carries this payment's id: where it is not the payment itself, it is let go. Harmless where there is
    nothing to do.

    Raises `GatewayUnavailable`, and what `settle` raises.
    """
    paid, refused = None, None
    try:
        paid = await _next_step(db, gateways, payment_id=payment_id, now=now, close=close)
    except GatewayUnavailable:
        raise
    except DomainError as error:
        refused = error
    if seen is not None:
        await _let_surplus_go(db, gateways, payment_id=payment_id, seen=seen, now=now)
    if refused is not None:
        raise refused
    return paid


async def _let_surplus_go(
    db: Database, gateways: Gateways, *, payment_id: UUID, seen: str, now: datetime
) -> None:
    """One reservation at most stands for a debt: what is there besides becomes a payment of its own, so that
    it goes back however often this is interrupted."""
    async with db.transaction() as tx:
        payment = await payments.look_up(tx, payment_id)
    if payment.gateway_reference in (None, seen) or payment.status not in _DECIDED:
        return
    gateway = gateways.of(payment.gateway)
    found = await steps.call(Step.FIND, gateway.find, payment_id=payment.id, reference=seen)
    if found.status not in ("authorised", "captured") or not found.amount:
        return
    surplus = None
    async with steps.write(db, Step.NOTE_ANSWER) as tx:
        await lock_booking(tx, payment.booking_id)
        if (await payments.look_up(tx, payment_id)).gateway_reference != found.reference:
            surplus = await payments.adopt(tx, payment=payment, found=found, now=now)
        if surplus is not None:
            log.error("a second reservation is let go", extra={"payment_id": str(payment.id)})
            await mail.payment_returned(
                tx,
                await booking_by_id(tx, payment.booking_id),
                amount=surplus.amount,
                payment_id=surplus.id,
                now=now,
            )
    if surplus is not None:
        await advance(db, gateway, surplus, now)


async def _next_step(
    db: Database, gateways: Gateways, *, payment_id: UUID, now: datetime, close: bool
) -> PaymentResult | None:
    async with db.transaction() as tx:
        payment = await payments.look_up(tx, payment_id)
        guest_away = await is_attempt(tx, payment)
    gateway = gateways.of(payment.gateway)
    if payment.status in ("reserved", "voiding"):
        await advance(db, gateway, payment, now)
        return None
    if payment.status in ("captured", "failed"):
        return None
    outcome = await steps.call(
        Step.FIND, gateway.find, payment_id=payment.id, reference=payment.gateway_reference
    )
    if outcome.status == "unknown":
        raise GatewayUnavailable("the gateway does not report the outcome of the payment")
    waits = outcome.status == "requires_action" or outcome.action_token is not None
    if waits and payment.status == "requires_action" and close:
        # Nobody will complete it any more: close it, so that nobody can.
        async with steps.write(db, Step.NOTE_ANSWER) as tx:
            if (await payments.lock_payment(tx, payment.id)).status == "requires_action":
                await payments.record(tx, payment_id=payment.id, status="voiding", now=now)
            payment = await payments.look_up(tx, payment.id)
        await advance(db, gateway, payment, now)
        return None
    return await settle(db, gateway, payment, outcome, now, guest_away=guest_away)
