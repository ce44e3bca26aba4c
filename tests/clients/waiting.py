"""Waiting for what comes true soon: asked every twentieth of a second, and never for ever."""

from __future__ import annotations

import asyncio
import inspect
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from hotel_booking.core.db import Database

_PAUSE = 0.05


class Child(Protocol):
    """A process that can be asked whether it still runs."""

    @property
    def returncode(self) -> int | None:
        """How it ended."""

    def poll(self) -> int | None:
        """The same, asked now."""


def wait_until(
    true: Callable[[], object],
    *,
    seconds: float = 90,
    child: Child | None = None,
) -> None:
    """Return once `true()` is. Fails after so many seconds, and at once when the child ends before."""
    end = time.monotonic() + seconds
    while not true():
        assert child is None or child.poll() is None, f"the process ended with {child.returncode}"
        assert time.monotonic() < end, "it did not happen"
        time.sleep(_PAUSE)


async def until(true: Callable[[], object | Awaitable[object]], *, seconds: float = 90) -> None:
    """The same, while others go on."""
    end = time.monotonic() + seconds
    while True:
        found = true()
        if await found if inspect.isawaitable(found) else found:
            return
        assert time.monotonic() < end, "it did not happen"
        await asyncio.sleep(_PAUSE)


def listens(port: int) -> bool:
    """Whether somebody does on this port of the machine."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


async def somebody_waits(db: Database) -> bool:
    """Whether a statement waits for a lock; in a transaction of its own, as each sees these once."""
    async with db.transaction() as tx:
        return bool(
            await tx.fetchval(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
        )
