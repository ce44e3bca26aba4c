"""The REST API under /api/v1: parse, call, return."""

from __future__ import annotations

from litestar import Router

from hotel_booking.api import keys

router = Router("/api/v1", route_handlers=[*keys.handlers])
