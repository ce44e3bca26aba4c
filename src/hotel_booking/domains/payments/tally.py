"""How payments for bookings end, for monitoring: web processes and the worker count alike.

Booking success = confirmed / (confirmed + failed + too_late). What the guest's bank declines says nothing
about us and is counted apart.
"""

from __future__ import annotations

from typing import Literal

from hotel_booking.core.metrics import PAYMENT_ATTEMPTS

Ending = Literal["confirmed", "declined", "failed", "too_late"]


def count(ending: Ending) -> None:
    """One payment for a booking has ended so; say it after the commit."""
    PAYMENT_ATTEMPTS.labels(ending).inc()
