"""A breaker for a third party: what fails again and again is left alone for a while, so that nobody waits
for it. After the pause one caller tries (half-open); if that goes well everybody may again, else the pause
doubles.

Every process has its own. The metrics tell each state: `hotel_booking_breaker_state` is 0 closed (all is
well), 1 half-open, 2 open.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal
from weakref import WeakKeyDictionary

from hotel_booking.core.metrics import BREAKER_OPENINGS, BREAKER_STATE

State = Literal["closed", "half-open", "open"]

_FAILURES = 5  # in a row
_PAUSE = 30.0
_LONGEST_PAUSE = 300.0
_NUMBER: dict[State, int] = {"closed": 0, "half-open": 1, "open": 2}
log = logging.getLogger(__name__)


class BreakerOpen(Exception):
    """The party is left alone right now, for `seconds` more. It was not asked."""

    def __init__(self, party: str, seconds: float) -> None:
        super().__init__(f"{party} has failed again and again and is left alone for a while")
        self.party = party
        self.seconds = seconds


class Breaker:
    """The breaker of one third party. `failures` in a row open it for `pause` seconds."""

    def __init__(
        self,
        party: str,
        *,
        failures: int = _FAILURES,
        pause: float = _PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.party = party
        self._most, self._first_pause = failures, pause
        self._clock = clock
        self._failed = 0
        self._pause = pause
        self._open_until = 0.0
        self._probing = False
        self.state: State = "closed"
        self._show("closed")
        BREAKER_OPENINGS.labels(party)

    def wait(self) -> float:
        """For how many seconds nobody should ask; 0 where somebody may."""
        if self.state == "closed":
            return 0.0
        return max(self._open_until - self._clock(), 1.0 if self._probing else 0.0)

    @contextmanager
    def asking(self, *failures: type[BaseException]) -> Iterator[None]:
        """Ask the party inside. What is raised of `failures` says that it does not answer; anything else is
        an answer. Raises `BreakerOpen` without asking where it is left alone."""
        seconds = self.wait()
        if seconds > 0:
            raise BreakerOpen(self.party, seconds)
        probe = self.state != "closed"
        if probe:
            self._probing = True
            self._show("half-open")
        try:
            yield
        except failures:
            self.failed()
            raise
        except Exception:
            self.answered()
            raise
        except BaseException:  # given up by the caller: nobody knows
            if probe:
                self._probing = False
            raise
        else:
            self.answered()

    def answered(self) -> None:
        """The party has answered, whatever it said."""
        if self.state != "closed":
            log.warning("a third party answers again", extra={"party": self.party})
        self._failed, self._pause, self._probing = 0, self._first_pause, False
        self._show("closed")

    def failed(self) -> None:
        """The party has not answered."""
        self._failed += 1
        if self._probing:
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        elif self.state != "closed" or self._failed < self._most:
            return  # asked before it was opened, or not often enough in a row
        self._probing = False
        self._open_until = self._clock() + self._pause
        self._show("open")
        BREAKER_OPENINGS.labels(self.party).inc()
        log.error("a third party is left alone", extra={"party": self.party, "seconds": self._pause})

    def _show(self, state: State) -> None:
        self.state = state
        BREAKER_STATE.labels(self.party).set(_NUMBER[state])


# One for each adapter there is, for as long as it is there.
_BREAKERS: WeakKeyDictionary[object, Breaker] = WeakKeyDictionary()


def breaker_of(adapter: object, party: str) -> Breaker:
    """The breaker of what an adapter speaks to; made at the first asking."""
    found = _BREAKERS.get(adapter)
    if found is None:
        found = _BREAKERS[adapter] = Breaker(party)
    return found
