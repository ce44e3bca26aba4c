"""hotel-booking demo: the whole platform on one port, with a database of its own and data to look at."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from hotel_booking.cli.database import DEMO_DATABASE, default_data_dir
from hotel_booking.ops.children import check_port, start, stop_children, wait_until_ready, watch
from hotel_booking.ops.embedded import Cluster

app = typer.Typer()
console = Console(highlight=False)

_LOADING = "hotel_loading"  # renamed when complete, so a killed first start is simply begun again
_LEFTOVER_SECONDS = 20  # as long as we give our children to stop
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Scale(StrEnum):
    """How much there is to look at."""

    DEFAULT = "default"
    LARGE = "large"


_LARGE_PROPERTIES, _LARGE_BOOKINGS = 200, 2_000_000


class Stopped(KeyboardInterrupt):
    """Somebody asked the demo to stop. Not an `Exception`: event loops and libraries swallow those."""


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of everything.")] = 8000,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where the data is kept.", envvar="HOTEL_DATA_DIR")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="The same seed makes the same demo data.")] = 1,
    scale: Annotated[
        Scale,
        typer.Option(
            help="How much data a first start makes: 52 hotels in seconds, or 200 with 2 million bookings in"
            " minutes. A folder that has data keeps its own."
        ),
    ] = Scale.DEFAULT,
) -> None:
    """Start everything with demo data and say what to open. Ctrl-C stops all of it; the data stays."""
    folder = (data_dir or _data_dir_for(scale)).absolute()
    cluster = Cluster(folder)
    # Children of a demo that was killed are told to stop and may need a moment to let go of the port.
    check_port(host, port, patience=_LEFTOVER_SECONDS if cluster.abandoned() else 0)
    for number in _STOP_SIGNALS:
        signal.signal(number, _stop)
    began = time.monotonic()
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        first = not cluster.exists()
        with _progress() as progress:
            _prepare(cluster, folder, seed, scale, progress)
            url = cluster.url(DEMO_DATABASE)
            children = _start(url, host, port, cluster.home)
            with _step(progress, "Starting the web server and the worker"):
                wait_until_ready(host, port, children, cluster.home)
        _welcome(port, folder, time.monotonic() - began, first=first)
        watch(children, cluster.home)
    except Stopped:
        _stop_only_once()
        console.print("\nStopping ...", end=" ")
    finally:
        _stop_only_once()
        stop_children(children)
        cluster.stop()
    console.print("stopped. The data is kept; start again with the same command.")


def _data_dir_for(scale: Scale) -> Path:
    """Each scale has its own folder, so that trying the large one leaves the everyday one as it is."""
    folder = default_data_dir()
    return folder if scale is Scale.DEFAULT else folder.with_name(f"{folder.name}-{scale.value}")


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _stop_only_once() -> None:
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


@contextmanager
def _step(progress: Progress, what: str, total: float | None = None) -> Iterator[TaskID]:
    """Shown while it lasts; where nobody watches a terminal, said once as a plain line."""
    if not console.is_terminal:
        console.print(f"{what} ...")
    task = progress.add_task(what, total=total)
    try:
        yield task
    finally:
        progress.remove_task(task)


def _prepare(cluster: Cluster, folder: Path, seed: int, scale: Scale, progress: Progress) -> None:
    """A running cluster with a loaded database at this release."""
    from hotel_booking import migrations

    with _step(progress, "Starting PostgreSQL"):
        cluster.start()
    if not cluster.has_database(DEMO_DATABASE):
        cluster.drop_database(_LOADING)
        cluster.create_database(_LOADING)
        url = cluster.url(_LOADING)
        with _step(progress, "Creating the schema"):
            migrations.upgrade(url)
        _load(url, folder, seed, scale, progress)
        cluster.rename_database(_LOADING, DEMO_DATABASE)
    else:
        migrations.upgrade(cluster.url(DEMO_DATABASE))


def _load(url: str, folder: Path, seed: int, scale: Scale, progress: Progress) -> None:
    from hotel_booking.demo import PROPERTIES, credentials, load

    with _step(progress, "Loading the demo hotels", total=1.0) as task:

        def show(what: str, share: float) -> None:
            progress.update(task, description=f"Loading the demo hotels: {what}", completed=share)

        began = time.monotonic()
        large = scale is Scale.LARGE
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


def _start(url: str, host: str, port: int, home: Path) -> dict[str, subprocess.Popen[bytes]]:
    """The same `serve` and `worker` as in production, told of the embedded database."""
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
        # Nobody wants to fetch a phone for a first look; the pages to set one up are there.
        "HOTEL_MFA_REQUIRED": "false",
    }
    return {name: start(name, environ=environ, log=home / f"{name}.log") for name in ("serve", "worker")}


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


def _welcome(port: int, folder: Path, seconds: float, *, first: bool) -> None:
    from hotel_booking.demo import read_credentials

    base = f"http://localhost:{port}"
    opens = read_credentials(folder)
    key = f"[cyan]{opens.api_key}[/]" if opens else "its file is gone: `hotel-booking api-key create`"
    door = "an account that `hotel-booking staff create-owner` makes"
    if opens and opens.email:
        door = f"[cyan]{opens.email}[/]  password [cyan]{opens.password}[/]"
    lines = [
        f"[bold]Hotel Booking Platform[/] is running on [bold cyan]{base}[/]",
        "",
        f"  Guests' site   {base}",
        f"  Panel          {base}/admin",
        f"  Sign in as     {door}",
        f"  Sent mail      {base}/demo/mail",
        f"  API reference  {base}/api/docs",
        f"  OpenAPI 3.1    {base}/api/v1/openapi.json",
        f"  Health         {base}/health/ready",
        f"  Metrics        {base}/metrics",
        "",
        f"  Demo API key   {key}",
        "  Test cards     tok_success  tok_decline  tok_challenge  tok_timeout",
        "  A first look   " + f'curl "{base}/api/v1/places?q=lis"',
        "",
        f"[dim]  Data in {folder}[/]",
        f"[dim]  The {'first ' if first else ''}start took {seconds:.1f} s. Ctrl-C stops everything.[/]",
    ]
    # No frame: a narrow terminal, or a file, would cut it, and what it cuts is the key.
    console.rule(style="cyan")
    console.print("\n".join(lines), soft_wrap=True)
    console.rule(style="cyan")
