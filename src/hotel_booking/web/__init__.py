"""The guests' site: every page under its language, /en/ /de/ /fr/ /es/ /ar/, made of the same handlers."""

from __future__ import annotations

from litestar import Router

from hotel_booking.web import booking, entrance, home
from hotel_booking.web.language import LANGUAGES

_PAGES = [*home.handlers]
# Addresses without a language: they send the guest on, or are the same in all.
_UNPREFIXED = [*entrance.handlers, *booking.handlers]

handlers = [*(Router(path=f"/{language}", route_handlers=_PAGES) for language in LANGUAGES), *_UNPREFIXED]
