"""Who gets a connection when all are in use: what matters most, first; and nobody waits for ever.

A pool of connections is shared by three kinds of work. `browsing` may hold at most six tenths of it, and with
`booking` nine, so that something is always left for what is `vital`. Who waits is served by kind and then by
turn, for a bounded time in a bounded queue; who is refused is told so at once, and can be told when to come
back (docs/decisions/0029-load-shedding.md).
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextvars import ContextVar
from typing import Literal

Kind = Literal["vital", "booking", "browsing"]
_ORDER: tuple[Kind, ...] = ("vital", "booking", "browsing")
# Seconds: a page that comes later than that is reloaded by its reader, and then costs twice.
_PATIENCE: dict[Kind, float] = {"vital": 15.0, "booking": 8.0, "browsing": 3.0}
_QUEUES: dict[Kind, int] = {"vital": 1000, "booking": 300, "browsing": 100}

# What the running task is about. Jobs, commands and tests are vital: nobody waits before them.
KIND: ContextVar[Kind] = ContextVar("KIND", default="vital")


class QueueFull(Exception):  # caught where connections are taken
    """The queue is full, or the wait was too long."""


class Shares:
    """So many places, and who may have them."""

    def __init__(self, places: int) -> None:
        reserved = max(1, places // 10)
        self._most: dict[Kind, int] = {
            "vital": places,
            "booking": max(1, places - reserved),
            "browsing": max(1, min(places * 6 // 10, places - reserved)),
        }
        self._held: dict[Kind, int] = dict.fromkeys(_ORDER, 0)
        self._waiting: dict[Kind, deque[asyncio.Future[None]]] = {kind: deque() for kind in _ORDER}

    async def enter(self, kind: Kind, *, longest: float) -> None:
        """Take a place, waiting at most `longest` seconds, as long as the kind may. Raises `QueueFull`."""
        queue = self._waiting[kind]
        if not queue and self._free(kind):
            self._held[kind] += 1
            return
        if len(queue) >= _QUEUES[kind]:
            raise QueueFull
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            async with asyncio.timeout(min(longest, _PATIENCE[kind])):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.leave(kind)  # it came in the same moment
            elif turn in queue:
                queue.remove(turn)
            if isinstance(error, TimeoutError):
                raise QueueFull from None
            raise

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(map(len, self._waiting.values()))

    def leave(self, kind: Kind) -> None:
        """Give a place back, to whoever is next."""
        self._held[kind] -= 1
        for waiting in _ORDER:
            queue = self._waiting[waiting]
            while queue and self._free(waiting):
                turn = queue.popleft()
                if not turn.done():
                    self._held[waiting] += 1
                    turn.set_result(None)

    def _free(self, kind: Kind) -> bool:
        # Each kind stays within its share together with all that come after it: bookings cannot take what is
        # vital's, and browsing not what is theirs.
        return all(
            sum(self._held[other] for other in _ORDER[place:]) < self._most[_ORDER[place]]
            for place in range(_ORDER.index(kind) + 1)
        )
