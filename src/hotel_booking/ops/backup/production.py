"""To production: a new instance, looked at before it serves, closed for sale, switched to by one step.

Until the switch the old one serves and is not written to by us. During the last look and the switch a lock
keeps everybody else from writing to it: its connection's, so that it ends with us however we end.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import msgspec
import psycopg

from hotel_booking.core.schema import NEWEST
from hotel_booking.ops.backup import results
from hotel_booking.ops.backup.engine import Backup, Engine, Instance, Say, Until
from hotel_booking.ops.refusals import Refused, plainly

_CHECK_SECONDS = 1800
# In one statement, in one order; whoever reads goes on.
_LOCK = """
DO $$ BEGIN
    EXECUTE (SELECT 'LOCK TABLE ' || string_agg(format('%I.%I', n.nspname, c.relname), ', '
                                                ORDER BY c.relname) || ' IN EXCLUSIVE MODE'
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p'));
END $$"""


class Inspection(msgspec.Struct, frozen=True):
    """What was found in the restored instance: its newest heartbeat, rows by table, what is wrong."""

    schema: str
    newest: datetime | None
    rows: dict[str, int]
    problems: list[str]


class RestoreResult(msgspec.Struct, frozen=True):
    """What a restore came to; `seconds` by step, in their order."""

    instance: Instance
    looked: Inspection
    seconds: dict[str, float]


class StepTimes:
    """How long each step took, told as they begin."""

    def __init__(self, say: Say) -> None:
        self.seconds: dict[str, float] = {}
        self._say = say

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """A step of this name."""
        self._say(f"— {name}")
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 1)


def to_production(
    engine: Engine,
    backup: Backup,
    until: Until,
    *,
    environ: Mapping[str, str],
    say: Say,
    allowed: Callable[[], object],
    now: Callable[[], datetime],
    switched: Callable[[Instance], object] = lambda _instance: None,
) -> RestoreResult:
    """Restore, verify, close for sale, switch. `allowed` is called last before the switch, and uses the
    approval up; `switched` right after it. Whatever fails before the switch removes the new instance and
    leaves the old one serving."""
    steps, began = StepTimes(say), now()
    engine.check_switch()
    with steps.step("restore to a new instance"):
        instance = engine.restore(backup, until=until, say=say)
    try:
        with steps.step("verify it"):
            looked = look(instance.url, environ=environ)
            if looked.problems:
                raise Refused(
                    "the restored instance is not as it must be; the one that serves was not touched",
                    *(f"  {problem}" for problem in looked.problems[:20]),
                )
        with locked(engine.serving()) as old:
            with steps.step("close it for sale"):
                words = ["recovery", "begin", "--backup", backup.id]
                run(instance.url, *words, *(["--old-url", engine.serving()] * old), environ=environ)
            with steps.step("switch"):
                allowed()
                engine.switch(instance, say)
                switched(instance)
    except BaseException:
        with suppress(Refused, psycopg.Error):
            engine.discard(instance, say)  # refused for one that serves already
        raise
    results.tell(
        engine.serving(),
        "restore",
        at=began,
        succeeded=True,
        detail={"backup": backup.id, "instance": instance.name, "seconds": steps.seconds},
    )
    return RestoreResult(instance, looked, steps.seconds)


def look(url: str, *, environ: Mapping[str, str]) -> Inspection:
    """Bring it to this release, and have the platform check it: row counts, newest heartbeat, invariants,
    ledger sums, audit chain. Refused where its schema is of a newer release."""
    with psycopg.connect(url, connect_timeout=10) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            raise Refused("the restored instance has no database of this platform")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    if row and str(row[0]) > NEWEST:
        raise Refused(
            f"the backup is of a newer release: its schema is {row[0]}, this release knows up to {NEWEST}",
            "Nothing was touched. Restore it by that release, or a newer one.",
        )
    run(url, "migrate", environ=environ)
    found = run(url, "recovery", "check", "--json", environ=environ, fails=True)
    try:
        return msgspec.json.decode(found, type=Inspection)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise Refused(f"the restored instance could not be checked: {found.strip()[-300:]}") from None


def run(url: str, *words: str, environ: Mapping[str, str], fails: bool = False) -> str:
    """Run one of our commands on a database: the platform's domains are checked by another process, for this
    one works where they cannot be imported. Refused where it fails, unless it `fails` by its nature."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("DB_", "DATABASE_")) and name != "HOTEL_POOLED_DATABASE_URL"
    }
    done = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-P", "-c", "from hotel_booking.cli import main; main()", *words],
        env={"HOTEL_ENVIRONMENT": "demo", **kept, "DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=_CHECK_SECONDS,
    )
    if done.returncode and not (fails and done.stdout.strip()):
        said = (done.stderr or done.stdout).strip()
        raise Refused(f"hotel-booking {' '.join(words[:2])} failed on the restored instance: {said[-400:]}")
    return done.stdout


@contextmanager
def locked(url: str) -> Iterator[bool]:
    """Nobody writes to this database meanwhile, if it answers; whether it does."""
    try:
        connection: Any = psycopg.connect(url, connect_timeout=5)
    except psycopg.OperationalError:
        yield False
        return
    try:
        connection.execute("SET lock_timeout = '10s'")
        connection.execute(_LOCK)
    except psycopg.Error as error:
        connection.close()
        raise Refused(
            f"writing to the one that serves could not be held up: {plainly(error)[:200]}",
            "It serves on. Run this again when less is going on.",
        ) from None
    try:
        yield True
    finally:
        connection.close()
