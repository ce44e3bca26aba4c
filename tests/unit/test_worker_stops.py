"""A worker that is asked to stop ends, whatever swallows the cancelling meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any

from procrastinate import App
from procrastinate.testing import InMemoryConnector

from hotel_booking.worker import work_in_lanes
from hotel_booking.worker.lanes import LANES
from tests.clients.waiting import until


class Swallows(InMemoryConnector):
    """A database whose connection comes just when the one who waits for it is cancelled: what psycopg's pool
    makes of this moment is an answer, and no `CancelledError`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.swallowed = 0

    async def execute_query_one_async(self, query: str, **arguments: Any) -> dict[str, Any]:
        if "INSERT INTO procrastinate_workers" in query or "register_worker" in query:
            self.asked.append(query)
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.swallowed += 1
        answer: dict[str, Any] = await super().execute_query_one_async(query, **arguments)
        return answer


async def test_a_swallowed_cancellation_does_not_keep_it_working() -> None:
    connector, stopped = Swallows(), asyncio.Event()
    working = asyncio.create_task(work_in_lanes(App(connector=connector), {}, stopped))
    await until(lambda: len(connector.asked) == len(LANES))
    stopped.set()
    async with asyncio.timeout(30):
        await asyncio.shield(working)
    assert connector.swallowed == len(LANES)
