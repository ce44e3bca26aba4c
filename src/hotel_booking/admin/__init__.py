"""The staff's panel under /admin: server-rendered pages. Parse, call, render."""

from __future__ import annotations

from litestar import Router

from hotel_booking.admin import home, jobs, keys

router = Router(
    "/admin",
    route_handlers=[
        *home.handlers,
        *jobs.handlers,
        *keys.handlers,
    ],
    include_in_schema=False,
)
