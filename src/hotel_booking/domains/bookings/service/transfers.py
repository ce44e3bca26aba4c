"""Bank transfers: what staff read on the bank's statement is the gateway's answer."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hotel_booking.core.db import Database
from hotel_booking.core.formats import english
from hotel_booking.core.money import Money
from hotel_booking.domains.bookings.service.pay import PaymentResult, settle
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.errors import AmountMismatch, PaymentNotFound
from hotel_booking.domains.payments.gateway import Gateways, Outcome


async def received(
    db: Database, gateways: Gateways, *, payment_id: UUID, amount: int, reference: str, now: datetime
) -> PaymentResult:
    """The money has come: confirm the booking. Too late, the rooms are taken again where they are free;
    where they are not, a refund is set on its way and why is raised (`SoldOut`, `WrongState`).

    Raises `AmountMismatch` for any other amount (minor units), and changes nothing then.
    """
    async with db.transaction() as tx:
        payment = await payments.look_up(tx, payment_id)
    gateway = gateways.of(payment.gateway)
    if gateway.page != "transfer":
        raise PaymentNotFound("this payment is not a bank transfer")
    if amount != payment.amount:
        asked = english(payment.amount, payment.currency)
        raise AmountMismatch(
            f"{asked} was requested; nothing was recorded",
            field="amount",
            fix=f"record {asked} once all of it has arrived, or send back what came",
            extra={"expected": Money(payment.amount, payment.currency)},
        )
    outcome = Outcome(
        "captured", reference=f"bank {reference}"[:200], amount=amount, currency=payment.currency
    )
    return await settle(db, gateway, payment, outcome, now)
