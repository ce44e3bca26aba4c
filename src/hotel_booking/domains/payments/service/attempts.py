"""Attempts to pay, and what became of them. No gateway is called here: that happens between transactions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID, uuid4

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments.errors import PaymentInProgress
from hotel_booking.domains.payments.gateway import Card

Status = Literal[
    "started",
    "requires_action",
    "unknown",
    "authorised",
    "reserved",
    "voiding",
    "captured",
    "declined",
    "voided",
    "failed",
]
Purpose = Literal["booking", "balance", "fee"]


class Payment(msgspec.Struct, frozen=True):
    """One attempt to pay: an entry in the gateway's books. `amount` in minor units; 0 is a guarantee without
    a charge. `to_capture` is the part of a reserved amount that will be taken (None: all), `captured` what
    was taken where it is not the amount. `hosted`: it is paid on the gateway's own page."""

    id: UUID
    booking_id: UUID
    amount: int
    currency: str
    gateway: str
    status: Status
    gateway_reference: str | None
    decline_code: str | None
    created_at: datetime
    purpose: Purpose = "booking"
    capture_at: datetime | None = None
    to_capture: int | None = None
    captured: int | None = None
    agreement: str | None = None
    problem: str | None = None
    hosted: bool = False


_PAYMENT = f"SELECT {', '.join(Payment.__struct_fields__)} FROM payment "


async def start(
    tx: Transaction,
    *,
    booking_id: UUID,
    amount: int,
    currency: str,
    gateway: str,
    now: datetime,
    purpose: Purpose = "booking",
    agreement: str | None = None,
    hosted: bool = False,
) -> Payment:
    """Record that a payment is about to be tried. Raises `PaymentInProgress` while another is undecided, or
    is reserved for the same and not taken yet."""
    payment = Payment(
        uuid4(),
        booking_id,
        amount,
        currency,
        gateway,
        "started",
        None,
        None,
        now,
        purpose=purpose,
        agreement=agreement,
        hosted=hosted,
    )
    begun = await tx.execute(
        "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, purpose, agreement,"
        "                     created_at, updated_at, hosted)"
        " SELECT $1, $2, $3, $4, $5, 'started', $6, $7, $8, $8, $9"
        "  WHERE NOT EXISTS (SELECT FROM payment WHERE booking_id = $2 AND purpose = $6"
        "                       AND status = 'reserved')"
        # Of those that are undecided there is one, by an index of its own.
        " ON CONFLICT DO NOTHING",
        payment.id,
        booking_id,
        amount,
        currency,
        gateway,
        purpose,
        agreement,
        now,
        hosted,
    )
    if not begun:
        raise PaymentInProgress(
            "an earlier payment for this is reserved and is being captured"
            if await _stands(tx, booking_id, purpose)
            else "an earlier payment for this booking is still pending",
            fix="wait a minute and check again",
        )
    return payment


async def _stands(tx: Transaction, booking_id: UUID, purpose: Purpose) -> bool:
    return bool(
        await tx.fetchval(
            "SELECT true FROM payment WHERE booking_id = $1 AND purpose = $2 AND status = 'reserved'",
            booking_id,
            purpose,
        )
    )


async def resume(
    tx: Transaction, *, booking_id: UUID, gateway: str, amount: int, now: datetime, hosted: bool = False
) -> Payment | None:
    """Take up the payment that waits for the guest's second step, if there is one. One for another amount, by
    another gateway or on the gateway's own page is closed instead: what the guest agreed to has changed, and
    a page and a card would be two things in the gateway's books."""
    payment = await tx.fetchrow_as(
        Payment,
        _PAYMENT + "WHERE booking_id = $1 AND status = 'requires_action' ORDER BY created_at DESC LIMIT 1",
        booking_id,
    )
    if payment is None:
        return None
    same = (payment.gateway, payment.amount, payment.hosted) == (gateway, amount, hosted)
    await record(tx, payment_id=payment.id, status="started" if same else "voiding", now=now)
    if not same:
        await finish_later(tx, payment_id=payment.id)
    return payment if same else None


async def lock_payment(tx: Transaction, payment_id: UUID) -> Payment:
    """The payment, locked until the transaction ends. It must exist."""
    return _found(
        await tx.fetchrow_as(Payment, _PAYMENT + "WHERE id = $1 FOR UPDATE", payment_id), payment_id
    )


async def look_up(tx: Transaction, payment_id: UUID) -> Payment:
    """The payment as it is now. It must exist."""
    return _found(await tx.fetchrow_as(Payment, _PAYMENT + "WHERE id = $1", payment_id), payment_id)


async def latest(tx: Transaction, booking_id: UUID) -> Payment:
    """The booking's latest payment. There must be one."""
    return _found(
        await tx.fetchrow_as(
            Payment, _PAYMENT + "WHERE booking_id = $1 ORDER BY created_at DESC LIMIT 1", booking_id
        ),
        booking_id,
    )


def _found(payment: Payment | None, wanted: UUID) -> Payment:
    if payment is None:
        raise LookupError(f"no payment {wanted}")
    return payment


async def record(
    tx: Transaction,
    *,
    payment_id: UUID,
    status: Status,
    now: datetime,
    reference: str | None = None,
    decline_code: str | None = None,
    capture_at: datetime | None = None,
    captured: int | None = None,
    problem: str | None = None,
) -> None:
    """Record what became of a payment; a captured amount enters the ledger, once. `captured` is what was
    taken where it is not the amount asked for."""
    await tx.execute(
        "UPDATE payment SET status = $2, updated_at = $3, decline_code = $5,"
        " gateway_reference = coalesce($4, gateway_reference), capture_at = coalesce($6, capture_at),"
        " captured = coalesce($7, captured), problem = coalesce($8, problem) WHERE id = $1",
        payment_id,
        status,
        now,
        reference,
        decline_code,
        capture_at,
        captured,
        problem,
    )
    if status == "captured":
        await tx.execute(
            "INSERT INTO ledger_entry (booking_id, kind, amount, currency, payment_id, created_at)"
            " SELECT booking_id, 'payment', coalesce(captured, amount), currency, id, $2 FROM payment"
            "  WHERE id = $1 AND coalesce(captured, amount) > 0"
            " ON CONFLICT DO NOTHING",
            payment_id,
            now,
        )


async def touch(tx: Transaction, *, payment_id: UUID, now: datetime) -> None:
    """Note that a step was tried without an answer: others come first next time."""
    await tx.execute("UPDATE payment SET updated_at = $2 WHERE id = $1", payment_id, now)


async def finish_later(tx: Transaction, *, payment_id: UUID, seen: str | None = None) -> None:
    """Have the payment's next step done by a job, once this transaction is committed. `seen` is the gateway's
    own name for what somebody saw there in the payment's name."""
    await tx.execute(
        "SELECT enqueue('payments', 'bookings:finish_payment',"
        " jsonb_strip_nulls(jsonb_build_object('payment_id', $1::uuid, 'seen', $2::text)), NULL)",
        payment_id,
        seen,
    )


async def save_card(tx: Transaction, *, payment: Payment, card: Card, now: datetime) -> None:
    """Keep the gateway's name for the guest's card, with the words that the guest agreed to."""
    await tx.execute(
        "INSERT INTO saved_card (booking_id, gateway, customer, method, brand, last4, expires,"
        "                        agreement, agreed_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (booking_id) DO UPDATE SET gateway = excluded.gateway,"
        "  customer = excluded.customer,"
        "  method = excluded.method, brand = excluded.brand, last4 = excluded.last4,"
        "  expires = excluded.expires,"
        "  agreement = excluded.agreement, agreed_at = excluded.agreed_at",
        payment.booking_id,
        payment.gateway,
        card.customer,
        card.method,
        card.brand[:40],
        card.last4[-4:],
        card.expires[:7],
        payment.agreement,
        now,
    )


async def forget_cards(tx: Transaction, *, booking_ids: Sequence[UUID]) -> None:
    """Forget the cards that were kept for these bookings: nothing can be charged to them any more."""
    await tx.execute("DELETE FROM saved_card WHERE booking_id = ANY ($1)", booking_ids)
