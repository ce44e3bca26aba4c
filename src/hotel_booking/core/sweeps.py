"""Seeing to many things one after the other, as sweeps do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar
from uuid import UUID

from hotel_booking.core.metrics import SWEEP_FAILURES

T = TypeVar("T")
log = logging.getLogger(__name__)


async def each(sweep: str, items: Iterable[T], act: Callable[[T], Awaitable[object]]) -> int:
    """Act on each item of a sweep, one after the other. One that fails is logged and counted, and keeps no
    other from its turn; it comes again with the next sweep. Returns how many failed."""
    failures = 0
    for item in items:
        try:
            await act(item)
        except Exception:  # one that fails must not keep the others from their turn
            failures += 1
            SWEEP_FAILURES.labels(sweep).inc()
            log.exception("a sweep passes over one that fails", extra={"sweep": sweep, "item": _named(item)})
    return failures


def _named(item: object) -> str:
    """What an item is called in the log: its id, never what else it holds."""
    name = getattr(item, "id", item)
    return str(name) if isinstance(name, (int, UUID)) else type(item).__name__
