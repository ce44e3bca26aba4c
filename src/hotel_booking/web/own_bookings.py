"""Which quotes and bookings a browser may open: signed cookies that hold the latest few of each, because a
guest compares offers in several tabs and books more than once. Nothing about it stands in an address."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.datastructures import Cookie, State

from hotel_booking.core.db import Transaction
from hotel_booking.core.links import is_good, signature
from hotel_booking.domains.bookings import guest_bookings
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.queries import booking_by_reference
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.http import cookies
from hotel_booking.web.guest_session import current_guest

_BOOKINGS, _QUOTES = "hotel_bookings", "hotel_quotes"
# As many as fit into a cookie that `cookies.read` takes.
_MOST = {_BOOKINGS: 12, _QUOTES: 4}
_SECONDS = {_BOOKINGS: 90 * 24 * 3600, _QUOTES: 24 * 3600}
# Where no key is set (never in production) the browsers' rights end with the process.
_PASSING_KEY = secrets.token_urlsafe(32)


def remember(request: Request[Any, Any, State], reference: str) -> Cookie:
    """The cookie by which this browser opens the booking from now on, besides those it opens already."""
    return _with(request, _BOOKINGS, reference.replace("-", ""))


def remember_quote(request: Request[Any, Any, State], quote_id: UUID) -> Cookie:
    """The cookie by which this browser books the quote."""
    return _with(request, _QUOTES, quote_id.hex)


def owns_quote(request: Request[Any, Any, State], quote_id: UUID) -> bool:
    """Whether the quote was made in this browser."""
    return quote_id.hex in _held(request, _QUOTES)


def own_references(request: Request[Any, Any, State]) -> list[str]:
    """The bookings that this browser may open, the latest first."""
    found = (normalise(text) for text in _held(request, _BOOKINGS))
    return [reference for reference in found if reference is not None]


def link_is_good(request: Request[Any, Any, State], reference: str, token: str) -> bool:
    """Whether a mail's link was made for this booking."""
    return is_good(request.app.state.settings.secret_key, f"/booking/{reference}", token)


async def open_own(request: Request[Any, Any, State], tx: Transaction, reference: str) -> Booking:
    """The booking, for the browser that has its cookie and for the guest whose account it is in. Raises
    `BookingNotFound` for anybody else, as if there were no booking."""
    normal = normalise(reference)
    account = current_guest(request)
    if normal is None or (account is None and normal not in own_references(request)):
        raise BookingNotFound("there is no such booking")
    booking = await booking_by_reference(tx, normal)
    if normal not in own_references(request) and not (
        account is not None and await guest_bookings.may_open(tx, account, booking.id)
    ):
        raise BookingNotFound("there is no such booking")
    return booking


def _held(request: Request[Any, Any, State], name: str) -> list[str]:
    text, _, token = (cookies.read(request.scope, name) or "").rpartition(".")
    return text.split("-") if text and is_good(_key(request), _signed_text(name, text), token) else []


def _with(request: Request[Any, Any, State], name: str, item: str) -> Cookie:
    items = [item, *(other for other in _held(request, name) if other != item)][: _MOST[name]]
    text = "-".join(items)
    token = signature(_key(request), _signed_text(name, text))
    return cookies.write(request.scope, name, f"{text}.{token}", seconds=_SECONDS[name])


def _key(request: Request[Any, Any, State]) -> str:
    key: str | None = request.app.state.settings.secret_key
    return key or _PASSING_KEY


def _signed_text(name: str, text: str) -> str:
    # Not the path of the mails' links: a cookie is no link, and a link no cookie.
    return f"browser:{name}:{text}"
