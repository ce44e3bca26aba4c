"""What the platform needs of a payment gateway.

Every call carries our own row's id as idempotency key, so it can be repeated after a crash without moving
money twice. None is made while a transaction is open. Amounts are minor units. A gateway is one file in
`integrations/`, and passes `tests/integration/payments/test_gateways.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from typing import Literal, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from hotel_booking.domains.payments.errors import UnknownGateway

Page = Literal["sandbox", "stripe", "transfer", "none"]
Status = Literal["authorised", "captured", "declined", "requires_action", "unknown", "not_found", "voided"]


class Charge(msgspec.Struct, frozen=True):
    """What is asked of a guest. `amount` 0 only checks the guarantee.

    `save_card` keeps the card for later charges that the guest agreed to. `return_url` is where the gateway's
    own page sends the guest back to: given where the guest's browser runs no script (hosted page). `opened`
    is the gateway's own name for what was opened for this payment before: it is taken up, and nothing new is
    made.
    """

    payment_id: UUID
    reference: str
    amount: int
    currency: str
    save_card: bool = False
    return_url: str | None = None
    opened: str | None = None


class Card(msgspec.Struct, frozen=True):
    """A card that the gateway keeps for us: its own names for customer and card, and what a person reads.
    The number is never seen here. `expires` is YYYY-MM."""

    customer: str
    method: str
    brand: str = ""
    last4: str = ""
    expires: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What became of a payment.

    `requires_action` asks the guest for something: `action_token` completes it (the page's client secret, or
    the token of a second step), `action_url` is the gateway's own page, `action_text` tells what to do.
    `unknown` means that the gateway did not answer: `find` will tell later. `amount` and `currency` are what
    the gateway holds or has taken, where it said so.
    """

    status: Status
    reference: str | None = None
    decline_code: str | None = None
    action_token: str | None = None
    action_url: str | None = None
    action_text: str | None = None
    amount: int | None = None
    currency: str | None = None
    card: Card | None = None


class Refunded(msgspec.Struct, frozen=True):
    """What became of a refund. `pending`: accepted, and on its way; `failed`: it will not arrive."""

    status: Literal["done", "pending", "failed"]
    reference: str | None = None
    reason: str | None = None


class ListedPayment(msgspec.Struct, frozen=True):
    """A payment in the gateway's own list. `payment_id` is None where it carries none of ours. `booking` is
    the reference that it was made for, `guest` who paid, as far as the gateway says."""

    reference: str
    payment_id: UUID | None
    status: Status
    amount: int
    currency: str
    captured: int
    refunded: int
    created_at: datetime
    booking: str = ""
    guest: str = ""


class Dispute(msgspec.Struct, frozen=True):
    """The guest's bank takes money back. `status` is the gateway's own word."""

    reference: str
    amount: int
    currency: str
    status: str
    reason: str
    respond_by: date | None = None


class Notice(msgspec.Struct, frozen=True):
    """What a gateway told us by itself: that something happened to a payment. What is true of a payment is
    then asked; what became of a refund is believed from here (`refunded`), because it is told only once. An
    `odd` one is signed and cannot be read: `problem` says why."""

    id: str
    kind: Literal["payment", "refund", "dispute", "other", "odd"]
    created_at: datetime
    reference: str | None = None
    payment_id: UUID | None = None
    refund_id: UUID | None = None
    refunded: Refunded | None = None
    dispute: Dispute | None = None
    problem: str | None = None


@runtime_checkable  # the web framework checks what it injects
class Gateway(Protocol):
    """A payment gateway.

    `page` says how a page asks for the means of payment; `holds_for` how long reserved money stays reserved
    (a transfer: how long the rooms wait for it); `saves_cards` whether `charge_saved` works. Every method
    raises `GatewayUnavailable` where there is no answer, and `GatewayRefused` where it will never be done;
    repeating a call does nothing more.
    """

    name: str
    page: Page
    holds_for: timedelta
    saves_cards: bool

    async def authorise(self, charge: Charge, *, token: str | None) -> Outcome:
        """Reserve the amount by the token of a means of payment. Without one, open a payment that the guest's
        page completes (`requires_action`). Raises `UnknownToken`, `NoGateway`."""

    async def charge_saved(self, charge: Charge, *, card: Card) -> Outcome:
        """Take the amount from a saved card while the guest is away: captured, or declined."""

    async def find(self, *, payment_id: UUID, reference: str | None) -> Outcome:
        """What the gateway knows of a payment; `not_found` where it never heard of it."""

    async def capture(self, *, payment_id: UUID, reference: str, amount: int) -> None:
        """Take the reserved money, or a part of it and let the rest go."""

    async def void(self, *, payment_id: UUID, reference: str | None) -> None:
        """Let the reserved money go; a payment that waits for its guest is closed."""

    async def refund(self, *, refund_id: UUID, reference: str, amount: int) -> Refunded:
        """Give captured money back."""

    def listing(self, *, since: datetime, until: datetime) -> AsyncIterator[ListedPayment]:
        """Every payment made in the time, as the gateway has it."""

    def read_notice(self, body: bytes, *, signature: str, now: datetime) -> Notice:
        """A notice that was delivered to us. Raises `ForgedNotice` unless its signature is good and fresh."""


@runtime_checkable
class _Closing(Protocol):
    async def close(self) -> None: ...


class Gateways:
    """Every gateway in use: cards first, then other ways to pay."""

    def __init__(self, card: Gateway, *others: Gateway) -> None:
        self.card = card
        self.all = (card, *others)

    async def close(self) -> None:
        """Let the connections go of those that keep any."""
        for gateway in self.all:
            if isinstance(gateway, _Closing):
                await gateway.close()

    def of(self, name: str) -> Gateway:
        """The gateway that a payment was made with, or that a guest chooses. Raises `UnknownGateway`."""
        for gateway in self.all:
            if gateway.name == name:
                return gateway
        raise UnknownGateway(
            f"payment by {name[:40]} is not set up here",
            field="method",
            fix=f"choose one of {', '.join(gateway.name for gateway in self.all)}",
        )
