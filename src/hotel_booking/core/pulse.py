"""Whether the database answers, asked on a connection of its own: requests that hold all others, or that wait
for ever on one, do not make it look dead, and whoever asks has an answer in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import asyncpg

from hotel_booking.core.connections import Connection, Hosts


class NoPulse(Exception):  # caught where it is asked
    """The database does not answer in time, or not as it should."""


class Pulse:
    """One connection, made when it is first needed and anew after every failure. `pooled`: at the other end
    is a pooler, see `Database.open`."""

    def __init__(self, url: str, *, pooled: bool = False) -> None:
        self._hosts = Hosts(url)
        self._pooled = pooled
        self._turn = asyncio.Lock()
        self._connection: Connection | None = None

    @classmethod
    @asynccontextmanager
    async def kept(cls, url: str, *, pooled: bool = False) -> AsyncIterator[Pulse]:
        """One that is closed at the end."""
        self = cls(url, pooled=pooled)
        try:
            yield self
        finally:
            self._drop()

    async def ask(self, statement: str, *, within: float) -> Any:
        """The statement's value, in at most `within` seconds whatever hangs. Raises `NoPulse`."""
        try:
            async with asyncio.timeout(within), self._turn:
                try:
                    return await self._value(statement)
                except BaseException:
                    # An answer that still comes must not be taken for the next one's.
                    self._drop()
                    raise
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise NoPulse(type(error).__name__) from None

    async def _value(self, statement: str) -> Any:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = self._connection = await self._hosts.connect(
                server_settings={"application_name": "hotel-booking health"},
                statement_cache_size=0 if self._pooled else 2,
            )
        async with connection.transaction() if self._pooled else nullcontext():
            return await connection.fetchval(statement)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
