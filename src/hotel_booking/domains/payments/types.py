"""What is read of payments. Amounts are minor units of their currency."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal
from uuid import UUID

import msgspec

# How money is taken at the desk, and what such a payment's gateway is called: there is no program behind it.
DeskWay = Literal["cash", "card_terminal", "bank_transfer"]
DESK: dict[DeskWay, str] = {
    "cash": "desk_cash",
    "card_terminal": "desk_card",
    "bank_transfer": "desk_transfer",
}
# Money that people send back themselves, and then say so.
BY_HAND = ("bank_transfer", *DESK.values())


def desk_way(gateway: str) -> DeskWay:
    """How money with such a gateway was taken at the desk."""
    return next(way for way, named in DESK.items() if named == gateway)


class PaymentSeen(msgspec.Struct, frozen=True):
    """A payment as staff see it, or a refund (then `kind` is refund). Minor units; `refundable` is what the
    payment still holds. `receipt` is the number or note of what was taken at the desk, `reversal` why it was
    taken back."""

    id: UUID
    kind: str
    amount: int
    currency: str
    status: str
    gateway: str
    gateway_reference: str | None
    created_at: datetime
    detail: str | None
    purpose: str
    capture_at: datetime | None
    captured: int | None
    problem: str | None
    refundable: int
    receipt: str | None
    reversal: str | None

    @property
    def at_desk(self) -> bool:
        """Whether it was taken at the desk: no gateway knows of it."""
        return self.gateway in DESK.values()


class DeskPayment(msgspec.Struct, frozen=True):
    """A payment that was taken at the desk, in minor units; `reversal` says why it was reversed."""

    id: UUID
    gateway: str
    amount: int
    currency: str
    receipt: str | None
    created_at: datetime
    reversal: str | None

    @property
    def way(self) -> DeskWay:
        """How it was paid."""
        return desk_way(self.gateway)


class UndecidedPayment(msgspec.Struct, frozen=True):
    """A payment that waits for its guest (`requires_action`) or for its gateway, since `updated_at`. Minor
    units."""

    id: UUID
    gateway: str
    status: str
    amount: int
    updated_at: datetime


class LedgerLine(msgspec.Struct, frozen=True):
    """A line of a booking's account: what the guest owes by it (above zero) or has by it (below)."""

    created_at: datetime
    kind: str
    amount: int
    currency: str


class DisputeSeen(msgspec.Struct, frozen=True):
    """A payment that the guest's bank disputes: `status` and `reason` in the gateway's words, and the day by
    which it wants an answer."""

    gateway: str
    reference: str
    payment_id: UUID
    amount: int
    currency: str
    status: str
    reason: str
    respond_by: date | None


class PaymentIssue(msgspec.Struct, frozen=True):
    """Something about a booking's money that somebody should look at; `detail` depends on what it is."""

    what: Literal[
        "problem",
        "refund_failed",
        "dispute",
        "stuck",
        "refund_stuck",
        "transfer",
        "transfer_back",
        "desk_back",
    ]
    reference: str
    amount: int
    currency: str
    detail: str | None
    at: datetime


class UnreadableNotice(msgspec.Struct, frozen=True):
    """A gateway's notice that cannot be read, and why."""

    gateway: str
    id: str
    problem: str
    received_at: datetime


class ComparisonRun(msgspec.Struct, frozen=True):
    """A comparison with a gateway's list that was made: `payments` were compared, `differences` found."""

    id: int
    gateway: str
    since: datetime
    until: datetime
    ran_at: datetime
    payments: int
    differences: int


class DifferenceSeen(msgspec.Struct, frozen=True):
    """A difference that a comparison found, with the reference of the `booking` that it concerns."""

    kind: str
    payment_id: UUID | None
    reference: str | None
    ours: str
    theirs: str
    booking: str | None
