"""What telling of itself costs a request: CPU time with metrics, the access log and what a line is about,
beside the same with none of it, answered by the whole application in this process without a socket; some
requests so, some the other way, in turns.

    .venv/bin/python -m benchmarks.signals [--hotels 100] [--rounds 30]

Counts are kept in files, as `serve` keeps them for several processes. Prints microseconds of CPU a
request: without signals, what they cost, and as a share; the server adds some 60 to each. The last column is
what tracing every request costs besides, which nobody has who has not configured it.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any
from unittest import mock

_TOGETHER = 100  # requests that are measured together: short, so that both ways meet the same weather


class _Nothing:
    """Counts nothing, and is about nothing."""

    def __call__(self, *_: object, **__: object) -> None:
        return None

    def labels(self, *_: object) -> _Nothing:
        return self

    observe = inc = set = reset = __call__


@contextmanager
def quiet() -> Iterator[None]:
    """Everything of the signals taken out."""
    from hotel_booking.core import db, lru_cache
    from hotel_booking.domains.search import searching
    from hotel_booking.http import access_log, edge, metrics

    nothing = _Nothing()

    async def untimed(connection: Any, method: str, statement: str, args: tuple[Any, ...]) -> Any:
        return await getattr(connection, method)(statement, *args)

    def get(self: Any, key: Any) -> Any:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    with ExitStack() as stack:
        for module, name, instead in (
            (metrics, "began", nothing),
            (access_log, "tell", nothing),
            (edge, "ABOUT", nothing),
            (db, "timed", untimed),
            (searching, "MEASURED", deque(maxlen=0)),
            (lru_cache.LruCache, "get", get),
        ):
            stack.enter_context(mock.patch.object(module, name, instead))
        yield


async def whole(app: Any, asked: list[tuple[str, bytes]]) -> float:
    """CPU microseconds of a request, with what is counted after it."""
    from benchmarks.answers import cost
    from hotel_booking.http import access_log

    spent = await cost(app, asked)
    began = time.process_time()
    access_log.settle()
    return spent + (time.process_time() - began) / len(asked) * 1e6


async def main(url: str, folder: str, catalogue: Any, rounds: int) -> None:
    """Print the table."""
    from benchmarks.answers import cases
    from benchmarks.path import constant
    from hotel_booking.app import build
    from hotel_booking.core import tracing
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.config import Settings

    settings = Settings(
        database_url=url,
        environment="test",
        rate_limit_reads=10_000_000,
        rate_limit_writes=10_000_000,
        search_index_dir=folder,
        traces_url="http://127.0.0.1:1/v1/traces",
    )
    app = build(settings)
    app.register(constant)
    asked = {**cases(catalogue), "ready": [("/health/ready", b"")] * _TOGETHER}
    spent: dict[tuple[str, str], list[float]] = {}
    async with app.lifespan():
        while app.state.search_index.current(utc_now()) is None:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.05)
        for name, each in asked.items():
            some = each[:_TOGETHER]
            for turn in range(rounds + 2):
                for how in ("told", "quiet") if turn % 2 else ("quiet", "told"):
                    with quiet() if how == "quiet" else nullcontext():
                        spent.setdefault((name, how), []).append(await whole(app, some))
            tracing.configure(settings, "web")
            spent[name, "traced"] = [await whole(app, some) for _ in range(max(5, rounds // 4))]
            await asyncio.to_thread(tracing.end)
    print(f"{'':<12}{'quiet':>10}{'signals':>10}{'':>8}{'traced':>10}")
    for name in asked:
        # Of the rounds the quickest fifth: what others do on the machine only ever adds.
        without, told, traced = (
            statistics.quantiles(spent[name, how], n=5)[0] for how in ("quiet", "told", "traced")
        )
        more, traced = told - without, traced - told
        print(f"{name:<12}{without:7.0f} µs{more:7.1f} µs{more / (without + more):8.1%}{traced:7.0f} µs")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--hotels", type=int, default=100)
    options.add_argument("--rounds", type=int, default=30)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as counts, tempfile.TemporaryDirectory() as index:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts  # before anything is imported that counts
        from hotel_booking import migrations
        from hotel_booking.bench.catalogue import catalogue_of, fill
        from hotel_booking.core.clock import utc_now
        from hotel_booking.core.logging import configure
        from hotel_booking.ops.embedded import throwaway

        with open(os.devnull, "w") as nowhere:  # noqa: PTH123  # a device
            sys.stderr = nowhere
            configure("info")
            made = catalogue_of(given.hotels, utc_now().date(), each=100)
            with throwaway() as cluster:
                cluster.create_database("signals")
                address = cluster.url("signals")
                migrations.upgrade(address)
                fill(address, made)
                asyncio.run(main(address, f"{index}/search", made, given.rounds))
