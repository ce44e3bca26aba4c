"""No gateway: guests pay at the hotel, and only bookings with nothing due now can be confirmed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from hotel_booking.domains.payments.errors import ForgedNotice, GatewayRefused, NoGateway
from hotel_booking.domains.payments.gateway import (
    Card,
    Charge,
    ListedPayment,
    Notice,
    Outcome,
    Page,
    Refunded,
)


class PayAtProperty:
    """Accepts guarantees of nothing; refuses to take money."""

    name = "pay_at_property"
    page: Page = "none"
    holds_for = timedelta(days=365)
    saves_cards = False

    async def authorise(self, charge: Charge, *, token: str | None) -> Outcome:
        """Any token is good where nothing is due. Raises `NoGateway` where something is."""
        del token
        if charge.amount:
            raise NoGateway(
                "this booking must be paid now, and the hotel takes no payments here",
                fix="book a rate plan without a deposit, or ask the hotel",
            )
        return Outcome("authorised", reference=f"property_{charge.payment_id.hex}")

    async def charge_saved(self, charge: Charge, *, card: Card) -> Outcome:
        """There are no cards."""
        del charge, card
        return Outcome("declined", decline_code="no_card")

    async def find(self, *, payment_id: UUID, reference: str | None) -> Outcome:
        """Nothing was ever sent anywhere."""
        del payment_id, reference
        return Outcome("not_found")

    async def capture(self, *, payment_id: UUID, reference: str, amount: int) -> None:
        """Nothing to take. Raises `GatewayRefused` where something should be."""
        del payment_id, reference
        if amount:
            raise GatewayRefused("the hotel takes no payments here")

    async def void(self, *, payment_id: UUID, reference: str | None) -> None:
        """Nothing to let go."""

    async def refund(self, *, refund_id: UUID, reference: str, amount: int) -> Refunded:
        """Nothing was taken."""
        del refund_id, reference, amount
        raise GatewayRefused("nothing was taken here that could be given back")

    async def listing(self, *, since: datetime, until: datetime) -> AsyncIterator[ListedPayment]:
        """An empty list."""
        del since, until
        nothing: tuple[ListedPayment, ...] = ()
        for seen in nothing:
            yield seen

    def read_notice(self, body: bytes, *, signature: str, now: datetime) -> Notice:
        """There are none."""
        del body, signature, now
        raise ForgedNotice("no gateway that sends notices is set up", fix="nothing needs to be done")
