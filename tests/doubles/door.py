"""A door before a server: while it is shut, nobody reaches what is behind it, as if that had died.

with Door(behind=("127.0.0.1", 25)) as door:
    ...  # speak to door.port
    door.shut()  # who is through is thrown out, who knocks is refused
    door.open()
    door.stall()  # whoever is through, or comes, is kept waiting: not a byte passes until `flow`
    door.flow()
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self

from hotel_booking.ops.child_processes import free_port


class Door:
    """It lives in a thread with a loop of its own, so that other processes may use it."""

    def __init__(self, *, behind: tuple[str, int]) -> None:
        self.port = free_port()
        self._behind = behind
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="door")
        self._server: asyncio.Server | None = None
        self._through: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    def __enter__(self) -> Self:
        self._thread.start()
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def open(self) -> None:
        """Let people in."""

        async def listen() -> None:
            self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)

        self._do(listen())

    def shut(self) -> None:
        """Let nobody in, and throw out who is."""

        async def end() -> None:
            if self._server is not None:
                self._server.close()
                self._server = None
            for writer in self._through:
                writer.transport.abort()

        self._do(end())

    def stall(self) -> None:
        """Let people in, and carry nothing."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def flow(self) -> None:
        """Carry what waits, and what comes."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def _do(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._through.add(writer)
        try:
            there, back = await asyncio.open_connection(*self._behind)
        except OSError:
            writer.transport.abort()
            return
        self._through.add(back)
        try:
            await asyncio.gather(self._carry(reader, back), self._carry(there, writer))
        finally:
            for end in (writer, back):
                end.transport.abort()
                self._through.discard(end)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
            writer.write_eof()
