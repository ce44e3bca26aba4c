"""hotel-booking ops database report | maintenance | queries | end-queries."""

from __future__ import annotations

import os
import re
import sys
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic
from typing import Annotated, Any

import typer

from hotel_booking.cli.database import DataDir, database_url
from hotel_booking.cli.ops_inputs import DryRun, report_to_audit_log
from hotel_booking.cli.screen import Json, listing, print_json, screen

app = typer.Typer(no_args_is_help=True, help="Look at the database, and take care of it.")

_DURATION = re.compile(r"(?:(\d{1,2})h)?(?:(\d{1,4})m)?(?:(\d{1,5})s)?")
_SHOWN = 15

LongerThan = Annotated[str, typer.Option("--longer-than", help="Such as 5m.")]


@app.command()
def report(longer_than: LongerThan = "5m", as_json: Json = False, data_dir: DataDir = None) -> None:
    """Dead rows, bloat, indexes that are invalid, double or never used, connections, and long transactions
    with who blocks whom. Bloat is estimated from statistics; nothing is changed."""
    from hotel_booking.ops.database import inspection

    length = _duration(longer_than, "--longer-than")
    with database_url(data_dir) as url, inspection.connected(url) as db:
        found = inspection.report(db, longer_than=length)
    if as_json:
        print_json(found)
        return
    if found.locked:
        print("Tables and indexes could not be looked at: somebody below holds a lock on one.")
    else:
        _worn(found)
    _running("Long transactions, and who waits for a lock", found.long)
    here = found.connections
    print(f"Connections: {here.taken} of {here.allowed} taken, {here.here} of this database.")


@app.command()
def maintenance(
    now: Annotated[bool, typer.Option("--now", help="Also outside of a maintenance window.")] = False,
    budget: Annotated[str, typer.Option("--budget", help="For how long at most: 30m, 2h.")] = "30m",
    archive: Annotated[
        str, typer.Option("--archive", help="First move what is older to the backups' store: 3y, 1200d.")
    ] = "",
    dry_run: DryRun = False,
    as_json: Json = False,
    data_dir: DataDir = None,
) -> None:
    """Drop what interrupted builds left, build broken and bloated indexes anew beside the old ones, vacuum
    and analyse where it is needed; with --archive, move nights and audit entries of the past to files (`ops
    backup list --of archive`) before. Guests book meanwhile. What is not done in time, or is in use, is done
    by the next run. Exit code 1 where a step failed, 3 where something is left."""
    from hotel_booking.cli import ops_archive
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.backup.configured import tar_backups
    from hotel_booking.ops.database import care, inspection
    from hotel_booking.ops.operation import operation

    seconds = _duration(budget, "--budget").total_seconds()
    before = ops_archive.moment(archive, utc_now()) if archive else None
    with database_url(data_dir) as url:
        if dry_run:
            _print_plan(url, before, as_json=as_json)
            return
        if not now:
            seconds = min(seconds, _seconds_of_window(url, utc_now()))
        store = tar_backups("archive", os.environ, sys.argv, utc_now) if before else None
        with (
            operation(
                "database", target="maintenance", dry_run=False, environ=os.environ, clock=utc_now
            ) as act,
            inspection.connected(url) as db,
            care.alone(db),
        ):
            began, results, tell = monotonic(), [], _telling(as_json=as_json)
            if before and store:
                results += ops_archive.archive(url, store, before=before, seconds=seconds, tell=tell)
                act.tell(archived=[moved.reason for moved in results if moved.outcome == "done"])
            results += care.maintain(db, seconds=seconds - (monotonic() - began), tell=tell)
            ends = Counter(result.outcome for result in results)
            by = {word: ends[word] for word in ("done", "left", "failed")}
            act.tell(outcome="failed" if by["failed"] else "left" if by["left"] else "done", steps=by)
    if as_json:
        print_json(results)
    else:
        print(f"{by['done']} done, {by['left']} left, {by['failed']} failed.")
    report_to_audit_log(data_dir)
    if by["failed"] or by["left"]:
        raise typer.Exit(1 if by["failed"] else 3)


def _print_plan(url: str, before: datetime | None, *, as_json: bool) -> None:
    """What would be done."""
    from hotel_booking.cli import ops_archive
    from hotel_booking.ops.database import care, inspection

    with inspection.connected(url) as db:
        steps = care.plan(inspection.indexes(db), inspection.tables(db))
    if before:
        steps = ops_archive.planned(url, before=before) + steps
    if as_json:
        print_json(steps)
    else:
        print("\n".join(f"{step.statement}  ({step.why})" for step in steps) or "Nothing has to be done.")


def _telling(*, as_json: bool) -> Callable[[int, int, Any, Any], None]:
    """What tells of each step as it ends: on standard error where the results are read by a program."""

    def tell(number: int, total: int, step: Any, result: Any) -> None:
        reason = f": {result.reason}" if result.reason else ""
        line = f"{number}/{total} {step.statement}  ({step.why})  {result.outcome}{reason}"
        print(f"{line}, {result.seconds:.1f} s", file=sys.stderr if as_json else sys.stdout, flush=True)

    return tell


@app.command()
def queries(longer_than: LongerThan = "5m", as_json: Json = False, data_dir: DataDir = None) -> None:
    """Statements of clients of this database that run for longer, and how many connections are taken. Texts
    and numbers in statements are not shown."""
    from hotel_booking.ops.database import inspection

    length = _duration(longer_than, "--longer-than")
    with database_url(data_dir) as url, inspection.connected(url) as db:
        found, taken = inspection.long_queries(db, longer_than=length), inspection.connections(db)
    if as_json:
        print_json({"queries": found, "connections": taken})
        return
    _running(f"Running for more than {longer_than}", found)
    print(f"Connections: {taken.taken} of {taken.allowed} taken, {taken.here} of this database.")


@app.command("end-queries")
def end_queries(
    longer_than: LongerThan = "5m",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: DryRun = False,
    data_dir: DataDir = None,
) -> None:
    """End sessions of clients of this database whose statement runs for longer: reports, exports and
    pg_dump too, never a replica, a base backup, a vacuum or another database's. They are
    shown before, and it asks."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.asking import typed
    from hotel_booking.ops.database import inspection
    from hotel_booking.ops.operation import operation
    from hotel_booking.ops.refusals import WrongUse

    length = _duration(longer_than, "--longer-than")
    with database_url(data_dir) as url, inspection.connected(url) as db:
        found = inspection.long_queries(db, longer_than=length)
        _running(f"Running for more than {longer_than}", found)
        if dry_run or not found:
            return
        if not yes:
            if not sys.stdin.isatty():
                raise WrongUse(
                    "nobody can be asked whether to end them",
                    "Look at the list; this would work:",
                    f"  {typed(os.environ, sys.argv)} --yes",
                )
            if not typer.confirm(f"End these {len(found)}?"):
                raise typer.Exit(1)
        with operation(
            "database", target="end-queries", dry_run=False, environ=os.environ, clock=utc_now
        ) as act:
            ended = []
            for query in found:
                if inspection.end_query(db, query):
                    ended.append(query.pid)
                    act.tell(ended=ended)
    print(f"{len(ended)} ended; {len(found) - len(ended)} had ended by themselves.")
    report_to_audit_log(data_dir)


def _seconds_of_window(url: str, now: datetime) -> float:
    """What is left of the maintenance window. Raises `Refused` outside of one, with the line that works."""
    import asyncio

    from hotel_booking.cli.ops_maintenance import on_database
    from hotel_booking.domains.incidents import maintenance as windows
    from hotel_booking.ops.asking import typed
    from hotel_booking.ops.refusals import WrongUse

    coming = asyncio.run(on_database(url, lambda run: run(lambda tx: windows.upcoming(tx, now=now))))
    if lasting := [window.ends_at for window in coming if window.lasts(now)]:
        return float((max(lasting) - now).total_seconds())
    begins = [window.starts_at for window in coming if window.cancelled_at is None and window.starts_at > now]
    when = f"; the next begins at {min(begins):%Y-%m-%d %H:%M} UTC" if begins else ""
    raise WrongUse(
        f"there is no maintenance window now{when}",
        "Run it then. Nobody has to wait for it, so this would work too:",
        f"  {typed(os.environ, sys.argv)} --now",
    )


def _duration(text: str, option: str) -> timedelta:
    from hotel_booking.ops.refusals import WrongUse

    found = _DURATION.fullmatch(text.strip().lower())
    hours, minutes, seconds = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    length = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not length:
        raise WrongUse(f"{text!r} is no duration", f"Such as: {option} 30m, 90s or 1h30m")
    return length


def _remark(one: Any) -> str:
    said = []
    if one.leftover:
        said.append("left by an interrupted REINDEX")
    elif not one.valid:
        said.append("invalid")
    if one.same_as:
        said.append(f"the same as {one.same_as}")
    if one.unused:
        said.append("never used so far")
    if one.bloat >= 1 << 20:
        said.append(f"some {_mib(one.bloat)} MiB bloat")
    return ", ".join(said)


def _worn(found: Any) -> None:
    _table(
        "Tables",
        ("name", "MiB", "rows", "dead", "vacuumed", "analysed"),
        [
            (
                _name(table),
                _mib(table.bytes),
                table.live,
                table.dead,
                _at(table.vacuumed),
                _at(table.analysed),
            )
            for table in found.tables[:_SHOWN]
        ],
    )
    remarkable = [
        (index, said)
        for index in found.indexes
        if (said := _remark(index))
        and (index.bloat >= 1 << 20 or not index.valid or index.same_as or index.unused)
    ]
    _table(
        "Indexes",
        ("name", "MiB", "scans", "remark"),
        [(_name(one), _mib(one.bytes), one.scans, said) for one, said in remarkable[:_SHOWN]],
    )


def _running(title: str, found: list[Any]) -> None:
    from rich.markup import escape

    console = screen()
    console.print(f"[bold]{escape(title)}[/]" + ("" if found else ": none"))
    for query in found:
        begun = (
            f", in a transaction since {query.transaction_since:%H:%M:%S}" if query.transaction_since else ""
        )
        blocked = f", blocked by {' '.join(map(str, query.blocked_by))}" if query.blocked_by else ""
        waits = f", waits for {query.waits_for}" if query.waits_for else ""
        who = f"{query.user}, {query.program}" if query.program else query.user
        console.print(escape(f"{query.pid:>8}  {who}: {query.state}{begun}{waits}{blocked}"), soft_wrap=True)
        console.print(escape(f"{'':>8}  {query.query}"), soft_wrap=True)


def _table(title: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from rich.markup import escape

    console = screen()
    console.print(f"[bold]{escape(title)}[/]" + ("" if rows else ": none"))
    if rows:
        table = listing(*heads, names=True)
        for row in rows:
            table.add_row(*(escape(str(cell)) for cell in row))
        console.print(table)


def _name(one: Any) -> str:
    return str(one.name).removeprefix("public.")


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f}"


def _at(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else ""
