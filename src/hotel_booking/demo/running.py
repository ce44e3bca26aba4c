"""The whole platform on one port: an embedded database with demo data, the web server and the worker."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from types import FrameType

from rich.progress import Progress

from hotel_booking import migrations
from hotel_booking.core.environment import read_settings
from hotel_booking.core.whole_files import replace_file
from hotel_booking.demo.console import bars, console, step, welcome
from hotel_booking.ops import monitoring
from hotel_booking.ops.child_processes import (
    check_port,
    free_port,
    start,
    stop_children,
    wait_until_ready,
    watch,
)
from hotel_booking.ops.embedded import Cluster, EmbeddedError

_LOADING = "hotel_loading"  # renamed when complete, so a killed first start is simply begun again
_LEFTOVER_SECONDS = 20  # as long as we give our children to stop
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LARGE_PROPERTIES, _LARGE_BOOKINGS = 200, 2_000_000


class Stopped(KeyboardInterrupt):
    """Somebody asked the demo to stop. Not an `Exception`: event loops and libraries swallow those."""


def run(
    folder: Path, *, database: str, host: str, port: int, seed: int, large: bool, monitored: bool
) -> None:
    """Start everything on the data in `folder` (a first start makes it: `large` or not, by the `seed`), with
    Prometheus and what belongs to it where it shall be `monitored`, say what to open, and stop all of it when
    told to. Raises what its parts do, such as a port that is taken."""
    cluster = Cluster(folder)
    # Children of a demo that was killed are told to stop and may need a moment to let go of the port.
    check_port(host, port, patience=_LEFTOVER_SECONDS if cluster.abandoned() else 0)
    for number in _STOP_SIGNALS:
        signal.signal(number, _stop)
    began = time.monotonic()
    children: dict[str, subprocess.Popen[bytes]] = {}
    beside: dict[str, subprocess.Popen[bytes]] = {}
    looks: monitoring.Monitoring | None = None
    try:
        first = not cluster.exists()
        with bars() as progress:
            with step(progress, "Starting PostgreSQL"):
                cluster.start(serves=f"http://localhost:{port}")
            url = cluster.url(database)
            environ = _environ(url, host, port, cluster.home)
            if monitored:
                looks = monitoring_for(environ, cluster.home)
                environ |= looks.environ()
            _prepare(cluster, database, folder, seed, large, progress)
            scraped = free_port(), free_port()
            start_one = _starting(environ, scraped, cluster.home)
            if looks:
                beside.update(_named(monitoring.redis(looks)))
            with step(progress, "Starting the web server, the worker and the prober"):
                children["serve"] = start_one("serve")
                wait_until_ready(host, port, children, cluster.home)
                # Now, not beside it: loading both at once, each would be ready later.
                children["worker"] = start_one("worker")
                children["status"] = start_one("status", "probe")
            if looks:
                with step(progress, "Starting Prometheus and the exporters"):
                    watched = monitoring.Targets(
                        public_url=f"http://localhost:{port}", scraped=scraped, database_url=url
                    )
                    # One by one as they are started: should one fail, those before it are known.
                    beside.update(_named(monitoring.start(looks, watched)))
        welcome(port, scraped, folder, time.monotonic() - began, first=first, looks=looks)
        watch(children, cluster.home, beside=beside, say=console.print, below=lambda: _keep_running(cluster))
    except Stopped:
        _stop_only_once()
        console.print("\nStopping ...", end=" ")
    finally:
        _stop_only_once()
        stop_children(children | beside)
        cluster.stop()
    console.print("stopped. The data is kept; start again with the same command.")


def _named(
    started: Iterable[tuple[str, subprocess.Popen[bytes]]],
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """By where their logs lie: who is missed later is found by that."""
    return ((f"monitoring/{name}", child) for name, child in started)


def _keep_running(cluster: Cluster) -> None:
    """The database, without which all the others only wait."""
    if cluster.revive():
        said = f"PostgreSQL had ended by itself, and was started again (its log: {cluster.home}/log)"
        console.print(said, soft_wrap=True)


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _stop_only_once() -> None:
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _prepare(
    cluster: Cluster, database: str, folder: Path, seed: int, large: bool, progress: Progress
) -> None:
    """In the running cluster, a loaded database at this release."""
    if not cluster.has_database(database):
        cluster.drop_database(_LOADING)
        cluster.create_database(_LOADING)
        url = cluster.url(_LOADING)
        with step(progress, "Creating the schema"):
            migrations.upgrade(url)
        _load(url, folder, seed, large, progress)
        cluster.rename_database(_LOADING, database)
        remember_schema(cluster.home)
        return
    before = migrations.current(cluster.url(database))
    if before == migrations.head():
        refuse_changed_schema(cluster.home, folder, before)
    if migrations.upgrade(cluster.url(database)):
        remember_schema(cluster.home)
        from hotel_booking.migrations import places  # here: a start that finds all done needs none of it

        asyncio.run(places.renew(cluster.url(database)))


def _schema() -> str:
    """What the migrations' SQL does, comments apart, as a hash."""
    told = hashlib.sha256()
    for file in sorted((files(migrations) / "sql").iterdir(), key=lambda one: one.name):
        lines = (line.strip() for line in file.read_text().splitlines())
        told.update("\n".join(line for line in lines if line and not line.startswith("--")).encode())
    return told.hexdigest()


def remember_schema(home: Path) -> None:
    """Keep beside the data in `home` what its schema was made by."""
    replace_file(home / "schema", _schema().encode())


def refuse_changed_schema(home: Path, folder: Path, revision: str) -> None:
    """Raise `EmbeddedError` where the schema of the data in `home` was made by a checkout between two
    releases: a revision that is not released yet may have changed since, and no migration leads there."""
    kept = home / "schema"
    if not kept.exists() or kept.read_text() != _schema():
        raise EmbeddedError(
            f"the demo data in {folder} was made by a checkout whose schema {revision} was not released yet"
            " and has changed since: move that folder away, or name another with --data-dir, and start again"
        )


def _load(url: str, folder: Path, seed: int, large: bool, progress: Progress) -> None:
    # Only a first start has something to make; every other is quicker without what makes it.
    from hotel_booking.demo.keys import credentials
    from hotel_booking.demo.loader import PROPERTIES, load

    with step(progress, "Loading the demo hotels", total=1.0) as task:

        def show(what: str, share: float) -> None:
            progress.update(task, description=f"Loading the demo hotels: {what}", completed=share)

        began = time.monotonic()
        asyncio.run(
            load(
                url,
                seed=seed,
                progress=show,
                properties=_LARGE_PROPERTIES if large else PROPERTIES,
                bookings=_LARGE_BOOKINGS if large else None,
            )
        )
        if large:
            minutes = (time.monotonic() - began) / 60
            console.print(f"{_LARGE_PROPERTIES} hotels and 2 million bookings, made in {minutes:.1f} minutes")
        asyncio.run(credentials(url, folder))


def monitoring_for(environ: Mapping[str, str], home: Path) -> monitoring.Monitoring:
    """What is installed of it; a Redis that the settings name, in whichever way, is the one that is used."""
    redis_url = read_settings(environ).redis_url
    return monitoring.plan(home / "monitoring", token=secrets.token_urlsafe(24), redis_url=redis_url)


def _environ(url: str, host: str, port: int, home: Path) -> dict[str, str]:
    """The settings of the processes, told of the embedded database. Raises `ConfigError` for all that is
    wrong with those of our own environment, before a first start takes its time."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DB_", "DATABASE_"))},
        "HOTEL_ENVIRONMENT": "demo",
        "DATABASE_URL": url,
        "HOTEL_HOST": host,
        "HOTEL_PORT": str(port),
        "HOTEL_PUBLIC_URL": f"http://localhost:{port}",
        "HOTEL_SECRET_KEY": _secret(home),
        "HOTEL_MEDIA_DIR": str(home / "media"),
        "HOTEL_SPOOL_DIR": str(home / "spool"),
        "HOTEL_SEARCH_INDEX_DIR": str(home / "search-index"),
        # Nobody wants to fetch a phone for a first look; the pages to set one up are there.
        "HOTEL_MFA_REQUIRED": "false",
    }
    read_settings(environ)
    return environ


def _starting(
    environ: Mapping[str, str], scraped: tuple[int, int], home: Path
) -> Callable[..., subprocess.Popen[bytes]]:
    """What starts the same `serve`, `worker` and `status probe` as in production, with these settings;
    `scraped` are the ports on which the first two tell their metrics."""
    told = {
        **environ,
        "HOTEL_METRICS_PORT": str(scraped[0]),
        "HOTEL_WORKER_METRICS_PORT": str(scraped[1]),
    }
    return lambda *words: start(*words, environ=told, log=home / f"{words[0]}.log")


def _secret(home: Path) -> str:
    """The demo's own HOTEL_SECRET_KEY, made once and kept beside the data that it seals."""
    path = home / "secret-key"
    if not path.exists():
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        fresh.replace(path)
    return path.read_text()
