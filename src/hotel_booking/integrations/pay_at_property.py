"""No gateway: guests pay at the hotel, and only bookings with nothing due now can be confirmed."""

from __future__ import annotations

from uuid import UUID

from hotel_booking.domains.payments.errors import NoGateway
from hotel_booking.domains.payments.gateway import Outcome


class PayAtProperty:
    """Accepts guarantees of nothing; refuses to take money."""

    name = "pay_at_property"

    async def authorise(self, *, payment_id: UUID, token: str, amount: int, currency: str) -> Outcome:
        """Any token is good where nothing is due. Raises `NoGateway` where something is."""
        del token, currency
        if amount:
            raise NoGateway(
                "this booking must be paid now, and the hotel takes no payments here",
                fix="book a rate plan without a deposit, or ask the hotel",
            )
        return Outcome("authorised", reference=f"property_{payment_id.hex}")

    async def find(self, *, payment_id: UUID) -> Outcome:
        """Nothing was ever sent anywhere."""
        del payment_id
        return Outcome("not_found")

    async def capture(self, *, payment_id: UUID, reference: str, amount: int) -> None:
        """Nothing to take."""

    async def void(self, *, payment_id: UUID, reference: str) -> None:
        """Nothing to let go."""

    async def refund(self, *, refund_id: UUID, reference: str, amount: int) -> None:
        """Nothing was taken."""
