"""Where a booking's own pages are."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from hotel_booking.domains.bookings.types import Booking
from hotel_booking.web.site import language_of, link


def page_of(request: Request[Any, Any, State], booking: Booking) -> str:
    """The page of the booking, in the language that is read."""
    return link(language_of(request), f"booking/{booking.reference}")
