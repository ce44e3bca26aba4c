"""Litestar dependency `searching`: what a handler searches hotels with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from litestar import Request
from litestar.datastructures import State

from hotel_booking.core.db import Transaction
from hotel_booking.domains.search.index.running import SearchIndex
from hotel_booking.domains.search.searching import Searching


def provide_searching(request: Request[Any, Any, State], tx: Transaction, now: datetime) -> Searching:
    """By the process's index while that is in step with the database, else by SQL in the request's
    transaction, which begins only where SQL is needed."""
    index: SearchIndex | None = request.app.state.search_index
    return Searching(tx, index.current(now) if index is not None else None)
