"""The REST API under /api/v1: parse, call, return."""

from __future__ import annotations

from litestar import Router

from hotel_booking.api import (
    ari,
    blocks,
    booking_lists,
    bookings,
    calendar,
    desk_payments,
    desk_takings,
    frontdesk,
    keys,
    offers,
    places,
    policies,
    properties,
    quotes,
    rate_plans,
    reports,
    room_types,
    rooms,
    search,
    taxes,
)
from hotel_booking.http.pipeline import STRICT

router = Router(
    "/api/v1",
    opt=STRICT,
    route_handlers=[
        *places.handlers,
        *search.handlers,
        *properties.handlers,
        *room_types.handlers,
        *rooms.handlers,
        *rate_plans.handlers,
        *policies.handlers,
        *taxes.handlers,
        *offers.handlers,
        *calendar.handlers,
        *quotes.handlers,
        *bookings.handlers,
        *booking_lists.handlers,
        *frontdesk.handlers,
        *desk_payments.handlers,
        *desk_takings.handlers,
        *reports.handlers,
        *ari.handlers,
        *blocks.handlers,
        *keys.handlers,
    ],
)
