"""The browser that asks, known by a random name in one cookie. See
docs/decisions/0033-what-a-browser-owns.md."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.domains.bookings import browsers
from hotel_booking.http import cookies

BROWSER = "hotel_browser"
"""The cookie with a browser's name."""
SECONDS = int(browsers.REMEMBERED.total_seconds())
_NAME_LENGTH = 32  # characters of a browser's name: 192 random bits


def browser_of(request: Request[Any, Any, State]) -> bytes | None:
    """The browser that asks, as the tables know it; None where it has no name yet."""
    name = cookies.read(request.scope, BROWSER) or ""
    return _hashed(name) if len(name) == _NAME_LENGTH else None


def named(request: Request[Any, Any, State], answer: Response[Any]) -> bytes:
    """The browser that asks; the answer gives it a name where it has none."""
    known = browser_of(request)
    if known is not None:
        return known
    name = secrets.token_urlsafe(_NAME_LENGTH * 3 // 4)
    answer.cookies.append(cookies.write(request.scope, BROWSER, name, seconds=SECONDS))
    return _hashed(name)


def _hashed(name: str) -> bytes:
    return sha256(f"browser:{name}".encode()).digest()
