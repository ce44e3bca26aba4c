"""Which booking a browser may open: a signed cookie after booking or after a link from a mail. Nothing about
it stands in an address."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import Cookie, State

from hotel_booking.core.db import Transaction
from hotel_booking.core.links import is_good, signature
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.queries import booking_by_reference
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.http import cookies

_COOKIE = "hotel_booking"
_DAYS = 90


def remember(request: Request[Any, Any, State], reference: str) -> Cookie:
    """The cookie by which this browser opens the booking from now on."""
    key = request.app.state.settings.secret_key or ""
    value = f"{reference}.{signature(key, _path(reference))}" if key else ""
    return cookies.write(request.scope, _COOKIE, value, seconds=_DAYS * 24 * 3600)


def link_is_good(request: Request[Any, Any, State], reference: str, token: str) -> bool:
    """Whether a mail's link was made for this booking."""
    return is_good(request.app.state.settings.secret_key, f"/booking/{reference}", token)


async def open_own(request: Request[Any, Any, State], tx: Transaction, reference: str) -> Booking:
    """The booking, for the browser that has its cookie. Raises `BookingNotFound` for anybody else, as if
    there were no booking."""
    normal = normalise(reference)
    held, _, token = (cookies.read(request.scope, _COOKIE) or "").partition(".")
    key = request.app.state.settings.secret_key
    if normal is None or held != normal or not is_good(key, _path(normal), token):
        raise BookingNotFound("there is no such booking")
    return await booking_by_reference(tx, normal)


def _path(reference: str) -> str:
    # Not the path of the mails' links: a cookie is no link, and a link no cookie.
    return f"browser:/booking/{reference}"
