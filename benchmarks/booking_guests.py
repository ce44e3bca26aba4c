"""Guests who book through a server's API while something else goes on, and how they fared."""

from __future__ import annotations

import os
import statistics
import sys
from array import array
from pathlib import Path
from subprocess import Popen

import msgspec

from hotel_booking.bench import draws
from hotel_booking.bench.catalogue import Catalogue
from hotel_booking.bench.generator import Job, Outcome
from hotel_booking.bench.servers import Server
from hotel_booking.ops.child_processes import start, stop_children

# As in production: whoever is refused there is refused here.
LIMITS = {
    "HOTEL_RATE_LIMIT_READS": "600",
    "HOTEL_RATE_LIMIT_WRITES": "120",
    "HOTEL_OPEN_HOLDS_PER_ADDRESS": "20",
    "HOTEL_OPEN_ROOMS_PER_ADDRESS": "40",
    "HOTEL_OPEN_HOLDS_PER_BROWSER": "6",
    "HOTEL_OPEN_HOLDS_PER_MAILBOX": "6",
}
_BOOKING = "reserve"
_PATIENCE = 2.0  # seconds that a guest waits for a quote and the hold of it


class Generator:
    """A generator of load at work in a process of its own."""

    def __init__(self, folder: Path, name: str, job: Job) -> None:
        self._name, self._seconds = name, job.seconds
        asked, self._answered = folder / f"{name}.job", folder / f"{name}.outcome"
        asked.write_bytes(msgspec.msgpack.encode(job))
        self._answered.unlink(missing_ok=True)
        self._log = folder / f"{name}.log"
        self._children: dict[str, Popen[bytes]] = {
            name: start(
                str(asked),
                str(self._answered),
                environ=os.environ,
                log=self._log,
                module="hotel_booking.bench.generator",
            )
        }

    def outcome(self) -> Outcome:
        """What came of it."""
        try:
            self._children[self._name].wait(self._seconds + 60)
        finally:
            stop_children(self._children)
        if not self._answered.exists():
            sys.exit(f"{self._name}: {self._log.read_text(errors='replace')[-500:]}")
        return msgspec.msgpack.decode(self._answered.read_bytes(), type=Outcome)


class Booked(msgspec.Struct, frozen=True):
    """How guests fared: bookings a second that came in time, how many came late, and seconds that the middle
    one and the 99th of a hundred took."""

    rate: float
    late: int
    middle: float
    slow: float
    refused: dict[int, int]


def booked(outcome: Outcome) -> Booked:
    """Bookings that were made, by a second of the time in which they were wanted."""
    taken = array("d")
    taken.frombytes(outcome.latencies.get(_BOOKING, b""))
    statuses = outcome.statuses.get(_BOOKING, {})
    waits = sorted(taken) or [0.0]
    late = sum(wait > _PATIENCE for wait in waits)
    return Booked(
        rate=max(0, statuses.get(201, 0) - late) / outcome.seconds,
        late=late,
        middle=statistics.median(waits),
        slow=waits[int(len(waits) * 0.99) - 1],
        refused={status: count for status, count in statuses.items() if status != 201},
    )


def guests(catalogue: Catalogue, seed: int, server: Server, seconds: float, rate: float | None) -> Job:
    """So many a second, each from an address of their own; without a rate, eight who never rest."""
    return Job(
        port=server.port,
        requests=draws.many(6_000, seed, lambda rng: draws.reserve(rng, catalogue)),
        connections=8 if rate is None else 64,
        seconds=seconds,
        rate=rate,
        warm=0.0 if rate is not None else 1.0,
        keep=10,
    )


def said(what: str, found: Booked) -> None:
    """Print it."""
    refused = f", {found.late} too late" if found.late else ""
    refused += f", refused {found.refused}" if found.refused else ""
    print(
        f"{what:<28} {found.rate:7.1f} bookings/s   p50 {1e3 * found.middle:6.0f} ms"
        f"   p99 {1e3 * found.slow:6.0f} ms{refused}",
        flush=True,
    )
