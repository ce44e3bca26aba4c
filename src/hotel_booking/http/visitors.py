"""Where a request comes from, as the counters of failed attempts and lists of sessions have it.

A device gets a random name when somebody signs in there (`know_device`): from then on strangers who fail in
their name elsewhere do not keep them out. The name tells nothing of who it was."""

from __future__ import annotations

import secrets
from typing import Any, TypeVar

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.domains.authentication.service.lockout import Visitor
from hotel_booking.http import cookies
from hotel_booking.http.client_address import limited_as

Answer = TypeVar("Answer", bound=Response[Any])
_DEVICE_SECONDS = 400 * 24 * 3600

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
    state = request.scope["state"]
    address = state.get("address", "")
    return Visitor(
        address=address,
        network=limited_as(address),
        user_agent="".join(c for c in request.headers.get("user-agent", "") if c.isprintable()),
        device=_device_of(request),
    )


def know_device(request: Request[Any, Any, State], answer: Answer) -> Answer:
    """Let the browser carry the name of its device: for the answer to whoever has just signed in."""
    answer.cookies.append(
        cookies.write(request.scope, cookies.DEVICE, _device_of(request), seconds=_DEVICE_SECONDS)
    )
    return answer


def _device_of(request: Request[Any, Any, State]) -> str:
    """The name it came with, or the one that it gets should this request sign somebody in."""
    known = cookies.read(request.scope, cookies.DEVICE)
    state = request.scope["state"]
    if known is None and "new_device" not in state:
        state["new_device"] = secrets.token_urlsafe(24)
    name: str = known if known is not None else state["new_device"]
    return name


def browser_and_system(user_agent: str) -> tuple[str, str]:
    """Such as ("Firefox", "Windows"), from what a browser says of itself; "" for what we do not know."""
    return (
        next((name for mark, name in _BROWSERS if mark in user_agent), ""),
        next((name for mark, name in _SYSTEMS if mark in user_agent), ""),
    )
