"""A worker outlives its database: where the connection is lost it waits, longer each time, and begins
anew."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import asyncpg
import psycopg
from procrastinate.exceptions import ConnectorException

from hotel_booking.core.db import DatabaseUnavailable

log = logging.getLogger(__name__)

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STEADY = 60.0  # seconds after which an earlier end no longer counts
_MOST_ENDS = 5  # in a row, with the database there: something else is wrong
# What a server raises that is stopping, starting or gone. A wrong password or a missing database is not among
# them: nothing gets better by waiting.
_LOST = (
    DatabaseUnavailable,
    ConnectorException,
    psycopg.OperationalError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InterfaceError,
    OSError,  # TimeoutError too
)


class EndedByItself(RuntimeError):
    """The worker ended again and again although its database is there: the process ends with an error."""


@contextmanager
def stopping_by_signal() -> Iterator[asyncio.Event]:
    """An event that SIGINT or SIGTERM sets."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    for number in numbers:
        loop.add_signal_handler(number, stopped.set)
    try:
        yield stopped
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def keep_working(work: Callable[[asyncio.Event], Awaitable[None]], stopped: asyncio.Event) -> None:
    """Run `work` until `stopped` is set, anew whenever the database was lost. Raises what waiting does not
    mend, and `EndedByItself`."""
    clock = asyncio.get_running_loop().time
    pause, ends = _FIRST_PAUSE, 0
    while not stopped.is_set():
        began = clock()
        try:
            await work(stopped)
            ends += 1
            reason = "it ended by itself"
        except _LOST as error:
            reason = f"the database was lost ({type(error).__name__})"
        if stopped.is_set():
            return
        if clock() - began > _STEADY:
            pause, ends = _FIRST_PAUSE, 0
        if ends >= _MOST_ENDS:
            raise EndedByItself(f"the worker ended {ends} times in a row; see its log")
        log.warning("the worker begins anew: %s", reason, extra={"seconds": pause})
        try:
            async with asyncio.timeout(pause):
                await stopped.wait()
        except TimeoutError:
            pause = min(pause * 2, _LONGEST_PAUSE)
