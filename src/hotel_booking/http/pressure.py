"""When a process has more to do than it can, reads of unknown senders take turns, so that bookings go on.

Allowances (`http/limits.py`) bound what one address may ask; a thousand addresses together may ask for more
than a process can answer, most of it without a connection to the database, so that the shares of those
(`core/shares.py`) bound nothing. What tells that there is too much to do is the event loop itself: what was
due does not run. From then on a read of an unknown sender is given a time at which it may begin, by the work
that reads of its route have been; where that is too far away it is refused. As long as nobody else wants
anything they have all of the process's time; else how much they get follows from whether the loop is still
late (docs/decisions/0088-dear-reads-take-turns.md).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from hotel_booking.http.problems import Overloaded

# Seconds.
_TICK = 0.05
_LATE = 0.05  # that the loop may be behind before there is too much to do
_CALM = 2.0  # without lateness and without refusals until there is not any more
_OTHERS = 2.0  # after the last request of somebody who takes no turns, that more of them are expected
_PATIENCE = 2.0  # the longest wait for a turn
_HELD = 5.0  # that a refusal is held back, more or less: who asks again at once costs little so
_UNKNOWN = 0.02  # the work of a route's read before anything is known; its first loads more than the next
_LONGEST = 0.2  # what counts of one read

_MOST_HELD = 1_000
_LEAST_SHARE = 0.1  # of the process's time
# Those who are refused together come back one by one: each is held by a part more of the golden ratio.
_SPREAD, _GOLDEN = 0.4, 0.618034
_NEWEST = 0.1  # the weight of the newest read in what its route takes


class Pressure:
    """What one process knows about how much there is to do. `clock` gives seconds, `worked` those that this
    thread has had a processor: where others have it, a read lasts long and is no more work than before. As
    long as nobody watches, as where there are no limits, there is never too much."""

    def __init__(
        self,
        clock: Callable[[], float] = time.perf_counter,
        worked: Callable[[], float] = time.thread_time,
    ) -> None:
        self._clock = clock
        self._worked = worked
        self._due: float | None = None
        self._busy_until = 0.0
        self._next = 0.0
        self._share = 1.0
        self._others_until = 0.0
        self._taken: dict[str, float] = {}
        self._reading = 0
        # The work that was done, each stretch of it divided by how many were reading: while one reads, others
        # work too, and what all of them took together is what was worked.
        self._each, self._counted = 0.0, worked()
        self._held = 0
        self._spread = 0.0

    async def watch(self) -> None:
        """Look whether the loop is late, for as long as the process serves."""
        while True:
            self.expect()
            await asyncio.sleep(_TICK)
            self.look()

    def expect(self) -> None:
        """The loop is to be back in a tick."""
        self._due = self._clock() + _TICK

    def look(self) -> None:
        """The tick is over: more of the time for reads where the loop kept it or nobody else wants any of it,
        less where it did not."""
        if self._late() and self._clock() < self._others_until:
            self._share = max(_LEAST_SHARE, self._share * 0.9)
        else:
            self._share = min(1.0, self._share + 0.01)

    def note_others(self) -> None:
        """Somebody who takes no turns wants something: who books, pays, works in the panel or has a key."""
        self._others_until = self._clock() + _OTHERS

    @property
    def busy(self) -> bool:
        """Whether there is too much to do, now or a moment ago."""
        return self._late() or self._clock() < self._busy_until

    def _late(self) -> bool:
        # Asked by requests too: the watch itself does not run while a hundred of them do.
        now = self._clock()
        if self._due is None or now - self._due <= _LATE:
            return False
        self._busy_until = now + _CALM
        return True

    async def begin(self, route: str) -> float:
        """Wait until a read of this route may begin; what `end` asks for. Raises `Overloaded`."""
        if self.busy:
            now = self._clock()
            begins = max(now, self._next)
            if begins - now > _PATIENCE:
                self._busy_until = now + _CALM
                await self.hold()
                raise Overloaded(
                    "too many are looking for hotels at this moment", fix="try again in a few seconds"
                )
            self._next = begins + self._taken.get(route, _UNKNOWN) / self._share
            if begins > now:
                await asyncio.sleep(begins - now)
        began = self._work()
        self._reading += 1
        return began

    def end(self, route: str, began: float) -> None:
        """Note how much work the read was."""
        took = min(self._work() - began, _LONGEST)
        self._reading -= 1
        known = self._taken.get(route, _UNKNOWN)
        self._taken[route] = known + (took - known) * _NEWEST

    def _work(self) -> float:
        """How much work somebody has had who was reading from the beginning."""
        now = self._worked()
        self._each += (now - self._counted) / max(1, self._reading)
        self._counted = now
        return self._each

    async def hold(self) -> None:
        """Keep somebody who is refused waiting while there is too much to do; a bounded number of them."""
        if not self.busy or self._held >= _MOST_HELD:
            return
        self._held += 1
        self._spread = (self._spread + _GOLDEN) % 1
        try:
            await asyncio.sleep(_HELD * (1 - _SPREAD + 2 * _SPREAD * self._spread))
        finally:
            self._held -= 1
