"""Web servers of the bench: each a process of its own on a free port, ended with the bench."""

from __future__ import annotations

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from hotel_booking.ops.child_processes import free_port, start, stop_children, wait_until_ready
from hotel_booking.ops.embedded import EmbeddedError

# High enough that nothing is refused, and so that every request still pays for being counted.
_LIMITS = {
    "HOTEL_RATE_LIMIT_READS": "10000000",
    "HOTEL_RATE_LIMIT_WRITES": "10000000",
    "HOTEL_OPEN_HOLDS_PER_ADDRESS": "1000000",
    "HOTEL_OPEN_ROOMS_PER_ADDRESS": "1000000",
    "HOTEL_OPEN_HOLDS_PER_BROWSER": "1000000",
    "HOTEL_OPEN_HOLDS_PER_MAILBOX": "1000000",
}


INDEX, INDEX_FOLDER = "HOTEL_SEARCH_INDEX", "HOTEL_SEARCH_INDEX_DIR"
_INDEX_SECONDS = 1_200.0
_AT_WORK = re.compile(r'hotel_booking_search_index_processes\{state="(?:following|reading)"\} (\S+)')


class Server(msgspec.Struct, frozen=True):
    """A running server: where it listens, and the process above its workers. `answers` says where searches
    are answered from: sql, index or snapshot."""

    port: int
    pid: int
    answers: str = ""


@contextmanager
def serving(
    which: str, database_url: str, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """`ours` or `bare` (see `applications`), on one process unless `settings` (variables) say otherwise.

    Raises `EmbeddedError` where it does not become ready; its log lies in `folder`.
    """
    port, metrics_port = free_port(), free_port()
    metrics = folder / f"metrics-{port}"
    metrics.mkdir()
    environ = {
        **_plain(os.environ),
        "DATABASE_URL": database_url,
        "HOTEL_ENVIRONMENT": "test",
        "HOTEL_PORT": str(port),
        "HOTEL_METRICS_PORT": str(metrics_port),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),  # before anything is imported that counts
        "HOTEL_PUBLIC_URL": f"http://localhost:{port}",
        "HOTEL_SECRET_KEY": "kept by nobody, for a bench that is gone in an hour",
        "HOTEL_GATEWAY": "sandbox",
        "HOTEL_TRUSTED_PROXIES": "127.0.0.1/32",  # each guest's address is its own
        "HOTEL_HOLD_MINUTES": "1440",
        "HOTEL_QUOTE_MINUTES": "1440",
        "HOTEL_MEDIA_DIR": str(folder / "media"),
        "HOTEL_SPOOL_DIR": str(folder / "spool"),
        "HOTEL_SEARCH_INDEX_DIR": str(folder / "search-index"),
        "HOTEL_LOG_LEVEL": "warning",
        INDEX_FOLDER: str(folder / f"index-{port}"),
        **_LIMITS,
        **(settings or {}),
    }
    name = f"{which}-{port}"
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        children[name] = start(
            which, environ=environ, log=folder / f"{name}.log", module="hotel_booking.bench.applications"
        )
        wait_until_ready("127.0.0.1", port, children, folder)
        pid = children[name].pid
        if which == "bare" or environ.get(INDEX) == "false":
            yield Server(port, pid, "" if which == "bare" else "sql")
        else:
            _wait_for_index(metrics_port, int(environ.get("HOTEL_WORKERS", "1")))
            yield Server(port, pid, "snapshot" if settings and INDEX_FOLDER in settings else "index")
    finally:
        stop_children(children)


def _wait_for_index(metrics_port: int, processes: int) -> None:
    """Until the index of every process is in step with the database. Raises `EmbeddedError` where one never
    is."""
    deadline = time.monotonic() + _INDEX_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while time.monotonic() < deadline:
        with opener.open(f"http://127.0.0.1:{metrics_port}/metrics", timeout=30) as answer:
            text = answer.read().decode()
        # One writes the index, the others read it.
        if sum(float(number) for number in _AT_WORK.findall(text)) == processes:
            return
        time.sleep(0.2)
    raise EmbeddedError("the search index was not loaded in time")


def _plain(environ: Mapping[str, str]) -> dict[str, str]:
    """Nothing of the caller's own settings: a figure is to be the same whoever takes it."""
    kept = {
        name: value for name, value in environ.items() if not name.startswith(("DB_", "DATABASE_", "REDIS_"))
    }
    return {
        name: value
        for name, value in kept.items()
        if not name.startswith("HOTEL_") or name == "HOTEL_POSTGRES_BIN"
    }
