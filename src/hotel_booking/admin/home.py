"""The panel's front door: to the first page that the member of staff may see."""

from __future__ import annotations

from typing import Any

from litestar import Request, Response, get
from litestar.datastructures import State

from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.http.access import signed_in
from hotel_booking.http.ui.render import see_other


@get("/", opt=signed_in())
async def front_door(request: Request[Any, Any, State], caller: Caller) -> Response[bytes]:
    """Today, or the own account for somebody without any role."""
    return see_other(
        request, "/admin/today" if caller.may_somewhere(Permission.TODAY_VIEW) else "/admin/account"
    )


handlers = [front_door]
