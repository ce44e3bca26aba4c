"""The staff's panel under /admin: server-rendered pages. Parse, call, render."""

from __future__ import annotations

from litestar import Router

from hotel_booking.admin import (
    account,
    booking_search,
    confirm,
    home,
    jobs,
    keys,
    links,
    rates,
    sign_in,
    today,
)

router = Router(
    "/admin",
    route_handlers=[
        *account.handlers,
        *booking_search.handlers,
        *confirm.handlers,
        *home.handlers,
        *jobs.handlers,
        *keys.handlers,
        *links.handlers,
        *rates.handlers,
        *sign_in.handlers,
        *today.handlers,
    ],
    include_in_schema=False,
)
