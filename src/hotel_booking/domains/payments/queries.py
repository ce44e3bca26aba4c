"""Reading payments."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments.gateway import Card
from hotel_booking.domains.payments.types import (
    DESK,
    DeskPayment,
    DisputeSeen,
    LedgerLine,
    PaymentSeen,
    UndecidedPayment,
)


class SavedCard(msgspec.Struct, frozen=True):
    """A card that a booking's guest let us keep, and the words that they agreed to."""

    gateway: str
    card: Card
    agreement: str
    agreed_at: datetime


class MoneyTaken(msgspec.Struct, frozen=True):
    """Money that a gateway took for a booking, in minor units."""

    at: datetime
    gateway: str
    amount: int


async def money_taken(tx: Transaction, booking_id: UUID) -> list[MoneyTaken]:
    """What was taken for the booking, oldest first, without what was recorded by mistake. What went back of
    it is told by `returns`."""
    return await tx.fetch_as(
        MoneyTaken,
        "SELECT e.created_at AS at, p.gateway, e.amount"
        "  FROM ledger_entry e JOIN payment p ON p.id = e.payment_id"
        " WHERE e.booking_id = $1 AND e.kind = 'payment' AND e.amount <> 0 AND p.reversal IS NULL"
        " ORDER BY e.created_at, e.id LIMIT 500",
        booking_id,
    )


async def of_booking(tx: Transaction, booking_id: UUID) -> list[PaymentSeen]:
    """The booking's payments and refunds, newest first."""
    return await tx.fetch_as(
        PaymentSeen,
        "SELECT p.id, 'payment' AS kind, p.amount, p.currency, p.status, p.gateway, p.gateway_reference,"
        "       p.created_at, p.decline_code AS detail, p.purpose, p.capture_at, p.captured, p.problem,"
        "       CASE WHEN p.status = 'captured' THEN coalesce(p.captured, p.amount)"
        "            - coalesce((SELECT sum(amount) FROM refund"
        "                         WHERE payment_id = p.id AND status <> 'failed'), 0)"
        "            ELSE 0 END::bigint AS refundable, p.receipt, p.reversal"
        "  FROM payment p WHERE p.booking_id = $1"
        " UNION ALL"
        " SELECT r.id, 'refund', r.amount, p.currency, r.status, p.gateway, r.gateway_reference,"
        "        r.created_at, r.reason, p.purpose, NULL, NULL,"
        "        CASE WHEN r.again IS NULL THEN r.problem END, 0, NULL, NULL"
        "   FROM payment p JOIN refund r ON r.payment_id = p.id WHERE p.booking_id = $1"
        " ORDER BY created_at DESC LIMIT 200",
        booking_id,
    )


async def desk_payments(
    tx: Transaction, booking_id: UUID, *, payment_id: UUID | None = None
) -> list[DeskPayment]:
    """What was taken at the desk for the booking, newest first; or only one payment of it."""
    return await tx.fetch_as(
        DeskPayment,
        "SELECT id, gateway, amount, currency, receipt, created_at, reversal FROM payment"
        " WHERE booking_id = $1 AND gateway = ANY ($2) AND ($3::uuid IS NULL OR id = $3)"
        " ORDER BY created_at DESC, id LIMIT 200",
        booking_id,
        list(DESK.values()),
        payment_id,
    )


async def ledger(tx: Transaction, booking_id: UUID) -> list[LedgerLine]:
    """The booking's account, oldest line first. The balance is the sum."""
    return await tx.fetch_as(
        LedgerLine,
        "SELECT created_at, kind, amount, currency FROM ledger WHERE booking_id = $1"
        " ORDER BY created_at, amount DESC LIMIT 500",
        booking_id,
    )


async def saved_card(tx: Transaction, booking_id: UUID) -> SavedCard | None:
    """The card kept for the booking, if there is one."""
    row = await tx.fetchrow("SELECT * FROM saved_card WHERE booking_id = $1", booking_id)
    if row is None:
        return None
    card = Card(row["customer"], row["method"], row["brand"], row["last4"], row["expires"])
    return SavedCard(row["gateway"], card, row["agreement"], row["agreed_at"])


async def disputes(tx: Transaction, booking_id: UUID) -> list[DisputeSeen]:
    """What the guest's bank disputes of the booking's payments, newest first."""
    return await tx.fetch_as(
        DisputeSeen,
        "SELECT d.* FROM dispute d JOIN payment p ON p.id = d.payment_id WHERE p.booking_id = $1"
        " ORDER BY d.opened_at DESC",
        booking_id,
    )


async def payment_by_reference(tx: Transaction, *, gateway: str, reference: str) -> UUID | None:
    """The payment that a gateway means by its own reference."""
    found: UUID | None = await tx.fetchval(
        "SELECT id FROM payment WHERE gateway = $1 AND gateway_reference = $2 LIMIT 1", gateway, reference
    )
    return found


async def undecided(tx: Transaction, booking_id: UUID) -> UndecidedPayment | None:
    """The booking's latest payment that is not decided yet."""
    return await tx.fetchrow_as(
        UndecidedPayment,
        "SELECT id, gateway, status, amount, updated_at FROM payment"
        " WHERE booking_id = $1 AND status IN ('requires_action', 'started', 'unknown')"
        " ORDER BY created_at DESC LIMIT 1",
        booking_id,
    )


async def reference_of(tx: Transaction, *, payment_id: UUID, gateway: str) -> str | None:
    """The gateway's own name for a payment of ours, empty where we do not know it yet; None where it is no
    payment made with this gateway."""
    found: str | None = await tx.fetchval(
        "SELECT coalesce(gateway_reference, '') FROM payment WHERE id = $1 AND gateway = $2",
        payment_id,
        gateway,
    )
    return found
