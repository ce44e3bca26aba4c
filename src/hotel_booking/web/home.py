"""The front page."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.http.access import public
from hotel_booking.web.site import site


@get("/", opt=public(), include_in_schema=False, sync_to_thread=False)
def show_home(request: Request[Any, Any, State]) -> Response[Any]:
    """Search, and some places to go."""
    return site(request, "home.html", etag=True)


handlers = [show_home]
