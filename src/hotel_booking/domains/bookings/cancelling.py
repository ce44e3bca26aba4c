"""What a guest is told of giving a booking up, as data for mails: until when that is free, what it costs
afterwards, and what not arriving costs. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hotel_booking.domains.bookings.due import agreed_fee, charged, no_show_fee
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.rates.cancellation import deadlines


def told(booking: Booking, now: datetime) -> dict[str, Any]:
    """`free_until` is None where it is not free now, and where it is `always_free`. Each of `giving_up` says
    of when it is (`now`, `from` an instant on, `no_show`) and the fee, minor units, for all rooms that guests
    are still to come to."""
    fees = _fees(booking, now)
    free = fees[0][1] == 0
    costs = [
        {"when": "from" if since else "now", "since": since.isoformat() if since else None, "fee": fee}
        for since, fee in (fees[1:] if free else fees)
    ]
    not_arriving = _owed(booking, sum(no_show_fee(room) for room in booking.staying))
    return {
        "free_until": costs[0]["since"] if free and costs else None,
        "always_free": free and not costs,
        "giving_up": [*costs, {"when": "no_show", "since": None, "fee": not_arriving}],
    }


def _fees(booking: Booking, now: datetime) -> list[tuple[datetime | None, int]]:
    """What cancelling costs now and from each deadline to come that changes it, by the policy each room was
    sold with."""
    instants = sorted(
        {
            since
            for room in booking.staying
            for since, _ in deadlines(room.terms.policy, room.arrival, booking.timezone)
            if since is not None and since > now
        }
    )
    found: list[tuple[datetime | None, int]] = []
    for since in (None, *instants):
        fee = _owed(booking, sum(agreed_fee(booking, room, since or now) for room in booking.staying))
        if not found or found[-1][1] != fee:
            found.append((since, fee))
    return found


def _owed(booking: Booking, fee: int) -> int:
    """What a fee adds to those of rooms that were given up before, less what the hotel let go."""
    before = sum(room.owed for room in booking.left)
    return charged(booking, before + fee) - charged(booking, before)
