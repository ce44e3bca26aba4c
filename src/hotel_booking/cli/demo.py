"""hotel-booking demo: the whole platform on one port, with a database of its own and data to look at."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hotel_booking.cli.database import DEMO_DATABASE, default_data_dir
from hotel_booking.core.config import ConfigError
from hotel_booking.ops.embedded import Cluster, EmbeddedError

app = typer.Typer()
console = Console(highlight=False)

_LOADING = "hotel_loading"  # renamed when complete, so a killed first start is simply begun again
_READY_SECONDS = 60


class Stopped(Exception):
    """Somebody asked the demo to stop."""


@app.command()
def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="The port of everything.")] = 8000,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", help="Where the data is kept.", envvar="HOTEL_DATA_DIR")
    ] = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="The same seed makes the same demo data.")] = 1,
) -> None:
    """Start everything with demo data and say what to open. Ctrl-C stops all of it; the data stays."""
    folder = (data_dir or default_data_dir()).absolute()
    _check_port(host, port)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    began = time.monotonic()
    cluster = Cluster(folder)
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        first = not cluster.exists()
        with _progress() as progress:
            _prepare(cluster, folder, seed, progress)
            url = cluster.url(DEMO_DATABASE)
            children = _start(url, host, port, cluster.home)
            step = progress.add_task("Starting the web server and the worker", total=None)
            _wait_until_ready(port, children, folder)
            progress.remove_task(step)
        _welcome(port, folder, time.monotonic() - began, first=first)
        _watch(children, folder)
    except (Stopped, KeyboardInterrupt):
        console.print("\nStopping ...", end=" ")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        _stop_children(children)
        cluster.stop()
    console.print("stopped. The data is kept; start again with the same command.")


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise Stopped


def _check_port(host: str, port: int) -> None:
    """Before anything is started: can we listen there?"""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen()
    except OSError as error:
        reason = "something is using it already" if error.errno == 98 else str(error.strerror or error)
        raise ConfigError([f"cannot listen on port {port}: {reason}; choose another with --port"]) from None


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )


def _prepare(cluster: Cluster, folder: Path, seed: int, progress: Progress) -> None:
    """A running cluster with a loaded database at this release."""
    from hotel_booking import migrations

    step = progress.add_task("Starting PostgreSQL", total=None)
    cluster.start()
    progress.remove_task(step)
    if not cluster.has_database(DEMO_DATABASE):
        cluster.drop_database(_LOADING)
        cluster.create_database(_LOADING)
        url = cluster.url(_LOADING)
        step = progress.add_task("Creating the schema", total=None)
        migrations.upgrade(url)
        progress.remove_task(step)
        _load(url, folder, seed, progress)
        cluster.rename_database(_LOADING, DEMO_DATABASE)
    else:
        migrations.upgrade(cluster.url(DEMO_DATABASE))


def _load(url: str, folder: Path, seed: int, progress: Progress) -> None:
    from hotel_booking.cli.demo_chain import credentials, load

    step = progress.add_task("Loading the demo hotels", total=1.0)

    def show(what: str, share: float) -> None:
        progress.update(step, description=f"Loading the demo hotels: {what}", completed=share)

    asyncio.run(load(url, seed=seed, progress=show))
    asyncio.run(credentials(url, folder))
    progress.remove_task(step)


def _start(url: str, host: str, port: int, home: Path) -> dict[str, subprocess.Popen[bytes]]:
    """The same `serve` and `worker` as in production, told of the embedded database."""
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DB_", "DATABASE_"))},
        "HOTEL_ENVIRONMENT": "demo",
        "DATABASE_URL": url,
        "HOTEL_HOST": host,
        "HOTEL_PORT": str(port),
        "HOTEL_PUBLIC_URL": f"http://localhost:{port}",
    }
    return {name: _child(name, environ, home / f"{name}.log") for name in ("serve", "worker")}


def _child(name: str, environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603  # ourselves
            [sys.executable, "-c", "from hotel_booking.cli import main; main()", name],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for us; we stop our children in order
            preexec_fn=_die_with_parent(os.getpid()),
        )


def _die_with_parent(parent: int) -> Callable[[], None]:
    """Linux: a child whose parent is killed is told to stop. Elsewhere the next start finds leftovers."""
    prctl = getattr(ctypes.CDLL(None), "prctl", None)

    def before_exec() -> None:
        if prctl is not None:
            prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
            if os.getppid() != parent:
                os._exit(1)

    return before_exec


def _wait_until_ready(port: int, children: Mapping[str, subprocess.Popen[bytes]], folder: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        _check_alive(children, folder)
        try:
            with urllib.request.urlopen(f"http://localhost:{port}/health/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise EmbeddedError(
        f"the web server did not become ready in {_READY_SECONDS} s; see the logs in {folder}"
    )


def _check_alive(children: Mapping[str, subprocess.Popen[bytes]], folder: Path) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            log = next(folder.rglob(f"{name}.log"), None)
            lines = log.read_text(errors="replace").strip().splitlines() if log else []
            raise EmbeddedError(
                f"the {name} process ended by itself ({child.returncode}): "
                f"{lines[-1] if lines else 'it said nothing'} (its log: {log})"
            )


def _watch(children: Mapping[str, subprocess.Popen[bytes]], folder: Path) -> None:
    while True:
        time.sleep(0.5)
        _check_alive(children, folder)


def _stop_children(children: Mapping[str, subprocess.Popen[bytes]]) -> None:
    for child in children.values():
        if child.poll() is None:
            child.terminate()
    for child in children.values():
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _welcome(port: int, folder: Path, seconds: float, *, first: bool) -> None:
    from hotel_booking.cli.demo_chain import read_credentials

    base = f"http://localhost:{port}"
    key = read_credentials(folder)
    lines = [
        f"[bold]Hotel Booking Platform[/] is running on [link={base}]{base}[/link]",
        "",
        f"  API reference   {base}/api/docs",
        f"  OpenAPI 3.1     {base}/api/v1/openapi.json",
        f"  Health, metrics {base}/health/ready  {base}/metrics",
        "",
        f"  Demo API key    [cyan]{key}[/] (scope all)",
        "  Test cards      tok_success  tok_decline  tok_challenge  tok_timeout",
        "",
        f'  curl "{base}/api/v1/places?q=lis"',
        "",
        f"[dim]Data: {folder} · {'first ' if first else ''}start took {seconds:.1f} s · Ctrl-C stops it[/]",
    ]
    console.print(Panel("\n".join(lines), expand=False, padding=(1, 2), border_style="cyan"), soft_wrap=True)
