"""Where a request comes from, as the counters of failed attempts and lists of sessions have it."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.datastructures import State

from hotel_booking.domains.identity.service.lockout import Visitor
from hotel_booking.http.client_address import limited_as

# The first that fits: Edge calls itself Chrome too, Chrome Safari, and an iPad a Macintosh.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)


def visitor_of(request: Request[Any, Any, State]) -> Visitor:
    """Where the request comes from."""
    address = request.scope["state"].get("address", "")
    return Visitor(
        address=address,
        network=limited_as(address),
        user_agent="".join(c for c in request.headers.get("user-agent", "") if c.isprintable()),
    )


def browser_and_system(user_agent: str) -> tuple[str, str]:
    """Such as ("Firefox", "Windows"), from what a browser says of itself; "" for what we do not know."""
    return (
        next((name for mark, name in _BROWSERS if mark in user_agent), ""),
        next((name for mark, name in _SYSTEMS if mark in user_agent), ""),
    )
