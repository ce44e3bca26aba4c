"""The REST API under /api/v1: parse, call, return."""

from __future__ import annotations

from litestar import Router

from hotel_booking.api import bookings, frontdesk, keys, quotes

router = Router(
    "/api/v1",
    route_handlers=[
        *quotes.handlers,
        *bookings.handlers,
        *frontdesk.handlers,
        *keys.handlers,
    ],
)
