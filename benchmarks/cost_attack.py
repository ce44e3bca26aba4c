"""What is left for guests who book while anonymous clients ask for what is dearest: hotel pages, calendars,
searches of the whole world, offers with every price explained.

    .venv/bin/python -m benchmarks.cost_attack [--clients 500] [--seconds 15] [--rounds 2] [--workers 2]

A server of its own with the limits of production. First it is found out how many bookings a second it makes
for eight guests at once; then guests come at half that rate, each from an address of their own, without
and with the attack: all clients from one address of the loopback, and each from one of its own. Each client
sends its next request when it has the last answer. Attack and guests share the machine's cores with the
server. A booking counts that is made within two seconds. The goal is four fifths of the rate of bookings
without the attack; the exit status is 1 where it is missed.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
from array import array
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from subprocess import Popen

import msgspec

from hotel_booking import migrations
from hotel_booking.bench import draws
from hotel_booking.bench.catalogue import Catalogue, catalogue_of, fill, slug
from hotel_booking.bench.generator import Job, Outcome, Request
from hotel_booking.bench.requests import get
from hotel_booking.bench.servers import Server, serving
from hotel_booking.core.clock import utc_now
from hotel_booking.ops.children import start, stop_children
from hotel_booking.ops.embedded import DURABLE, throwaway

_GOAL = 0.8
_HOTELS = 300
_BOOKING = "reserve"
_PATIENCE = 2.0  # seconds that a guest waits for a quote and the hold of it
_HEADSTART = 3.0  # seconds that the attack lasts before bookings are counted
# As in production: whoever is refused there is refused here.
_LIMITS = {
    "HOTEL_RATE_LIMIT_READS": "600",
    "HOTEL_RATE_LIMIT_WRITES": "120",
    "HOTEL_OPEN_HOLDS_PER_ADDRESS": "20",
    "HOTEL_OPEN_ROOMS_PER_ADDRESS": "40",
    "HOTEL_OPEN_HOLDS_PER_BROWSER": "6",
    "HOTEL_OPEN_HOLDS_PER_MAILBOX": "6",
}


def dearest(rng: random.Random, catalogue: Catalogue) -> Request:
    """One of the dearest requests that anybody may make."""
    hotel = slug(rng.randint(1, catalogue.properties))
    first = catalogue.first + timedelta(days=rng.randint(2, 20))
    match rng.randrange(4):
        case 0:
            return draws.hotel_page(rng, catalogue)
        case 1:
            query = {"from": first, "to": first + timedelta(days=364), "adults": rng.randint(1, 3)}
            return get("calendar", f"/api/v1/properties/{hotel}/calendar", query)
        case 2:
            world = {"bbox": "-89,-179.9,89,179.9", "sort": "price", "limit": 50, "currency": "EUR"}
            return get("search", "/api/v1/search", {**world, **draws.stay(rng, catalogue.first, longest=28)})
        case _:
            query = {**draws.stay(rng, catalogue.first, longest=28), "adults": 2, "explain": "true"}
            return get("explain", f"/api/v1/properties/{hotel}/offers", query)


class _Generator:
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


def _guests(catalogue: Catalogue, seed: int, server: Server, seconds: float, rate: float | None) -> Job:
    return Job(
        port=server.port,
        requests=draws.many(6_000, seed, lambda rng: draws.reserve(rng, catalogue)),
        connections=8 if rate is None else 64,
        seconds=seconds,
        rate=rate,
        warm=0.0 if rate is not None else 1.0,
        keep=10,
    )


def _said(what: str, found: Booked) -> None:
    refused = f", {found.late} too late" if found.late else ""
    refused += f", refused {found.refused}" if found.refused else ""
    print(
        f"{what:<28} {found.rate:7.1f} bookings/s   p50 {1e3 * found.middle:6.0f} ms"
        f"   p99 {1e3 * found.slow:6.0f} ms{refused}",
        flush=True,
    )


def measure(*, clients: int, seconds: float, rounds: int, workers: int) -> bool:
    """Print the figures; whether the goal is met from one address and from many."""
    catalogue = catalogue_of(_HOTELS, utc_now().date())
    shares: dict[str, list[float]] = {"one address": [], "an address each": []}
    with throwaway({**DURABLE, "max_connections": "200"}) as cluster, tempfile.TemporaryDirectory() as place:
        folder, url = Path(place), cluster.url("attacked")
        cluster.create_database("attacked")
        migrations.upgrade(url)
        fill(url, catalogue)
        with serving("ours", url, folder, {**_LIMITS, "HOTEL_WORKERS": str(workers)}) as server:
            seed = 1
            alone = booked(
                _Generator(folder, "guests", _guests(catalogue, seed, server, seconds, None)).outcome()
            )
            _said("eight at once", alone)
            rate = alone.rate / 2
            attack = draws.many(4_000, 7, lambda rng: dearest(rng, catalogue))
            for _ in range(rounds):
                for name, addresses in (("one address", 1), ("an address each", clients)):
                    seed += 2
                    before = booked(
                        _Generator(
                            folder, "guests", _guests(catalogue, seed, server, seconds, rate)
                        ).outcome()
                    )
                    _said("without an attack", before)
                    job = Job(
                        port=server.port,
                        requests=attack,
                        connections=clients,
                        seconds=seconds + 2 * _HEADSTART,
                        warm=0.0,
                        addresses=addresses,
                    )
                    attackers = _Generator(folder, "attackers", job)
                    _Generator(folder, "wait", _guests(catalogue, seed, server, _HEADSTART, 1.0)).outcome()
                    during = booked(
                        _Generator(
                            folder, "guests", _guests(catalogue, seed + 1, server, seconds, rate)
                        ).outcome()
                    )
                    _said(f"under attack, {name}", during)
                    found = attackers.outcome()
                    answers: Counter[int] = Counter()
                    for statuses in found.statuses.values():
                        answers.update(statuses)
                    told = ", ".join(f"{count} x {status}" for status, count in sorted(answers.items()))
                    print(f"{'':28} the attack got {told}", flush=True)
                    shares[name].append(during.rate / before.rate)
    met = True
    for name, found in shares.items():
        share = statistics.median(found)
        met &= share >= _GOAL
        print(
            f"{clients} clients, {name}: {100 * share:.0f} % of bookings are left (goal {100 * _GOAL:.0f} %)"
        )
    return met


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--clients", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    met = False
    with suppress(KeyboardInterrupt):
        met = measure(
            clients=asked.clients, seconds=asked.seconds, rounds=asked.rounds, workers=asked.workers
        )
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
