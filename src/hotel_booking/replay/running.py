"""One replay from the file to the report: reading, sizing, a database, simulating, counting."""

from __future__ import annotations

import asyncio
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from hotel_booking.core.db import Database
from hotel_booking.core.setting import ConfigError
from hotel_booking.core.whole_files import replace_file
from hotel_booking.replay.demand import Kind, read
from hotel_booking.replay.events import Plan, lay_out
from hotel_booking.replay.hotel import build
from hotel_booking.replay.printing import show
from hotel_booking.replay.report import (
    OddDates,
    Outcome,
    Report,
    Room,
    months,
    oversold,
    totals,
)
from hotel_booking.replay.simulation import LANES, simulate
from hotel_booking.replay.sizing import need, share_out

DATABASE = "replay"
_BEFORE_ALL = date(1900, 1, 1)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command was asked for."""

    file: Path
    rooms: int | None = None
    limit: int | None = None
    http: str | None = None
    api_key: str | None = None
    json: Path | None = None
    database_url: str | None = None


def run(options: Options) -> int:
    """Replay, print the report, write the JSON. Returns the code to exit with: 130 where it was stopped, 1
    where a room was sold twice."""
    _check(options)
    console = Console(highlight=False)
    began = time.monotonic()
    with _progress() as bar:
        step = bar.add_task(f"Reading {options.file.name}", total=None)
        plan = lay_out(read(options.file, options.limit))
        needed = need(plan)
        capacity = needed if options.rooms is None else share_out(options.rooms, needed)
        bar.remove_task(step)
        outcome = _simulate(options, plan, capacity, bar)
    report = _report(options, plan, needed, capacity, outcome, time.monotonic() - began)
    if options.json:
        _write(options.json, report)
    show(console, report)
    if report.oversold_nights:
        return 1
    return 130 if outcome.simulation.events < len(plan.events) else 0


def _check(options: Options) -> None:
    """Before minutes of work: what cannot end well."""
    if options.http and not options.api_key:
        raise ConfigError(["--http needs --api-key (or HOTEL_API_KEY): a key with the scope all"])
    if options.json and options.json.is_dir():
        raise ConfigError([f"cannot write {options.json}: it is a folder"])
    if options.json and not options.json.absolute().parent.is_dir():
        raise ConfigError([f"there is no folder {options.json.absolute().parent} for --json"])


def _simulate(options: Options, plan: Plan, capacity: Mapping[Kind, int], bar: Progress) -> Outcome:
    if options.http and options.api_key:
        return asyncio.run(_until_stopped(_over_http(options.http, options.api_key, plan, capacity, bar)))
    with _database(options, bar) as url:
        return asyncio.run(_until_stopped(lambda stop: _play(url, options, plan, capacity, bar, stop)))


def _over_http(
    url: str, api_key: str, plan: Plan, capacity: Mapping[Kind, int], bar: Progress
) -> Callable[[asyncio.Event], Coroutine[None, None, Outcome]]:
    try:
        from hotel_booking.replay.over_http import play
    except ModuleNotFoundError as error:
        raise ConfigError([f"--http needs the package {error.name}: `pip install {error.name}`"]) from None

    return lambda stop: play(url, api_key, plan, capacity, _told(bar, plan), stop)


async def _until_stopped(
    play: Callable[[asyncio.Event], Coroutine[None, None, Outcome]],
) -> Outcome:
    """The first Ctrl-C asks to stop after the day that runs; the second one ends at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    loop.add_signal_handler(signal.SIGINT, asked)
    try:
        return await play(stop)
    finally:
        loop.remove_signal_handler(signal.SIGINT)


async def _play(
    url: str, options: Options, plan: Plan, capacity: Mapping[Kind, int], bar: Progress, stop: asyncio.Event
) -> Outcome:
    async with Database.open(url, size=LANES + 1, statement_timeout_ms=120_000) as db:
        async with db.transaction() as tx:
            slugs, properties = await build(tx, capacity, plan.nights) if plan.rows else ({}, [])

        async def count_oversold(since: date) -> int:
            async with db.transaction() as tx:
                return await oversold(tx, properties, since)

        simulation = await simulate(
            db,
            plan,
            slugs,
            may_refuse=options.rooms is not None,
            progress=_told(bar, plan),
            stop=stop,
            count_oversold=count_oversold,
        )
        async with db.transaction() as tx:
            return Outcome(
                simulation,
                await totals(tx, properties),
                await months(tx, properties),
                simulation.oversold + await oversold(tx, properties, _BEFORE_ALL),
            )


@contextmanager
def _database(options: Options, bar: Progress) -> Iterator[str]:
    """The database to play in: the one named, or a throwaway of our own."""
    from hotel_booking import migrations
    from hotel_booking.ops.embedded import throwaway
    from hotel_booking.ops.signals import ended_as_by_ctrl_c

    if options.database_url is not None:
        _check_schema(options.database_url)
        yield options.database_url
    else:
        step = bar.add_task("Starting a database", total=None)
        with ended_as_by_ctrl_c(), throwaway() as cluster:
            cluster.create_database(DATABASE)
            migrations.upgrade(cluster.url(DATABASE))
            _simulated_already(cluster.url(DATABASE))
            bar.remove_task(step)
            yield cluster.url(DATABASE)


def _simulated_already(url: str) -> None:
    """In a database that is thrown away, nobody will ask who changed what: its audit log rests."""
    import psycopg

    with psycopg.connect(url) as connection:
        connection.execute(
            "DO $$ DECLARE v record; BEGIN"
            "  FOR v IN SELECT tgrelid::regclass AS t, tgname FROM pg_trigger WHERE tgname ~ '^audit' LOOP"
            "    EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', v.t, v.tgname);"
            "  END LOOP; END $$"
        )


def _check_schema(url: str) -> None:
    import psycopg

    from hotel_booking import migrations

    try:
        wrong = migrations.unfit(url)
    except psycopg.Error as error:
        raise ConfigError([f"the database cannot be used: {str(error).strip().splitlines()[0]}"]) from None
    if wrong:
        raise ConfigError(wrong)


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        transient=True,
    )


def _told(bar: Progress, plan: Plan) -> Callable[[date, int], None]:
    step = bar.add_task("Simulating", total=len(plan.events))
    return lambda day, done: bar.update(step, description=f"{day:%d %b %Y}", completed=done)


def _report(
    options: Options,
    plan: Plan,
    needed: Mapping[Kind, int],
    capacity: Mapping[Kind, int],
    outcome: Outcome,
    seconds: float,
) -> Report:
    refused: Counter[str] = Counter(dict(plan.refused)) + outcome.simulation.refused
    return Report(
        file=options.file.name,
        rows=len(plan.rows) + plan.refused.total(),
        refused=dict(sorted(refused.items())),
        **msgspec.structs.asdict(outcome.totals),
        oversold_nights=outcome.oversold,
        months=outcome.months,
        odd_dates={
            code: OddDates(dates.count, dates.lines) for code, dates in sorted(plan.odd_dates.items())
        },
        capacity=[
            Room(kind.hotel, kind.room_type, needed[kind], rooms) for kind, rooms in sorted(capacity.items())
        ],
        events=len(plan.events),
        events_done=outcome.simulation.events,
        stopped_after=outcome.simulation.stopped_after,
        seconds=round(seconds, 1),
        peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


def _write(path: Path, report: Report) -> None:
    try:
        replace_file(path, msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    except OSError as error:
        raise ConfigError([f"cannot write {path}: {error.strerror}"]) from None
