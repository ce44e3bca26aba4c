"""What a guest is told of giving a booking up, as data for mails: until when that is free, what it costs
afterwards, and what not arriving costs. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hotel_booking.domains.bookings.due import agreed_fee, charged, fees_by_deadline, not_arriving
from hotel_booking.domains.bookings.types import Booking


def told(booking: Booking, now: datetime) -> dict[str, Any]:
    """`free_until` is None where it is not free now, and where it is `always_free`. Each of `giving_up` says
    of when it is (`now`, `from` an instant on, `no_show`) and the fee, minor units, for all rooms that guests
    are still to come to."""
    before = charged(booking, sum(room.owed for room in booking.left))
    fees = [(since, fee - before) for since, fee in fees_by_deadline(booking, now, agreed_fee)]
    free = fees[0][1] == 0
    costs = [
        {"when": "from" if since else "now", "since": since.isoformat() if since else None, "fee": fee}
        for since, fee in (fees[1:] if free else fees)
    ]
    return {
        "free_until": costs[0]["since"] if free and costs else None,
        "always_free": free and not costs,
        "giving_up": [*costs, {"when": "no_show", "since": None, "fee": not_arriving(booking)}],
    }
