"""What guests meet while something is done to a release, and the table of it all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from tests.cluster import stores, traffic
from tests.cluster.cluster import Cluster
from tests.cluster.load import Guest
from tests.cluster.platform import NAMESPACE
from tests.release.people import SignedIn


@dataclass
class Row:
    """A scenario. `failed` are requests that were not answered well, `excused` those of them that releases
    under trial answered, which are there to fail."""

    scenario: str
    requests: int = 0
    failed: int = 0
    excused: int = 0
    booked: int = 0
    lost: int = 0
    doubled: int = 0
    seconds: float = 0.0
    answered: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


HEADINGS = ("scenario", "requests", "failed", "of which tried", "booked", "lost", "doubled", "seconds")


class Tally:
    """The scenarios of a session."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._people = SignedIn(cluster)
        self.rows: list[Row] = []

    @contextmanager
    def guests(self, scenario: str, *, tried: str = "") -> Iterator[Row]:
        """Guests search, hold, pay and confirm for as long as the block lasts. Then: of what `tried` (a tag
        that misbehaves) did not answer nothing failed, no booking is lost or doubled, nothing is sold twice,
        a room that was held before can be paid after, who was signed in is so still, and the invariants hold.
        The row is filled in then."""
        row = Row(scenario)
        began = time.monotonic()
        held = self._held()
        self.rows.append(row)
        with traffic.guests(self._cluster) as outcome:
            yield row
        row.seconds = time.monotonic() - began
        self._guest().pay(held)
        self._people.still()
        row.requests, row.booked = sum(outcome.answers.values()), len(outcome.booked)
        row.answered, row.failures = outcome.answered, outcome.failures
        row.failed, row.excused = sum(outcome.failed.values()), outcome.failed.get(tried, 0) if tried else 0
        row.lost = len(traffic.missing(self._cluster, [*outcome.booked, held["reference"]]))
        row.doubled = self._doubled()
        assert row.failed - row.excused == 0, _but_for(tried, row.failures)
        assert row.booked > 0
        assert (row.lost, row.doubled) == (0, 0)
        assert traffic.oversold(self._cluster) == 0
        self._invariants()

    def _held(self) -> dict[str, Any]:
        """A room that somebody holds: of the hotels some sell nothing that is paid at the hotel."""
        guest = self._guest()
        for _ in range(20):
            if (held := guest.hold()) is not None:
                return held
        raise AssertionError("there is no room to hold")

    def _guest(self) -> Guest:
        guest = Guest(f"127.0.0.1:{self._cluster.world.ports['https']}", seed=len(self.rows))
        guest.sender = f"12.0.0.{1 + len(self.rows) % 250}"
        return guest

    def _doubled(self) -> int:
        """Guests of ours, who each book once, that have two bookings."""
        with psycopg.connect(stores.administrator(self._cluster.world)) as connection:
            row = connection.execute(
                "SELECT count(*) FROM (SELECT guest_id FROM booking JOIN guest ON guest.id = guest_id"
                " WHERE guest.email LIKE '%@example.com' AND booking.status = 'confirmed'"
                " AND length(guest.email) = 24 GROUP BY guest_id HAVING count(*) > 1) AS twice"
            ).fetchone()
        return 0 if row is None else int(row[0])

    def _invariants(self) -> None:
        asked = ["exec", "-n", NAMESPACE, "service/hotel-booking-active", "--"]
        self._cluster.kubectl(*asked, "hotel-booking", "invariants", "check")

    def table(self) -> str:
        """As it stands in a report."""
        lines: list[tuple[object, ...]] = [HEADINGS, ("---", *["---:"] * (len(HEADINGS) - 1))]
        for one in self.rows:
            counts = (one.requests, one.failed, one.excused, one.booked, one.lost, one.doubled)
            lines.append((one.scenario, *counts, f"{one.seconds:.0f}"))
        return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _but_for(tried: str, failures: list[str]) -> list[str]:
    return [one for one in failures if not tried or f" of {tried} " not in one][:10]
