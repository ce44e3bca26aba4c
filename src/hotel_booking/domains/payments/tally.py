"""How payments for bookings end, for monitoring: web processes and the worker count alike.

Booking success = confirmed / (confirmed + failed + too_late). What the guest's bank declines says nothing
about us and is counted apart.
"""

from __future__ import annotations

from typing import Literal

from prometheus_client import Counter

Ending = Literal["confirmed", "declined", "failed", "too_late"]

_ATTEMPTS = Counter("hotel_booking_payment_attempts", "Payments for bookings by how they ended.", ["outcome"])
for _ending in ("confirmed", "declined", "failed", "too_late"):
    _ATTEMPTS.labels(_ending)  # a rate() needs the zero before the first one


def count(ending: Ending) -> None:
    """One payment for a booking has ended so; say it after the commit."""
    _ATTEMPTS.labels(ending).inc()
