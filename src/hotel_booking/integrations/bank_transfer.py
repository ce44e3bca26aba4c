"""Payment by bank transfer: the rooms wait for the money until a day, and staff say when it has come.

Nothing is asked over a network: what the bank knows, staff read on its statement. The saga is the same as
with cards: a payment that waits for its guest, and an answer that may come late.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from hotel_booking.domains.payments.errors import ForgedNotice, GatewayRefused
from hotel_booking.domains.payments.gateway import (
    Card,
    Charge,
    ListedPayment,
    Notice,
    Outcome,
    Page,
    Refunded,
)


class BankTransfer:
    """Tells the guest where to send the money. `account` is what the guest reads: holder, bank, IBAN; `days`
    how long the rooms wait."""

    name = "bank_transfer"
    page: Page = "transfer"
    saves_cards = False

    def __init__(self, account: str, *, days: int = 3) -> None:
        self._account = account
        self.holds_for = timedelta(days=days)

    async def authorise(self, charge: Charge, *, token: str | None) -> Outcome:
        """Waits for the guest's bank; nothing due is a guarantee at once."""
        del token
        if not charge.amount:
            return Outcome("authorised", reference=self._reference(charge.payment_id))
        return Outcome(
            "requires_action",
            reference=self._reference(charge.payment_id),
            action_text=self._account,
        )

    async def charge_saved(self, charge: Charge, *, card: Card) -> Outcome:
        """There are no cards."""
        del charge, card
        return Outcome("declined", decline_code="no_card")

    async def find(self, *, payment_id: UUID, reference: str | None) -> Outcome:
        """Only staff know whether the money has come; until they say so it is waited for."""
        if reference is None:
            return Outcome("not_found")
        return Outcome("requires_action", reference=self._reference(payment_id), action_text=self._account)

    async def capture(self, *, payment_id: UUID, reference: str, amount: int) -> None:
        """What has come is here already."""

    async def void(self, *, payment_id: UUID, reference: str | None) -> None:
        """Nothing is reserved anywhere."""

    async def refund(self, *, refund_id: UUID, reference: str, amount: int) -> Refunded:
        """Staff send it by hand, and say so."""
        del refund_id, reference, amount
        raise GatewayRefused(
            "bank transfers are refunded by hand", fix="send the money, then mark the refund as sent"
        )

    async def listing(self, *, since: datetime, until: datetime) -> AsyncIterator[ListedPayment]:
        """There is no list to compare with but the bank's statement."""
        del since, until
        nothing: tuple[ListedPayment, ...] = ()
        for seen in nothing:
            yield seen

    def read_notice(self, body: bytes, *, signature: str, now: datetime) -> Notice:
        """There are none."""
        del body, signature, now
        raise ForgedNotice("banks send no notices here", fix="nothing needs to be done")

    @staticmethod
    def _reference(payment_id: UUID) -> str:
        return f"transfer_{payment_id.hex}"
