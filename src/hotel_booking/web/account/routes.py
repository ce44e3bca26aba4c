"""The guest's account, as one set of routes. Who is not signed in, or has to prove again who they are, is
sent to do so and comes back; a mailed link that has lapsed says so."""

from __future__ import annotations

from typing import Any

from litestar import Router

from hotel_booking.domains.authentication.errors import ConfirmIdentity, GuestSignInRequired, LinkNotValid
from hotel_booking.web.account import data, entry, mailed_links, pages, security

_GUARDED: dict[Any, Any] = {
    GuestSignInRequired: entry.to_sign_in,
    ConfirmIdentity: entry.to_sign_in,
    LinkNotValid: mailed_links.lapsed,
}

handlers: list[Any] = [
    Router(
        path="",
        route_handlers=[
            *entry.handlers,
            *pages.handlers,
            *security.handlers,
            *data.handlers,
        ],
        exception_handlers=_GUARDED,
    )
]
