"""Guests who book while something is done to the platform, and what became of them."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from tests.cluster import stores
from tests.cluster.cluster import GATEWAY, Cluster

GUESTS = 4
_BEFORE, _AFTER = 2.0, 3.0  # seconds of guests before and after what is done


@dataclass
class Outcome:
    """What the guests met."""

    answers: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    booked: list[str] = field(default_factory=list)
    slowest: float = 0.0
    answered: dict[str, int] = field(default_factory=dict)  # by release (load.py)
    failed: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        total, booked = sum(self.answers.values()), len(self.booked)
        failed = len(self.failures)
        return f"{total} requests, {booked} booked, {failed} failed, slowest {self.slowest:.1f} s"


@contextmanager
def guests(cluster: Cluster) -> Iterator[Outcome]:
    """They book through the gateway for as long as the block lasts; the outcome is filled in at its end."""
    outcome = Outcome()
    file = cluster.folder / f"guests-{time.monotonic_ns()}.json"
    process = cluster.world.spawn(
        [sys.executable, "-m", "tests.cluster.load", f"{GATEWAY}:443", str(GUESTS), str(file)]
    )
    try:
        time.sleep(_BEFORE)
        yield outcome
        time.sleep(_AFTER)
    finally:
        # The command runs below nsenter, which hands no signals on.
        cluster.world.run(["pkill", "-TERM", "-f", str(file)], check=False)
        process.wait(60)
    vars(outcome).update(json.loads(file.read_text()))


def missing(cluster: Cluster, references: list[str]) -> list[str]:
    """Bookings that guests were told are confirmed, and that the database does not have so."""
    with psycopg.connect(stores.administrator(cluster.world)) as connection:
        rows = connection.execute(
            "SELECT reference FROM booking WHERE status = 'confirmed' AND reference = ANY(%s)", (references,)
        ).fetchall()
    return sorted(set(references) - {str(row[0]) for row in rows})


def oversold(cluster: Cluster) -> int:
    """Nights on which more rooms are taken than there are."""
    with psycopg.connect(stores.administrator(cluster.world)) as connection:
        row = connection.execute(
            "SELECT count(*) FROM room_night WHERE taken > capacity + overbooking_limit"
        ).fetchone()
    return 0 if row is None else int(row[0])
