"""What becomes of a release under trial, in the audit log: one line for each change of phase, share or failed
looks, as the Canary has it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from hotel_booking.ops import spool
from hotel_booking.ops.canary.state import Canary, Status
from hotel_booking.ops.operation import acts

_LONGEST = 300  # characters of what Flagger says of it


class Record:
    """`tell` has the audit log told of what waits on disk; it may take some seconds."""

    def __init__(
        self, environ: Mapping[str, str], clock: Callable[[], datetime], tell: Callable[[], object]
    ) -> None:
        self._environ, self._clock, self._tell = environ, clock, tell
        self._last: tuple[str, float, int] | None = None
        self._lock = threading.Lock()
        self._waits = threading.Event()
        threading.Thread(target=self._tell_on, daemon=True).start()

    def note(self, canary: Canary, told: str) -> None:
        """Note how it stands, where that is another than the last time. Raises `OSError` where the disk does
        not take it."""
        with self._lock:
            now = _standing(canary.status)
            if now == self._last:
                return
            spool.note(
                acts(self._environ),
                action="ops.canary",
                object_kind="canary",
                object_id=canary.metadata.name,
                now=self._clock(),
                detail={
                    "outcome": canary.status.phase,
                    **({"weight": round(canary.status.canary_weight)} if canary.status.canary_weight else {}),
                    "failed_checks": canary.status.failed_checks,
                    "told": "".join(letter for letter in told if letter.isprintable())[:_LONGEST],
                },
            )
            self._last = now
        self._waits.set()

    def _tell_on(self) -> None:
        """What comes while the log is being told goes with the next telling."""
        while True:
            self._waits.wait()
            self._waits.clear()
            self._tell()


def _standing(status: Status) -> tuple[str, float, int]:
    return status.phase, status.canary_weight, status.failed_checks
