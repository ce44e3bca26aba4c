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
import random
import statistics
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from benchmarks.booking_guests import LIMITS, Generator, booked, guests, said
from hotel_booking import migrations
from hotel_booking.bench import draws
from hotel_booking.bench.catalogue import Catalogue, catalogue_of, fill, slug
from hotel_booking.bench.generator import Job, Request
from hotel_booking.bench.requests import get
from hotel_booking.bench.servers import serving
from hotel_booking.core.clock import utc_now
from hotel_booking.ops.embedded import DURABLE, throwaway

_GOAL = 0.8
_HOTELS = 300
_HEADSTART = 3.0  # seconds that the attack lasts before bookings are counted


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


def measure(*, clients: int, seconds: float, rounds: int, workers: int) -> bool:
    """Print the figures; whether the goal is met from one address and from many."""
    catalogue = catalogue_of(_HOTELS, utc_now().date())
    shares: dict[str, list[float]] = {"one address": [], "an address each": []}
    with throwaway({**DURABLE, "max_connections": "200"}) as cluster, tempfile.TemporaryDirectory() as place:
        folder, url = Path(place), cluster.url("attacked")
        cluster.create_database("attacked")
        migrations.upgrade(url)
        fill(url, catalogue)
        with serving("ours", url, folder, {**LIMITS, "HOTEL_WORKERS": str(workers)}) as server:
            seed = 1
            alone = booked(
                Generator(folder, "guests", guests(catalogue, seed, server, seconds, None)).outcome()
            )
            said("eight at once", alone)
            rate = alone.rate / 2
            attack = draws.many(4_000, 7, lambda rng: dearest(rng, catalogue))
            for _ in range(rounds):
                for name, addresses in (("one address", 1), ("an address each", clients)):
                    seed += 2
                    before = booked(
                        Generator(folder, "guests", guests(catalogue, seed, server, seconds, rate)).outcome()
                    )
                    said("without an attack", before)
                    job = Job(
                        port=server.port,
                        requests=attack,
                        connections=clients,
                        seconds=seconds + 2 * _HEADSTART,
                        warm=0.0,
                        addresses=addresses,
                    )
                    attackers = Generator(folder, "attackers", job)
                    Generator(folder, "wait", guests(catalogue, seed, server, _HEADSTART, 1.0)).outcome()
                    during = booked(
                        Generator(
                            folder, "guests", guests(catalogue, seed + 1, server, seconds, rate)
                        ).outcome()
                    )
                    said(f"under attack, {name}", during)
                    found = attackers.outcome()
                    answers: Counter[int] = Counter()
                    for statuses in found.statuses.values():
                        answers.update(statuses)
                    told = ", ".join(f"{count} x {status}" for status, count in sorted(answers.items()))
                    print(f"{'':28} the attack got {told}", flush=True)
                    shares[name].append(during.rate / before.rate)
    met = True
    for name, each in shares.items():
        share = statistics.median(each)
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
