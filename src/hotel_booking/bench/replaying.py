"""Part 6, replay: a real hotel's two years through the services, and over HTTP; in events a second."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from hotel_booking.bench.context import Context
from hotel_booking.bench.figures import Figure, spread
from hotel_booking.bench.floor import constant
from hotel_booking.bench.machine import cpu_seconds, memory_mb
from hotel_booking.bench.mixed import new_key
from hotel_booking.bench.servers import Server
from hotel_booking.ops.child_processes import start, stop_children
from hotel_booking.ops.embedded import EmbeddedError

PART = "replay"
FILE = "booking-demand-resort.csv.gz"
_QUICK_ROWS = 200
_SECONDS = 90.0
_PATIENCE = 3_600.0
_GROWTH = 1.2  # of the server's memory from a third of the time to the end: flat, but for what caches take


class _Report(msgspec.Struct):
    """What of the replay's own report is looked at."""

    events: int
    events_done: int
    oversold_nights: int
    accepted: int
    peak_memory_mb: int


class _Played(msgspec.Struct, frozen=True):
    """One replay; `memory` are the server's megabytes while it ran."""

    report: _Report
    seconds: float
    cpu: Mapping[str, float]
    memory: Sequence[float]


def measure(context: Context) -> Iterator[Figure]:
    """Once each: a replay is minutes long. Raises `EmbeddedError` where the data is not there."""
    file = _file(context)
    url = context.database("replayed")
    yield _figure("through the services", _play(context, file, ["--database-url", url], None))
    with context.server("ours", url) as server:
        limit = context.session.once(constant(server)).rate
        options = ["--http", f"http://127.0.0.1:{server.port}", "--api-key", new_key(url)]
        played = _play(context, file, options, server)
        yield _figure("over HTTP", played, limit=limit, limit_name=constant(server).name)
        grown = played.memory[-1] / played.memory[len(played.memory) // 3]
        yield Figure(
            part=PART,
            name="the server's memory at the end beside a third of the time",
            value=spread([grown]),
            unit="times",
            goal=f"at most {_GROWTH:g} times",
            met=grown <= _GROWTH,
            note=f"{played.memory[0]:.0f} MB at first, {max(played.memory):.0f} MB at most",
        )


def _file(context: Context) -> Path:
    shared = Path(os.environ.get("HOTEL_SHARED_DATA") or "../shared/data")
    file = context.data or shared / FILE
    if not file.is_file():
        raise EmbeddedError(
            f"there is no {file}: name the data with --data (docs/REPLAY.md says where it is)"
        )
    return file


def _play(context: Context, file: Path, options: list[str], server: Server | None) -> _Played:
    """`hotel-booking replay` in a process of its own."""
    session = context.session
    out, log = session.folder / "replay.json", session.folder / "replay.log"
    out.unlink(missing_ok=True)
    limit = ["--limit", str(_QUICK_ROWS)] if session.quick else []
    watch = {"server": [server.pid] if server else [], "database": [session.postmaster]}
    before = {name: cpu_seconds(pids) for name, pids in watch.items()}
    began = time.monotonic()
    memory: list[float] = []
    children: dict[str, subprocess.Popen[bytes]] = {}
    try:
        child = children["replay"] = start(
            "replay", str(file.absolute()), "--json", str(out), *limit, *options, environ=os.environ, log=log
        )
        while child.poll() is None:
            session.say(f"{PART}: {options[0].strip('-')}, {time.monotonic() - began:.0f} s")
            if time.monotonic() - began > _PATIENCE:
                raise EmbeddedError("the replay did not end in an hour")
            if server is not None:
                memory.append(memory_mb(server.pid))
            time.sleep(0.25)
    finally:
        stop_children(children)
    if not out.exists():
        lines = log.read_text(errors="replace").strip().splitlines()
        raise EmbeddedError(f"the replay failed: {lines[-1] if lines else 'it said nothing'}")
    cpu = {name: cpu_seconds(pids) - before[name] for name, pids in watch.items()}
    report = msgspec.json.decode(out.read_bytes(), type=_Report)
    return _Played(report, time.monotonic() - began, cpu, memory)


def _figure(
    name: str, played: _Played, *, limit: float | None = None, limit_name: str | None = None
) -> Figure:
    report = played.report
    rate = report.events_done / played.seconds
    whole = report.events_done > 100_000
    wrong = report.oversold_nights + report.events - report.events_done
    return Figure(
        part=PART,
        name=name,
        rate=spread([rate]),
        server_us=spread([1e6 * played.cpu["server"] / report.events_done]) if limit else None,
        database_us=spread([1e6 * played.cpu["database"] / report.events_done]),
        limit=limit_name,
        ratio=spread([rate / limit]) if limit else None,
        goal=f"the resort's in {_SECONDS:g} s",
        met=played.seconds < _SECONDS if whole else None,
        operations=report.events_done,
        checked=report.events,
        wrong=wrong,
        note=f"{report.events_done:,} events, {report.accepted:,} bookings in {played.seconds:.1f} s;"
        f" the replay itself takes {report.peak_memory_mb} MB",
    )
