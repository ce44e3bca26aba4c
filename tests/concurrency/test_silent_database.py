"""A database that stands still, which no limit of its own or of the network ends, is not waited for."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from hotel_booking.core import connections
from hotel_booking.core.db import Database, DatabaseUnavailable

_LIMIT = 60  # seconds that a statement may take
_PID = "SELECT pg_backend_pid()"


@pytest.fixture
async def watched(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Database]:
    """It is waited for as long as ever, but where it stands still."""
    del db  # it is there
    monkeypatch.setattr(connections, "_WATCH_EVERY", 0.05)
    async with Database.open(database_url, size=3, statement_timeout_ms=_LIMIT * 1000) as database:
        yield database


@contextmanager
def waited_for_shortly() -> Iterator[None]:
    """As though the limit of statements had come already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connections, "_SPARE", 0.3 - _LIMIT)
        yield


@contextmanager
def standing_still(pid: int) -> Iterator[None]:
    """A process of the server that waits for a statement, and so holds nothing others need."""
    os.kill(pid, signal.SIGSTOP)
    try:
        with waited_for_shortly():
            yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def _asked_of_one_that_stands_still(database: Database) -> None:
    async with database.transaction() as tx:
        with standing_still(await tx.fetchval(_PID)):
            await tx.fetchval("SELECT 1")


async def test_a_statement_alone_is_given_up_and_not_tried_on_another(watched: Database) -> None:
    async with watched.reading() as other, watched.reading() as tx:
        await other.fetchval("SELECT 1")  # an idle one is at hand
        with standing_still(await tx.fetchval(_PID)):
            async with asyncio.timeout(30):
                with pytest.raises(DatabaseUnavailable):
                    await tx.fetchval("SELECT 1")
    async with watched.reading() as tx:
        assert await tx.fetchval("SELECT 1") == 1


async def test_a_transaction_is_given_up_where_it_waits(watched: Database) -> None:
    """At a statement, at its end, and before its beginning; each counts its connection back in."""
    async with asyncio.timeout(30):
        with pytest.raises(DatabaseUnavailable):
            await _asked_of_one_that_stands_still(watched)
        work = watched.work()
        with standing_still(await work.fetchval(_PID)), pytest.raises(DatabaseUnavailable):
            await work.commit()
        async with watched.transaction() as tx:
            idle = await tx.fetchval(_PID)
        with standing_still(idle), pytest.raises(DatabaseUnavailable):
            async with watched.transaction():
                pass
    async with watched.transaction() as tx:
        assert await tx.fetchval("SELECT 1") == 1
    assert watched.figures() == (0, 1, 0)


async def test_who_may_take_longer_is_waited_for(watched: Database) -> None:
    async with watched.transaction() as tx:
        await tx.let_take(2 * _LIMIT)
        with waited_for_shortly():
            await tx.execute("SELECT pg_sleep(0.9)")
    async with asyncio.timeout(30):
        with pytest.raises(DatabaseUnavailable):  # on the same connection the limit is what it was
            await _asked_of_one_that_stands_still(watched)
