"""What the platform needs of a payment gateway.

Every call carries our own row's id as idempotency key, so it can be repeated after a crash without moving
money twice. None is made while a transaction is open.
"""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable
from uuid import UUID

import msgspec


class Outcome(msgspec.Struct, frozen=True):
    """What became of an authorisation.

    `requires_action` asks the guest for a second step and carries the token that completes it;
    `unknown` means that the gateway did not answer: `find` will tell later.
    """

    status: Literal["authorised", "captured", "declined", "requires_action", "unknown", "not_found", "voided"]
    reference: str | None = None
    decline_code: str | None = None
    action_token: str | None = None


@runtime_checkable  # the web framework checks what it injects
class Gateway(Protocol):
    """A payment gateway. Amounts are minor units; a zero amount only checks the guarantee."""

    name: str

    async def authorise(self, *, payment_id: UUID, token: str, amount: int, currency: str) -> Outcome:
        """Reserve the amount on the guest's card. Raises `UnknownToken`."""

    async def find(self, *, payment_id: UUID) -> Outcome:
        """What the gateway knows of a payment; `not_found` where it never heard of it."""

    async def capture(self, *, payment_id: UUID, reference: str, amount: int) -> None:
        """Take the reserved money. Repeating it takes nothing more."""

    async def void(self, *, payment_id: UUID, reference: str) -> None:
        """Let the reserved money go. Repeating it does nothing more."""

    async def refund(self, *, refund_id: UUID, reference: str, amount: int) -> None:
        """Give captured money back. Repeating it gives nothing more."""
