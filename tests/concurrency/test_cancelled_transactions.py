"""A transaction whose task is cancelled, however often, leaves nothing to the next one on its connection."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from hotel_booking.core import connections
from hotel_booking.core.db import Database


@pytest.mark.parametrize("turns", range(5))
async def test_who_is_cancelled_twice_leaves_no_open_transaction(database_url: str, turns: int) -> None:
    """The second time while the first is being undone, a few turns of the loop later."""
    async with Database.open(database_url, size=1) as db:
        async with db.transaction() as tx:
            await tx.execute("CREATE TABLE mark (id int)")
        sleeping = asyncio.Event()

        async def work() -> None:
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO mark VALUES (1)")
                sleeping.set()
                await tx.execute("SELECT pg_sleep(60)")

        task = asyncio.create_task(work())
        await sleeping.wait()
        await asyncio.sleep(0.05)  # until the server sleeps
        task.cancel()
        for _ in range(turns + 1):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT pg_current_xact_id_if_assigned()") is None
            assert await tx.fetchval("SELECT count(*) FROM mark") == 0


@pytest.mark.parametrize("pooled", [False, True])
async def test_a_connection_that_was_not_made_ready_is_not_left_open(
    database_url: str, monkeypatch: pytest.MonkeyPatch, pooled: bool
) -> None:
    """Whoever is cancelled, or fails, between the connection and its first statement."""
    made: list[asyncpg.Connection[asyncpg.Record]] = []

    async def fails(connection: asyncpg.Connection[asyncpg.Record]) -> None:
        made.append(connection)
        raise OSError("gone")

    monkeypatch.setattr(connections, "with_types", fails)
    with pytest.raises(OSError, match="gone"):
        async with Database.open(database_url, size=1, pooled=pooled):
            pass
    assert [connection.is_closed() for connection in made] == [True]


@pytest.mark.parametrize(("limit", "waits"), [(1_000, "1min"), (0, "0")])
async def test_a_load_may_think_between_its_statements_and_a_request_may_not(
    database_url: str, limit: int, waits: str
) -> None:
    async with Database.open(database_url, size=1, statement_timeout_ms=limit) as db, db.transaction() as tx:
        assert await tx.fetchval("SHOW idle_in_transaction_session_timeout") == waits
