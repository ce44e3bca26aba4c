"""The public status page, in five languages: for browsers, for programs, and as files that stay up when the
platform is down."""

from __future__ import annotations

from hotel_booking.status import page, parts, subscribing

handlers = [*page.handlers, *parts.handlers, *subscribing.handlers]
