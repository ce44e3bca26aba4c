"""The runbook's schedule, kept by one process: the database every 4 hours, the state daily, the configuration
within 60 seconds of a change. When each was last made the store says, so a restart makes none twice and
misses none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from hotel_booking.ops.refusals import Interrupted, Refused

LOOK = 20.0  # seconds between two looks: what is changed is kept within 60
_AGAIN = timedelta(minutes=15)  # after one that failed
EVERY = {"database": timedelta(hours=4), "state": timedelta(days=1), "configuration": timedelta(0)}


class Schedule:
    """`newest` says when the last whole one of each kind was begun; it is asked at the beginning and when one
    would be due. `make` makes one; of the configuration, which is due at each look, where it has changed."""

    def __init__(
        self,
        newest: Mapping[str, Callable[[], datetime | None]],
        make: Callable[[str], None],
        *,
        clock: Callable[[], datetime],
        say: Callable[[str], None],
    ) -> None:
        self._newest, self._make, self._clock, self._say = newest, make, clock, say
        self._not_before: dict[str, datetime] = {}

    def look(self) -> None:
        """Make what is due. What is refused is said, and tried again: the configuration at the next look,
        the others a quarter of an hour later."""
        for of, newest in self._newest.items():
            now = self._clock()
            if now < self._not_before.get(of, now):
                continue
            try:
                at = newest() if EVERY[of] else None
                if at is None or now >= at + EVERY[of]:
                    self._make(of)
                    at = now
                self._not_before[of] = at + EVERY[of]
            except Interrupted:
                raise
            except Refused as refusal:
                self._say(f"{of}: {refusal.detail}")
                if EVERY[of]:
                    self._not_before[of] = now + _AGAIN
