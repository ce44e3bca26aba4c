"""A replica that reads may be asked of which decide no sale, and which may be some seconds behind.

That it follows our database, and how far, is known by what it shows and by nothing that it says of itself:
the process writes a beat (a number) on the primary, and looks for it on the replica. A replica of another
database or history never shows it; one that stands still, or whose replay is paused, shows an old one; clocks
and positions in the log are not compared. A session's server never goes back in time, so what the beat proves
at the beginning holds for all that is read in the same transaction.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar
from uuid import uuid4

import asyncpg
import msgspec

from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, DatabaseUnavailable, Transaction
from hotel_booking.core.metrics import REPLICA_READS

T = TypeVar("T")
log = logging.getLogger("hotel_booking.replica")
_LOOK_EVERY = 0.05  # seconds
_READY_WITHIN = 0.5  # seconds that a report waits for a replica that may just have to be asked again
_CONNECTS_WITHIN = 2.0  # seconds
_CONNECTIONS = 4  # of a process: one for the search index, the others for reports
_PAUSE = 10.0  # seconds without asking it again after it could not be used

_SHOWN = "SELECT beat FROM replica_beat WHERE process = $1"
_BEAT = """
INSERT INTO replica_beat (process, beat, at) VALUES ($1, $2, $3)
ON CONFLICT (process) DO UPDATE SET beat = excluded.beat, at = excluded.at
"""
_FORGET = "DELETE FROM replica_beat WHERE at < $1::timestamptz - interval '1 day'"


class ReplicaBehind(Exception):  # caught by who reads, and then asks the primary
    """It does not show what it should."""


NOT_READ = (ReplicaBehind, DatabaseUnavailable, asyncpg.PostgresError, OSError)
"""What a replica raises that cannot be read: away, behind, or it ended a query in favour of its replay."""


class Beat(msgspec.Struct, frozen=True):
    """What a transaction wrote on the primary that began at `at`, in seconds that never run backwards."""

    number: int
    at: float


class Replica:
    """The replica of one process, which is connected when it is needed first."""

    def __init__(self, primary: Database, replica: Database, *, lag: float) -> None:
        self._primary = primary
        self._replica = replica
        self.lag = lag  # seconds that what is read may be old
        self._process = uuid4()
        self._beats: deque[Beat] = deque()
        self._number = 0
        self._turn = asyncio.Lock()  # beats are committed in the order of their numbers
        self._paused_until = 0.0

    @classmethod
    @asynccontextmanager
    async def open(cls, primary: Database, settings: Settings) -> AsyncIterator[Replica | None]:
        """The one that the settings name; None where there is none."""
        if settings.read_database_url is None:
            yield None
            return
        async with Database.open(
            settings.read_database_url,
            size=_CONNECTIONS,
            statement_timeout_ms=settings.database_statement_timeout_ms,
            at_once=False,
        ) as replica:
            yield cls(primary, replica, lag=settings.read_lag_seconds)

    async def beat(self) -> Beat:
        """Write the next one. Whatever was committed before this was called, the replica shows from the
        moment on at which it shows the beat."""
        async with self._turn:
            return await self._write()

    async def _write(self) -> Beat:
        self._number += 1
        beat = Beat(self._number, time.monotonic())
        async with self._primary.transaction() as tx:
            await tx.execute(_BEAT, self._process, beat.number, utc_now())
            if beat.number == 1:
                await tx.execute(_FORGET, utc_now())
        self._beats.append(beat)
        while len(self._beats) > 2 and self._beats[1].at < beat.at - self.lag:
            self._beats.popleft()
        return beat

    @asynccontextmanager
    async def since(self, beat: Beat, *, within: float) -> AsyncIterator[Transaction]:
        """A transaction that reads at least all that was committed before the beat. Raises one of `NOT_READ`
        where the replica does not show it in so many seconds."""
        end = time.monotonic() + within
        while True:
            async with self._replica.transaction(wait=_CONNECTS_WITHIN) as tx:
                # Each statement shows the latest state: what the first one finds, all others have too.
                if (await tx.fetchval(_SHOWN, self._process) or 0) >= beat.number:
                    yield tx
                    return
            if time.monotonic() >= end:
                raise ReplicaBehind(f"the replica is more than {within:g} seconds behind")
            await asyncio.sleep(_LOOK_EVERY)

    async def read(self, question: Callable[[Transaction], Awaitable[T]]) -> T:
        """Ask it of the replica; of the primary where that is away or too far behind, or ends the query."""
        if time.monotonic() >= self._paused_until:
            try:
                async with self.since(await self._recent(), within=_READY_WITHIN) as tx:
                    answer = await question(tx)
            except NOT_READ as error:
                self._paused_until = time.monotonic() + _PAUSE
                log.warning("replica.not_read error=%s: %s", type(error).__name__, error)
            else:
                REPLICA_READS.labels("replica").inc()
                return answer
        REPLICA_READS.labels("primary").inc()
        async with self._primary.reading() as tx:
            return await question(tx)

    async def _recent(self) -> Beat:
        """The oldest beat that is recent enough; a new one is written in time for the next to have one."""
        async with self._turn:
            now = time.monotonic()
            if not self._beats or self._beats[-1].at < now - self.lag / 2:
                await self._write()
            return next(beat for beat in self._beats if beat.at >= now - self.lag)


async def read(
    replica: Replica | None, tx: Transaction, question: Callable[[Transaction], Awaitable[T]]
) -> T:
    """Ask it of the replica where there is one (see `Replica.read`), else in the transaction."""
    return await (question(tx) if replica is None else replica.read(question))
