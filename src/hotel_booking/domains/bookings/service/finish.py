"""Finish or undo what a crash, a silent gateway or a guest who left has left open: the reconciler."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID

from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings.service.advance import advance
from hotel_booking.domains.bookings.service.pay import Paid, settle
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments import steps
from hotel_booking.domains.payments.errors import GatewayUnavailable
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.steps import Step

log = logging.getLogger(__name__)


async def finish_undecided(
    db: Database, gateways: Gateways, *, now: datetime, older_than: timedelta, limit: int = 200
) -> int:
    """Do the next step of every payment that has waited longer than `older_than` for it. Returns how many
    were looked at. One that cannot be finished keeps no other from it."""
    async with db.transaction() as tx:
        waiting = await payments.unfinished(tx, now=now, before=now - older_than, limit=limit)
    for payment in waiting:
        try:
            await finish_payment(db, gateways, payment_id=payment.id, now=now, close=True)
        except GatewayUnavailable:
            log.warning("a payment waits for its gateway", extra={"payment_id": str(payment.id)})
            async with db.transaction() as tx:
                await payments.touch(tx, payment_id=payment.id, now=now)
        except DomainError as error:
            log.info("a payment was not made", extra={"payment_id": str(payment.id), "code": error.code})
        except Exception:
            log.exception("a payment could not be finished", extra={"payment_id": str(payment.id)})
            async with db.transaction() as tx:
                await payments.touch(tx, payment_id=payment.id, now=now)
    return len(waiting)


async def finish_payment(
    db: Database, gateways: Gateways, *, payment_id: UUID, now: datetime, close: bool = False
) -> Paid | None:
    """Do one payment's next step, whatever it is: ask the gateway what it knows and act on it, take the
    money, or let it go. Returns how it stands for the guest, where the gateway was asked. With `close` a
    payment that still waits for its guest is closed. Harmless where there is nothing to do.

    Raises `GatewayUnavailable`, and what `settle` raises.
    """
    async with db.transaction() as tx:
        payment = await payments.look_up(tx, payment_id)
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
        raise GatewayUnavailable("the gateway does not say what became of the payment")
    waits = outcome.status == "requires_action" or outcome.action_token is not None
    if waits and payment.status == "requires_action" and close:
        # Nobody will complete it any more: close it, so that nobody can.
        async with steps.write(db, Step.NOTE_ANSWER) as tx:
            if (await payments.lock_payment(tx, payment.id)).status == "requires_action":
                await payments.record(tx, payment_id=payment.id, status="voiding", now=now)
            payment = await payments.look_up(tx, payment.id)
        await advance(db, gateway, payment, now)
        return None
    return await settle(db, gateway, payment.id, outcome, now)
