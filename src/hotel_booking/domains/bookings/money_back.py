"""What a guest gets back when a booking is cancelled: how much, by what way, by which day. One struct before
the cancellation (`foresee`) and after it (`what_came_back`), so that page, mail and API say the same."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.types import Booking, Cancellation
from hotel_booking.domains.payments import returns
from hotel_booking.domains.payments.returns import Returning


class MoneyBack(msgspec.Struct, frozen=True):
    """The guest's money after a cancellation, in minor units. `paid` is everything that was ever taken,
    `reserved` what was reserved and never taken; `kept` of both stays with the hotel, `owed` of the fee is
    still to be paid. `parts` are the sums that go back, `back` all of them together that were taken, and
    `released` all that was only reserved. Where nothing was ever paid or reserved every amount is 0."""

    currency: str
    paid: int
    reserved: int
    kept: int
    owed: int
    parts: tuple[Returning, ...] = ()

    @property
    def back(self) -> int:
        """What was taken and goes back, or went."""
        return sum(part.amount for part in self.parts if part.state != "released")

    @property
    def released(self) -> int:
        """What was only reserved and is let go."""
        return sum(part.amount for part in self.parts if part.state == "released")


async def foresee(tx: Transaction, booking: Booking, result: Cancellation, *, now: datetime) -> MoneyBack:
    """What a cancellation that costs `result` (`service.preview_cancel`) would give back. Changes nothing."""
    back, released = result.refund, result.released
    parts: list[Returning] = []
    for item in await returns.held(tx, booking.id):
        part = min(item.amount, released if item.reserved else back)
        if part <= 0:
            continue
        parts.append(returns.returning(part, item.way, "released" if item.reserved else "due", now))
        released, back = (released - part, back) if item.reserved else (released, back - part)
    return MoneyBack(
        currency=booking.currency,
        paid=booking.paid,
        reserved=booking.reserved,
        kept=booking.paid + booking.reserved - result.refund - result.released,
        owed=result.owed,
        parts=tuple(parts),
    )


async def what_came_back(tx: Transaction, booking: Booking) -> MoneyBack:
    """What has gone back to the booking's guest and what is on its way, refunds of every kind included. For a
    booking in any state; `owed` is what is still open of its price or fee."""
    parts = tuple(await returns.of_booking(tx, booking.id))
    kept = booking.paid + booking.reserved
    back = sum(part.amount for part in parts if part.state in ("due", "sent"))
    # A refund that failed is still with us, and is the guest's: it counts as paid, not as kept.
    failed = sum(part.amount for part in parts if part.state == "failed")
    return MoneyBack(
        currency=booking.currency,
        paid=booking.paid + back,
        reserved=booking.reserved + sum(part.amount for part in parts if part.state == "released"),
        kept=max(kept - failed, 0),
        owed=still_open(booking),
        parts=parts,
    )
