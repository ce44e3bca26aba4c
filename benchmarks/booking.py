"""How fast rooms are sold: `python -m benchmarks.booking`. Prints medians; asserts nothing about time.

One client alone, then eight on different nights, then fifty on the last room, on a throwaway cluster with
a durable configuration (fsync on), through the services.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta

from tests.factories.small_hotel import (
    GUEST,
    NOW,
    make_quote,
    small_hotel,
    stay,
)

from hotel_booking import migrations
from hotel_booking.core.db import Database
from hotel_booking.core.errors import Conflict
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import Quote
from hotel_booking.ops.embedded import DURABLE, throwaway

ROUNDS = 200


async def hold(db: Database, quote: Quote) -> str:
    """One booking, or why not."""
    try:
        async with db.transaction(wait=60) as tx:
            await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
    except Conflict as refused:
        return refused.code
    return "held"


async def timed(act: Callable[[], Awaitable[object]], times: int) -> list[float]:
    """Milliseconds of each call."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        await act()
        found.append((time.perf_counter() - began) * 1000)
    return found


async def measure(url: str) -> None:
    """Print the figures."""
    week = timedelta(days=7)
    async with Database.open(url, size=50) as db:
        await small_hotel(db, rooms=2_000)
        quotes = [await make_quote(db, stay(i % 50, 3), lifetime=week) for i in range(ROUNDS * 2)]
        waiting = iter(quotes)
        quoting = await timed(lambda: make_quote(db, stay(10, 3)), ROUNDS)
        print(f"quote, 3 nights            median {statistics.median(quoting):6.2f} ms")
        holding = await timed(lambda: hold(db, next(waiting)), ROUNDS)
        print(f"hold, 3 nights, alone      median {statistics.median(holding):6.2f} ms")

        async def client() -> None:
            for quote in waiting:
                await hold(db, quote)

        began = time.perf_counter()
        await asyncio.gather(*(client() for _ in range(8)))
        rate = ROUNDS / (time.perf_counter() - began)
        print(f"hold, 8 clients            {rate:6.0f} bookings/s")
        async with db.transaction() as tx:
            await tx.execute(
                "UPDATE room_night SET physical = taken + 1 WHERE night = $1", stay(55, 1).arrival
            )
        last = [await make_quote(db, stay(55, 1)) for _ in range(50)]
        began = time.perf_counter()
        outcomes = Counter(await asyncio.gather(*(hold(db, quote) for quote in last)))
        milliseconds = (time.perf_counter() - began) * 1000
        print(f"the last room, 50 clients  {milliseconds:6.0f} ms in all: {dict(outcomes)}")


if __name__ == "__main__":
    with throwaway(DURABLE) as cluster:
        cluster.create_database("bench")
        migrations.upgrade(cluster.url("bench"))
        asyncio.run(measure(cluster.url("bench")))
