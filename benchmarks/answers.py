"""What readings of the search index cost: CPU time of searches, offers, calendars and the site's two pages of
them made anew, drawn as the bench draws them, answered by the whole application in this process without a
socket, beside a constant answer.

    .venv/bin/python -m benchmarks.answers [--hotels 300] [--rounds 5] [--profile search]

Prints for each kind the median of the rounds in microseconds of CPU a request, and the constant's cost
divided by it. `--profile` prints where the time of one kind goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import pstats
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence

from litestar.exceptions import LitestarDeprecationWarning
from litestar.types import Message

from benchmarks.path import HEADERS, constant, receive, scope_of
from hotel_booking import migrations
from hotel_booking.app import Application, build
from hotel_booking.bench import draws
from hotel_booking.bench.catalogue import Catalogue, catalogue_of, fill
from hotel_booking.bench.generator import Request
from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import Settings
from hotel_booking.core.logging import configure
from hotel_booking.core.lru_cache import LruCache
from hotel_booking.ops.embedded import throwaway
from hotel_booking.web.kept_pages import MOST_KEPT, KeptPages
from hotel_booking.web.property.content import MOST_KEPT as MOST_CONTENTS
from hotel_booking.web.property.content import Contents

_CALLS = 400
FIRST = "hotel, first"  # nobody asked for the hotels before: what their pages say anyway is read and composed


def _addresses(draw: Callable[[random.Random], Request]) -> list[tuple[str, bytes]]:
    """Paths and queries of requests as the bench sends them."""
    found = []
    for request in draws.many(_CALLS, 1, draw):
        path, _, query = request.first.split(b" ", 2)[1].decode().partition("?")
        found.append((path, query.encode()))
    return found


def cases(catalogue: Catalogue) -> dict[str, list[tuple[str, bytes]]]:
    """What is asked, by kind."""
    return {
        "constant": [("/api/v1/constant", b"")] * _CALLS,
        "search": _addresses(lambda rng: draws.search(rng, catalogue, catalogue.towns)),
        "offers": _addresses(lambda rng: draws.offers(rng, catalogue)),
        "calendar": _addresses(lambda rng: draws.calendar(rng, catalogue)),
        "results page": _addresses(lambda rng: draws.results_page(rng, catalogue)),
        "hotel page": (hotels := _addresses(lambda rng: draws.hotel_page(rng, catalogue))),
        FIRST: hotels,
        "results, again": _addresses(lambda rng: draws.again(draws.results_page)(rng, catalogue)),
        "hotel, again": _addresses(lambda rng: draws.again(draws.hotel_page)(rng, catalogue)),
    }


async def cost(app: Application, asked: Sequence[tuple[str, bytes]]) -> float:
    """CPU microseconds of a request."""
    statuses = set()

    async def send(message: Message) -> None:
        statuses.add(message.get("status", 200))

    began = time.process_time()
    for number, (path, query) in enumerate(asked):
        await app(scope_of(path, HEADERS, number, query), receive, send)
    spent = (time.process_time() - began) / len(asked) * 1e6
    if statuses != {200}:
        raise RuntimeError(f"answers were {statuses}")
    return spent


def forget(app: Application, name: str) -> None:
    """No page is kept, so that every page is made, but where they are asked for again; for the first one of
    a hotel, its texts neither."""
    if name.endswith("again"):
        return
    kept: KeptPages = LruCache("pages", MOST_KEPT)
    app.state.kept_pages = kept
    if name == FIRST:
        contents: Contents = LruCache("hotel_pages", MOST_CONTENTS)
        app.state.property_contents = contents


async def main(url: str, folder: str, catalogue: Catalogue, rounds: int, profiled: str | None) -> None:
    """Print the table."""
    app = build(
        Settings(
            database_url=url,
            environment="test",
            rate_limit_reads=10_000_000,
            rate_limit_writes=10_000_000,
            search_index_dir=folder,
        )
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        app.register(constant)
    asked = cases(catalogue)
    async with app.lifespan():
        while app.state.search_index.current(utc_now()) is None:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.05)
        for each in asked.values():
            await cost(app, each)
        if profiled:
            forget(app, profiled)
            if profiled.endswith("again"):
                await cost(app, asked[profiled])
            profile = cProfile.Profile()
            profile.enable()
            await cost(app, asked[profiled])
            profile.disable()
            pstats.Stats(profile).sort_stats("cumulative").print_stats(110)
        spent: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(rounds):
            for name, each in asked.items():
                forget(app, name)
                if name.endswith("again"):
                    await cost(app, each)
                spent[name].append(await cost(app, each))
    floor = statistics.median(spent["constant"])
    for name, rounds_of in spent.items():
        middle = statistics.median(rounds_of)
        print(f"{name:<14}{middle:8.1f} µs  (from {min(rounds_of):.1f})  {floor / middle:6.3f}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hotels", type=int, default=300)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--profile", default=None)
    given = options.parse_args()
    configure("warning")
    made = catalogue_of(given.hotels, utc_now().date(), each=100)
    with throwaway() as cluster, tempfile.TemporaryDirectory() as index:
        cluster.create_database("answers")
        address = cluster.url("answers")
        migrations.upgrade(address)
        fill(address, made)
        asyncio.run(main(address, f"{index}/search", made, given.rounds, given.profile))
