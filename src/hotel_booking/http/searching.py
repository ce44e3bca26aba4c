"""What a handler searches hotels with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request
from litestar.datastructures import State
from litestar.types import HTTPScope

from hotel_booking.domains.search.index.running import SearchIndex
from hotel_booking.domains.search.searching import Searching


def provide_searching(request: Request[Any, Any, State], now: datetime) -> Searching:
    """Litestar dependency `searching`."""
    return searching_of(request.scope, now)


def searching_of(scope: HTTPScope, now: datetime) -> Searching:
    """By the process's index while that is in step with the database, else by SQL in the request's
    transaction, which begins only where SQL is needed."""
    index: SearchIndex | None = scope["litestar_app"].state.search_index
    return Searching(scope["state"]["unit"].tx, index.current(now) if index is not None else None)
