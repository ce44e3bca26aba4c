"""How a request searches: in the index where it can answer, else in SQL. The one thing that surfaces use."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from operator import itemgetter
from typing import TypeVar

from hotel_booking.core.db import Transaction
from hotel_booking.domains.search import find
from hotel_booking.domains.search.index import find as index_find
from hotel_booking.domains.search.index.charges import TooLarge
from hotel_booking.domains.search.index.view import IndexView
from hotel_booking.domains.search.types import SearchPage, SearchRequest

T = TypeVar("T")


class Searching:
    """Searches by the index, which may be missing, not loaded yet, or not know all that is asked; then by
    SQL. Both give the same. `tx` is used only for what SQL is needed for."""

    def __init__(self, tx: Transaction, index: IndexView | None = None) -> None:
        self.tx = tx
        self._index = index

    async def find(self, request: SearchRequest, now: datetime) -> SearchPage:
        """One page of hotels that sell the stay: see `find.find`."""
        answer = self._indexed(lambda index: index_find.find(index, request, now))
        if answer is None:
            return await find.find(self.tx, request, now)
        ready, sold = answer.ready, answer.sold
        if answer.left:
            others, more = await find.among(
                self.tx, request, answer.left, answer.days, answer.exchange, now=now, many=answer.many
            )
            ready, sold = sorted([*ready, *others], key=itemgetter(0)), sold + more
        counted = find.counts(request, many=answer.many)
        return find.page_of(request, ready, sold if counted else None, answer.uncompared, answer.past)

    def _indexed(self, compute: Callable[[IndexView], T | None]) -> T | None:
        """What the index says; None where SQL has to."""
        index = self._index
        if index is None or not index.complete:
            return None
        try:
            return index.read(lambda: compute(index))
        except TooLarge:
            return None
