"""The REST API under /api/v1: parse, call, return."""

from __future__ import annotations

from litestar import Router

from hotel_booking.api import (
    ari,
    blocks,
    bookings,
    calendar,
    frontdesk,
    keys,
    offers,
    places,
    quotes,
    search,
)

router = Router(
    "/api/v1",
    route_handlers=[
        *places.handlers,
        *search.handlers,
        *offers.handlers,
        *calendar.handlers,
        *quotes.handlers,
        *bookings.handlers,
        *frontdesk.handlers,
        *ari.handlers,
        *blocks.handlers,
        *keys.handlers,
    ],
)
