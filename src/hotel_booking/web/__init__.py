"""The guests' pages. For now the one that links in mail lead to; the site grows from here."""

from __future__ import annotations

from hotel_booking.web import booking

handlers = [*booking.handlers]
