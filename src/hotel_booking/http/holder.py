"""Who holds rooms without being known, as the domain counts them."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from hotel_booking.core.config import Settings
from hotel_booking.domains.bookings.holders import Holder, HoldLimits
from hotel_booking.http.access import caller_of
from hotel_booking.http.client_address import limited_as


def holder_of(
    request: Request[Any, Any, State], settings: Settings, browser: bytes | None = None
) -> Holder | None:
    """The holder that a request is; None for an API key and for staff, who are known."""
    if caller_of(request.scope).kind in ("key", "staff"):
        return None
    return Holder(
        network=limited_as(request.scope["state"].get("address", "")),
        browser=browser,
        limits=HoldLimits(
            per_address=settings.open_holds_per_address,
            rooms_per_address=settings.open_rooms_per_address,
            per_browser=settings.open_holds_per_browser,
            per_mailbox=settings.open_holds_per_mailbox,
        ),
    )
