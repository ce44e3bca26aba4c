"""Payments that the gateway has and we have not, because the database was restored to a moment before."""

from __future__ import annotations

from datetime import datetime
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments import steps
from hotel_booking.domains.payments.gateway import Gateway, ListedPayment
from hotel_booking.domains.payments.service import finish_later
from hotel_booking.domains.payments.steps import Step


class KnownPayment(msgspec.Struct, frozen=True):
    """A payment of ours that a gateway speaks of."""

    id: UUID
    booking_id: UUID
    status: str


async def known(tx: Transaction, gateway: str, seen: ListedPayment) -> KnownPayment | None:
    """Our payment that the gateway speaks of; None where we have none."""
    return await tx.fetchrow_as(
        KnownPayment,
        "SELECT id, booking_id, status FROM payment"
        " WHERE gateway = $1 AND (id = $2 OR gateway_reference = $3)"
        " ORDER BY gateway_reference = $3 DESC NULLS LAST LIMIT 1",
        gateway,
        seen.payment_id,
        seen.reference,
    )


async def take_up(
    tx: Transaction, gateway: str, seen: ListedPayment, *, booking_id: UUID, now: datetime
) -> UUID | None:
    """The payment in our books again, as one of which nobody knows how it ended: a job asks the gateway, and
    confirms the booking, or gives the money back where it has ended. Its id; None where another payment for
    the booking is under way."""
    payment_id = seen.payment_id or uuid5(NAMESPACE_URL, f"{gateway}:{seen.reference}")
    taken = await tx.execute(
        "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, gateway_reference,"
        "                     created_at, updated_at)"
        " VALUES ($1, $2, $3, $4, $5, 'unknown', $6, $7, $8) ON CONFLICT DO NOTHING",
        payment_id,
        booking_id,
        seen.amount,
        seen.currency,
        gateway,
        seen.reference,
        seen.created_at,
        now,
    )
    if taken:
        await finish_later(tx, payment_id=payment_id, seen=seen.reference)
    return payment_id if taken else None


async def give_back(gateway: Gateway, seen: ListedPayment) -> bool:
    """Money for a booking that we do not know any more: reserved money is let go, what was taken goes back.
    Whether there was any. Repeating it gives nothing more. Raises `GatewayUnavailable`, `GatewayRefused`."""
    left = seen.captured - seen.refunded
    if left > 0:
        refund_id = uuid5(NAMESPACE_URL, f"restored:{gateway.name}:{seen.reference}")
        await steps.call(
            Step.REFUND, gateway.refund, refund_id=refund_id, reference=seen.reference, amount=left
        )
        return True
    if seen.status == "authorised" and seen.amount:
        payment_id = seen.payment_id or uuid5(NAMESPACE_URL, f"{gateway.name}:{seen.reference}")
        await steps.call(Step.VOID, gateway.void, payment_id=payment_id, reference=seen.reference)
        return True
    return False
