"""One run of the bench: the scratch cluster, the parts in order, the report; its end when it is stopped."""

from __future__ import annotations

import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import msgspec
import psycopg
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from hotel_booking.bench import booking, floor, growth, mixed, pages, replaying, search
from hotel_booking.bench.context import Context, Part, postmaster, scratch_cluster
from hotel_booking.bench.figures import Figure, Report
from hotel_booking.bench.machine import describe
from hotel_booking.bench.measuring import Session
from hotel_booking.bench.printing import show
from hotel_booking.core.clock import utc_now
from hotel_booking.core.setting import ConfigError
from hotel_booking.ops.embedded import Cluster, EmbeddedError

PARTS: dict[str, Part] = {
    "floor": floor.measure,
    "search": search.measure,
    "pages": pages.measure,
    "booking": booking.measure,
    "mixed": mixed.measure,
    "replay": replaying.measure,
    "growth": growth.measure,
}
_WIDTH = 160  # of a table that goes to a file
_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command was asked for. `sizes`: catalogues in properties."""

    parts: tuple[str, ...] = ()
    json: Path | None = None
    quick: bool = False
    rounds: int | None = None
    seconds: float | None = None
    sizes: tuple[int, ...] = ()
    seed: int = 1
    data: Path | None = None


class Stopped(KeyboardInterrupt):
    """Somebody asked the bench to stop."""


def run(options: Options) -> int:
    """Measure, print, write. Returns the code to exit with: 130 where it was stopped, 1 where an answer was
    wrong, for then its rate is worth nothing. Raises `ConfigError` for parts that there are not."""
    parts = _chosen(options)
    for number in _STOP_SIGNALS:
        signal.signal(number, _stop)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDTH
    figures: list[Figure] = []
    skipped: dict[str, str] = {}
    began, now, complete = time.monotonic(), utc_now(), True
    machine = describe("")
    try:
        with (
            _progress() as progress,
            scratch_cluster() as cluster,
            # In memory where the cluster is: a generated index has two gigabytes. Gone with its folder.
            tempfile.TemporaryDirectory(prefix="bench-", dir=cluster.folder) as folder,
        ):
            machine = msgspec.structs.replace(machine, postgresql=_version(cluster))
            context = _context(options, cluster, Path(folder), progress)
            for name in parts:
                try:
                    figures.extend(PARTS[name](context))  # one by one: those before a stop are kept
                except (EmbeddedError, psycopg.Error) as error:
                    skipped[name] = str(error).strip().splitlines()[0]
    except Stopped:
        complete = False
    report = Report(
        machine=machine,
        began=now.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - began, 1),
        rounds=_rounds(options),
        quick=options.quick,
        complete=complete,
        figures=figures,
        skipped=skipped,
    )
    if options.json is not None:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    show(console, report)
    if not complete:
        return 130
    return 1 if any(figure.wrong for figure in figures) or skipped else 0


def _chosen(options: Options) -> Sequence[str]:
    unknown = [name for name in options.parts if name not in PARTS]
    if unknown:
        raise ConfigError([f"there is no part {unknown[0]}: the parts are {', '.join(PARTS)}"])
    if options.json is not None and not options.json.absolute().parent.is_dir():
        raise ConfigError([f"there is no folder {options.json.absolute().parent} for --json"])
    return [name for name in PARTS if not options.parts or name in options.parts]


def _context(options: Options, cluster: Cluster, folder: Path, progress: Progress) -> Context:
    task = progress.add_task("starting", total=None)

    def say(what: str) -> None:
        progress.update(task, description=what)

    session = Session(
        folder=folder,
        postmaster=postmaster(cluster),
        rounds=_rounds(options),
        seconds=options.seconds or (0.6 if options.quick else 4.0),
        quick=options.quick,
        seed=options.seed,
        say=say,
    )
    sizes = options.sizes or ((60,) if options.quick else (1_000, 10_000, 100_000))
    return Context(session=session, cluster=cluster, sizes=sizes, data=options.data)


def _rounds(options: Options) -> int:
    return options.rounds or (1 if options.quick else 5)


def _version(cluster: Cluster) -> str:
    with psycopg.connect(cluster.url("postgres")) as connection:
        row = connection.execute("SHOW server_version").fetchone()
        return str(row[0]) if row else "?"


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once: what follows is the clearing up, which is not to be broken off.
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise Stopped
