"""What the way of every request costs: CPU time of a constant answer of the whole application against a bare
Litestar application's, called in process without a server, alternating, medians.

    .venv/bin/python -m benchmarks.path [rounds]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
import warnings
from typing import Any

import msgspec
from litestar import Litestar, get
from litestar.exceptions import LitestarDeprecationWarning
from litestar.types import HTTPRequestEvent

from hotel_booking.app import build
from hotel_booking.core.config import Settings
from hotel_booking.core.logging import configure
from hotel_booking.http.access import public
from hotel_booking.ops.embedded import throwaway

_CALLS = 3_000


class Row(msgspec.Struct, frozen=True):
    """A part of the answer."""

    slug: str
    name: str
    total: int
    nights: tuple[int, ...]


class Fixed(msgspec.Struct, frozen=True):
    """The answer: 1.3 KB of JSON."""

    rows: tuple[Row, ...]


FIXED = Fixed(
    tuple(Row(f"hotel-number-{n}", "The Constant Hotel", 12_900 + n, (100, 200, 300)) for n in range(14))
)


@get("/api/v1/constant", opt=public())
async def constant() -> Fixed:
    """Always the same."""
    return FIXED


@get("/constant")
async def bare_constant() -> Fixed:
    """Always the same."""
    return FIXED


HEADERS = [
    (b"host", b"localhost:8000"),
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    (b"accept", b"application/json"),
    (b"accept-language", b"en"),
]


def scope_of(path: str, headers: list[tuple[bytes, bytes]], number: int, query: bytes = b"") -> Any:
    """A GET as the server hands it over."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": (f"203.0.113.{number % 250}", 40_000),
        "scheme": "http",
        "method": "GET",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": list(headers),
        "state": {},
    }


async def receive() -> HTTPRequestEvent:
    """No body."""
    return {"type": "http.request", "body": b"", "more_body": False}


async def cost(app: Any, path: str, headers: list[tuple[bytes, bytes]] = HEADERS) -> float:
    """CPU microseconds of a request."""
    size = 0

    async def send(message: Any) -> None:
        nonlocal size
        size += len(message.get("body", b""))

    began = time.process_time()
    for number in range(_CALLS):
        await app(scope_of(path, headers, number), receive, send)
    return (time.process_time() - began) / _CALLS * 1e6


async def main(database_url: str, rounds: int) -> None:
    """Print the table."""
    settings = Settings(
        database_url=database_url,
        environment="test",
        rate_limit_reads=10_000_000,
        rate_limit_writes=10_000_000,
    )
    ours = build(settings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        ours.register(constant)
    bare = Litestar([bare_constant], openapi_config=None, logging_config=None)
    browser = [*HEADERS, (b"accept-encoding", b"gzip, deflate, br")]
    cases = {
        "bare": (bare, "/constant", HEADERS),
        "ours": (ours, "/api/v1/constant", HEADERS),
        "ours, gzip": (ours, "/api/v1/constant", browser),
        "ours, no such address": (ours, "/wp-admin/setup.php", HEADERS),
    }
    async with ours.lifespan():
        spent: dict[str, list[float]] = {name: [] for name in cases}
        for _ in range(rounds):
            for name, (app, path, headers) in cases.items():
                spent[name].append(await cost(app, path, headers))
    floor = statistics.median(spent["bare"])
    for name, each in spent.items():
        middle = statistics.median(each)
        print(f"{name:<24}{middle:8.1f} µs  (from {min(each):.1f})  {floor / middle:6.2f}")


if __name__ == "__main__":
    configure("warning")
    with throwaway() as cluster:
        cluster.create_database("constant")  # empty: nobody asks it anything
        asyncio.run(main(cluster.url("constant"), int(sys.argv[1]) if len(sys.argv) > 1 else 5))
