"""hotel-booking ops backup list | backup | keep | verify | unpack | restore | back | approve | set-up |
receive | drill"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import typer

from hotel_booking.cli.confirmation import Yes, confirm
from hotel_booking.cli.ops_inputs import Signers, report_to_audit_log
from hotel_booking.cli.screen import Json, listing, print_json, progress, screen
from hotel_booking.core.counting import count
from hotel_booking.ops.refusals import plainly

app = typer.Typer(no_args_is_help=True, help="Backups of the database, and the ways back.")

BackupId = Annotated[str, typer.Argument(help="YYYYMMDD-HHMMSS as `list` prints it, or latest.")]
ToTime = Annotated[
    str, typer.Option("--to-time", help="As of this moment (RFC 3339, UTC): 2026-03-01T09:30:00Z.")
]

OfWhat = Annotated[str, typer.Option("--of", help="database, state, configuration or archive.")]
_KINDS = ("database", "state", "configuration")


def _backups(of: str) -> Any:
    """What lists, makes and verifies them: the database's engine, or the files of the others."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.backup.configured import tar_backups
    from hotel_booking.ops.backup.tar_backups import Of
    from hotel_booking.ops.refusals import WrongUse

    if of == "database":
        return _engine()
    if of not in get_args(Of):
        raise WrongUse(f"--of {of} is none of {', '.join(('database', *get_args(Of)))}")
    return tar_backups(cast("Of", of), os.environ, sys.argv, utc_now)


def _engine() -> Any:
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.backup.configured import engine

    return engine(os.environ, sys.argv, utc_now)


@app.command(name="list")
def list_backups(of: OfWhat = "database", as_json: Json = False) -> None:
    """Every backup that is there, newest first, and up to when the store can restore."""
    engine = _backups(of)
    table = listing("ID", "kind", "taken (UTC)", "seconds", "size")
    backups = engine.backups()
    latest = engine.latest() if backups and of == "database" else None
    if as_json:
        print_json({"backups": backups, "latest": latest})
        return
    for backup in backups:
        seconds = (backup.consistent_at - backup.begun_at).total_seconds()
        taken, size = f"{backup.begun_at:%Y-%m-%d %H:%M:%S}", f"{backup.bytes / 1e6:,.1f} MB"
        table.add_row(backup.id, backup.kind, taken, f"{seconds:.0f}", size)
    console = screen()
    first = "ops database maintenance --now --archive 3y" if of == "archive" else "ops backup backup"
    console.print(table if backups else f"There is none yet: hotel-booking {first}")
    if latest:
        console.print(f"\n`latest` restores as far as {latest:%Y-%m-%d %H:%M:%S} UTC")


@app.command()
def backup(
    kind: Annotated[
        str, typer.Option("--kind", help="full, diff or incr; a larger one is made when it is due.")
    ] = "incr",
    of: OfWhat = "database",
) -> None:
    """Make a backup now. What is older than its time is removed once it is whole."""
    from hotel_booking.ops.refusals import WrongUse

    if kind not in ("full", "diff", "incr"):
        raise WrongUse(f"--kind {kind} is none of full, diff, incr")
    made = _make(of, kind)
    print(f"{made.id}: {made.kind}, {made.bytes / 1e6:,.1f} MB")
    report_to_audit_log()


def _make(of: str, kind: str = "incr") -> Any:
    """Make one, and tell the database what it came to."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.backup import results
    from hotel_booking.ops.backup.configured import database
    from hotel_booking.ops.operation import operation
    from hotel_booking.ops.refusals import Refused

    engine, began = _backups(of), utc_now()
    name = engine.name if of == "database" else of
    alone = "store" if of == "database" else of
    url = engine.serving() if of == "database" else database(os.environ, sys.argv)
    with operation(
        "backup", target=name, alone=alone, dry_run=False, environ=os.environ, clock=utc_now
    ) as act:
        try:
            made = engine.backup(kind, progress) if of == "database" else engine.backup(progress)
        except Refused as refusal:
            detail = {"of": of, "engine": name, "reason": refusal.detail}
            results.tell(url, "backup", at=began, succeeded=False, detail=detail)
            raise
        act.tell(backup=made.id, kind=made.kind, bytes=made.bytes)
        detail = {"of": of, "engine": name, "backup": made.id, "kind": made.kind, "bytes": made.bytes}
        results.tell(url, "backup", at=began, succeeded=True, detail=detail)
    return made


@app.command()
def keep(
    of: Annotated[
        list[str] | None, typer.Option("--of", help="database, state or configuration; else all three.")
    ] = None,
) -> None:
    """Keep the schedule until it is stopped: the database every 4 hours, the state daily, the configuration
    within 60 seconds of a change. What fails is said, and tried again."""
    import signal
    import threading

    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.backup import results
    from hotel_booking.ops.backup.configured import database
    from hotel_booking.ops.backup.schedule import LOOK, Schedule
    from hotel_booking.ops.refusals import Interrupted

    kept = {kind: _backups(kind) for kind in of or _KINDS}
    url = database(os.environ, sys.argv)

    def make(each: str) -> None:
        if each == "configuration" and not kept[each].changed():
            results.still(url, each, at=utc_now())
            return
        made = _make(each)
        progress(f"{each}: {made.id}, {made.bytes / 1e6:,.1f} MB")

    def newest(each: str) -> Any:
        return lambda: next((backup.begun_at for backup in kept[each].backups()), None)

    schedule = Schedule({kind: newest(kind) for kind in kept}, make, clock=utc_now, say=progress)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    # Told to stop while one is made: that is recorded, and the next start makes it.
    with suppress(Interrupted):
        while not ended.is_set():
            schedule.look()
            ended.wait(LOOK)


@app.command()
def verify(
    backup_id: Annotated[str, typer.Argument(help="One backup; else everything.", metavar="[ID]")] = "",
    of: OfWhat = "database",
) -> None:
    """Read the store and say what is wrong with it; exit code 1 where anything is."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.backup import results
    from hotel_booking.ops.backup.configured import database
    from hotel_booking.ops.backup.engine import chosen

    engine, began = _backups(of), utc_now()
    if of == "database":
        backup = chosen(engine.backups(), backup_id) if backup_id else None
        problems, url, name = engine.verify(backup, progress), engine.serving(), engine.name
    else:
        problems, url, name = engine.verify(backup_id, progress), database(os.environ, sys.argv), of
    if not problems and not backup_id and of != "archive" and not engine.backups():
        problems = ["there is no backup: is HOTEL_BACKUP_STORE the right one?"]
    detail = {"of": of, "engine": name, "problems": list(problems[:20])}
    results.tell(url, "verify", at=began, succeeded=not problems, detail=detail)
    for problem in problems:
        print(f"✗ {problem}")
    if problems:
        print(what_helps(problems, of))
        raise typer.Exit(1)
    print(f"✓ {backup_id or 'every backup'} is whole")


def what_helps(problems: Sequence[str], of: str) -> str:
    """What to do about what `verify` has found."""
    from hotel_booking.ops.backup.one_file import WRONG_KEY

    if all(WRONG_KEY in problem for problem in problems):
        return "What is in them nobody knows: run this again with the key that they were made with."
    if of == "archive":
        return "Get it back from the store's copy, or its earlier version."
    kind = "--kind full" if of == "database" else f"--of {of}"
    return f"Take another backup now: hotel-booking ops backup backup {kind}"


@app.command()
def unpack(
    backup_id: BackupId,
    folder: Annotated[Path, typer.Argument(help="A new or empty folder.")],
    of: OfWhat = "configuration",
) -> None:
    """Write the files of a backup of the state or the configuration to a folder, to look at and to apply:
    cluster/ by kubectl, uploads/ to the place of photos, settings/ as lines of JSON; or rows of the past
    (--of archive), as lines of JSON."""
    from hotel_booking.ops.refusals import WrongUse

    if of == "database":
        raise WrongUse(
            "a database is restored, and not unpacked:",
            f"  hotel-booking ops backup restore {backup_id} staging",
        )
    written = _backups(of).unpack(backup_id, folder, progress)
    print(f"{count(written, 'file')} in {folder}")


@app.command()
def restore(
    backup_id: BackupId,
    target: Annotated[str, typer.Argument(help="staging or production.")],
    to_time: ToTime = "",
    signers: Signers = None,
) -> None:
    """Restore a backup as it is, `latest` as far as the store goes, or to a moment. Production: another
    person's approval; a new instance, verified before it serves; closed for sale until `recovery open`.
    Staging: guests are pseudonymised and secrets replaced before anything starts on it."""
    import psycopg

    from hotel_booking.cli.ops_restore import to_production, to_staging
    from hotel_booking.ops.refusals import Refused, WrongUse

    try:
        if target == "production":
            to_production(_engine, backup_id, to_time, signers, progress)
        elif target == "staging":
            to_staging(_engine, backup_id, to_time, progress)
        else:
            raise WrongUse(f"{target} is no environment to restore to: staging or production")
    except psycopg.Error as error:
        raise Refused(f"a database refused: {plainly(error)[:300]}") from None
    report_to_audit_log()


@app.command()
def approve(
    backup_id: BackupId,
    target: Annotated[str, typer.Argument(help="production.")],
    reason: Annotated[str, typer.Option(help="Why: it stands in the record.")] = "",
    to_time: ToTime = "",
    signers: Signers = None,
) -> None:
    """Approve that another person restores this to production, with your key (HOTEL_EVIDENCE_KEY). Counts
    four hours and once."""
    from hotel_booking.cli.ops_restore import approve as do

    do(backup_id, target, reason=reason, to_time=to_time, signers=signers)
    report_to_audit_log()


@app.command()
def back(yes: Yes = False) -> None:
    """Let the instance serve again that served before the last restore; what was written since is kept in
    the other, and missing here. On a terminal it asks."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.ops.operation import operation

    engine = _engine()
    confirm(
        "Bookings made since the restore are missing then, from the instance that serves. Go back?", yes=yes
    )
    with operation(
        "restore", target="back", alone="production", dry_run=False, environ=os.environ, clock=utc_now
    ) as act:
        act.happened(
            "the instance before may serve already",
            "A second run leads away from it again: look first, the restored one names its backup.",
            "  hotel-booking recovery report",
        )
        name = engine.back(progress)
        act.tell(instance=name)
    print(f"{name} serves again.")
    report_to_audit_log()


@app.command(name="set-up")
def set_up() -> None:
    """pgBackRest: make what is missing (an instance, its archiving, the store's beginning), and start the one
    that serves. It can be run again, and takes changed settings over."""
    from hotel_booking.ops.backup.pgbackrest import PgBackRest
    from hotel_booking.ops.refusals import WrongUse

    engine = _engine()
    if not isinstance(engine, PgBackRest):
        raise WrongUse(f"the engine {engine.name} needs no set-up")
    engine.set_up(progress)
    print(f"serving {engine.serving()}")


@app.command()
def receive() -> None:
    """The zero-loss mode: receive every commit's WAL into HOTEL_WAL_FOLDER (another disk or machine) as it is
    made; commits wait for it. Runs until it is stopped: have it kept running."""
    from hotel_booking.ops.backup.pgbackrest import PgBackRest
    from hotel_booking.ops.refusals import WrongUse

    engine = _engine()
    if not isinstance(engine, PgBackRest):
        raise WrongUse(f"the engine {engine.name} has no zero-loss mode")
    engine.receive()


@app.command()
def drill(
    gigabytes: Annotated[
        float, typer.Option("--gigabytes", help="How large the database is made.", min=0.01, max=100)
    ] = 1.0,
    seconds: Annotated[
        int, typer.Option("--seconds", help="For how long guests book before it is killed.", min=5, max=3600)
    ] = 90,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write the result to this file too: see `drilled`.")
    ] = None,
) -> None:
    """Prove it: a PostgreSQL of its own under bookings from the API is killed and its folder deleted, then
    restored as production is, and matched with the payment gateway. Bookings that were acknowledged and are
    gone are named, with what became of the money. The result is told to the environment's database, where
    there is one: metrics, alerts and the status page look at it."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.demo.drill import drill as run
    from hotel_booking.ops.backup.results import Drill
    from hotel_booking.ops.operation import operation

    result = Drill(utc_now(), succeeded=False, detail={})
    if report:
        result.write(report)  # before anything is done: where it cannot be, nobody need wait
    with operation("drill", target="restore", dry_run=False, environ=os.environ, clock=utc_now) as act:
        try:
            done = run(gigabytes, seconds=seconds, say=progress)
            detail = {
                "gigabytes": gigabytes,
                "acknowledged": done.acknowledged,
                "lost": len(done.lost),
                "rebooked": done.rebooked,
                "refunded": done.refunded,
                "rpo_seconds": done.rpo_seconds,
                "rto_seconds": done.rto_seconds,
            }
            result = Drill(result.at, succeeded=True, detail=detail)
            act.tell(**detail)
        finally:
            if report:
                result.write(report)
            _tell_drill(result)
    print(f"{count(done.acknowledged, 'booking')} acknowledged at {gigabytes:g} GB, {len(done.lost)} lost")
    for booking in done.lost:
        print(f"  lost: {booking.reference}, {booking.guest}: {booking.became}")
    again = f"{done.rebooked} paid in the lost time and booked again"
    print(f"{again}; {count(done.refunded, 'payment')} given back")
    print(f"RPO {done.rpo_seconds:.1f} s, RTO {done.rto_seconds:.1f} s")
    for step, took in done.seconds.items():
        print(f"  {took:8.1f} s  {step}")
    report_to_audit_log()


@app.command()
def drilled(
    report: Annotated[Path, typer.Argument(help="What `drill --report` wrote.")],
) -> None:
    """Tell the environment's database of a drill that was made where it is not reached. Again, it changes
    nothing."""
    from hotel_booking.ops.backup.configured import database
    from hotel_booking.ops.backup.results import Drill
    from hotel_booking.ops.refusals import Refused

    result = Drill.read(report)
    if not result.tell(database(os.environ, sys.argv)):
        raise Refused("the database does not take it: is it up, and migrated?")
    print(
        f"told: the drill of {result.at:%Y-%m-%d %H:%M} UTC {'succeeded' if result.succeeded else 'failed'}"
    )


def _tell_drill(result: Any) -> None:
    """Where the environment names a database; what it does not take is said, with the way to do it later."""
    from hotel_booking.core.environment import read_settings
    from hotel_booking.core.setting_files import names_database

    if names_database(os.environ):
        url = read_settings({"HOTEL_ENVIRONMENT": "demo", **os.environ}).database_url
        if result.tell(url):
            return
        progress("the database did not take the result: no metric and no page knows of this drill")
    else:
        progress("no database is named (DATABASE_URL, DB_HOST): no metric and no page knows of this drill")
    progress("With --report FILE it can be told later: hotel-booking ops backup drilled FILE")
