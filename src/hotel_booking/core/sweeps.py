"""Seeing to many things one after the other, as sweeps do."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from prometheus_client import Counter

T = TypeVar("T")
log = logging.getLogger(__name__)
_FAILED = Counter("hotel_booking_sweep_failures", "Items that a sweep could not see to.", ["sweep"])


async def each(sweep: str, items: Iterable[T], act: Callable[[T], Awaitable[object]]) -> int:
    """Act on each item of a sweep, one after the other. One that fails is logged and counted, and keeps no
    other from its turn; it comes again with the next sweep. Returns how many failed."""
    failures = 0
    for item in items:
        try:
            await act(item)
        except Exception:  # one that fails must not keep the others from their turn
            failures += 1
            _FAILED.labels(sweep).inc()
            log.exception(
                "a sweep passes over one that fails", extra={"sweep": sweep, "item": str(item)[:200]}
            )
    return failures
