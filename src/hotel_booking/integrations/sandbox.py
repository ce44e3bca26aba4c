"""A payment gateway without money, for the demo and for tests.

Tokens: `tok_success`, `tok_decline`, `tok_challenge` (asks for a second step; its answer carries the token
that completes it) and `tok_timeout` (the gateway never answers and never heard of it). It keeps nothing:
what it did can be read from the references it gave.
"""

from __future__ import annotations

from uuid import UUID

from hotel_booking.domains.payments.errors import UnknownToken
from hotel_booking.domains.payments.gateway import Outcome

TOKENS = ("tok_success", "tok_decline", "tok_challenge", "tok_timeout")
_SECOND_STEP = "tok_challenge_done_"


class SandboxGateway:
    """Answers by the token alone; refused by the settings in production."""

    name = "sandbox"

    async def authorise(self, *, payment_id: UUID, token: str, amount: int, currency: str) -> Outcome:
        """See the module's text for the tokens."""
        del amount, currency
        match token:
            case "tok_success":
                return Outcome("authorised", reference=f"sandbox_{payment_id.hex}")
            case "tok_decline":
                return Outcome("declined", decline_code="card_declined")
            case "tok_timeout":
                return Outcome("unknown")
            case "tok_challenge":
                return Outcome("requires_action", action_token=f"{_SECOND_STEP}{payment_id.hex}")
            case _ if token == f"{_SECOND_STEP}{payment_id.hex}":
                return Outcome("authorised", reference=f"sandbox_{payment_id.hex}")
            case _:
                raise UnknownToken(
                    "the gateway does not know this token",
                    field="token",
                    fix=f"the sandbox knows {', '.join(TOKENS)}",
                )

    async def find(self, *, payment_id: UUID) -> Outcome:
        """Only `tok_timeout` leaves a payment undecided, and it never arrived."""
        del payment_id
        return Outcome("not_found")

    async def capture(self, *, payment_id: UUID, reference: str, amount: int) -> None:
        """Nothing to take."""

    async def void(self, *, payment_id: UUID, reference: str) -> None:
        """Nothing to let go."""

    async def refund(self, *, refund_id: UUID, reference: str, amount: int) -> None:
        """Nothing to give back."""
