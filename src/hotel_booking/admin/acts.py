"""What a form asks for, done whole or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request, Response
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import DomainError
from hotel_booking.http.ui.render import see_other

Act = Callable[[], Awaitable[str]]
Refused = Callable[[DomainError], Awaitable[Response[str]]]


async def carry_out(
    request: Request[Any, Any, State], tx: Transaction, act: Act, *, to: str, refused: Refused
) -> Response[Any]:
    """Do something in the request's transaction and go on to the page `to` with what `act` says of it. What
    is refused is undone, and shown by `refused`: the page that asked, with what is wrong."""
    try:
        async with tx.savepoint():
            notice = await act()
    except DomainError as error:
        return await refused(error)
    return see_other(request, to, notice=notice)
