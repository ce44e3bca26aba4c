"""What goes back to a guest, sum by sum: refunds, and reservations that are let go. Reads only."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.payments.types import DESK

# terminal: a card on the hotel's own terminal, which need not be the one that is kept for the booking.
Way = Literal["card", "transfer", "cash", "terminal"]
# due: we have still to send it; sent: the gateway or the bank has it; released: it was only reserved and
# never left the guest's account, but the bank may show it a while longer; failed: staff are seeing to it.
State = Literal["due", "sent", "released", "failed"]

# How long banks take at the most, in days: what the mails say too.
_DAYS: dict[State, int] = {"due": 10, "sent": 10, "released": 7}

_WAYS: dict[str, Way] = {
    "bank_transfer": "transfer",
    DESK["bank_transfer"]: "transfer",
    DESK["card_terminal"]: "terminal",
    DESK["cash"]: "cash",
}


class Returning(msgspec.Struct, frozen=True):
    """One sum that goes back, in minor units, by the way that it came. `since` is when it was set on its way
    or was sent, `by` the day on which the slowest bank has it (None: it failed, nobody can say; or it is
    cash, which no bank sends)."""

    amount: int
    way: Way
    state: State
    since: datetime
    by: date | None


class Returnable(msgspec.Struct, frozen=True):
    """What one payment still holds of the guest's money, and would give back."""

    amount: int
    way: Way
    reserved: bool


def returning(amount: int, way: Way, state: State, since: datetime) -> Returning:
    """A sum with the day by which it is there."""
    days = None if way == "cash" else _DAYS.get(state)
    return Returning(amount, way, state, since, None if days is None else (since + timedelta(days)).date())


async def of_booking(tx: Transaction, booking_id: UUID) -> list[Returning]:
    """Everything that went back to the booking's guest, or is on its way, oldest first."""
    rows = await tx.fetch(
        "SELECT * FROM ("
        "  SELECT r.amount, p.gateway, coalesce(r.done_at, r.created_at) AS since,"
        "         CASE r.status WHEN 'done' THEN 'sent' ELSE r.status END AS state"
        "    FROM payment p JOIN refund r ON r.payment_id = p.id"
        "   WHERE p.booking_id = $1 AND r.again IS NULL"
        "  UNION ALL"
        # A try that was closed before any money was reserved gives nothing back.
        "  SELECT CASE WHEN p.status = 'captured' THEN p.amount - p.captured"
        "              WHEN p.status = 'reserved' THEN p.amount - p.to_capture"
        "              WHEN p.to_capture = 0 OR p.problem IS NOT NULL THEN p.amount ELSE 0 END,"
        "         p.gateway, p.updated_at, 'released'"
        "    FROM payment p"
        "   WHERE p.booking_id = $1 AND p.status IN ('captured', 'reserved', 'voiding', 'voided')"
        ") AS m WHERE m.amount > 0 ORDER BY m.since LIMIT 200",
        booking_id,
    )
    return [returning(row["amount"], way_of(row["gateway"]), row["state"], row["since"]) for row in rows]


async def held(tx: Transaction, booking_id: UUID) -> list[Returnable]:
    """What is reserved or captured of the booking's payments and has not gone back: what is only reserved
    first, then the newest first, as it would be given back."""
    rows = await tx.fetch(
        "SELECT p.gateway, p.status = 'reserved' AS reserved,"
        "       (CASE WHEN p.status = 'reserved' THEN coalesce(p.to_capture, p.amount)"
        "             ELSE coalesce(p.captured, p.amount) END"
        "        - coalesce((SELECT sum(r.amount) FROM refund r"
        "                     WHERE r.payment_id = p.id AND r.status <> 'failed'), 0))::bigint AS amount"
        "  FROM payment p WHERE p.booking_id = $1 AND p.status IN ('reserved', 'captured')"
        " ORDER BY reserved DESC, p.created_at DESC, p.id",
        booking_id,
    )
    return [
        Returnable(row["amount"], way_of(row["gateway"]), row["reserved"])
        for row in rows
        if row["amount"] > 0
    ]


async def sent(tx: Transaction, refund_id: UUID) -> tuple[UUID, Returning] | None:
    """A refund that has left us, and whose booking it is of; None where it has not, or came back."""
    row = await tx.fetchrow(
        "SELECT p.booking_id, r.amount, p.gateway, r.done_at"
        "  FROM refund r JOIN payment p ON p.id = r.payment_id WHERE r.id = $1 AND r.status = 'done'",
        refund_id,
    )
    if row is None:
        return None
    return row["booking_id"], returning(row["amount"], way_of(row["gateway"]), "sent", row["done_at"])


def way_of(gateway: str) -> Way:
    """By what way a gateway's money comes and goes."""
    return _WAYS.get(gateway, "card")
