"""deployment/scripts/backup-restore.sh from any directory, as an operator runs it: to production with another
person's approval; interrupted, twice at once, with bad input, after the disk is gone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotel_booking import migrations
from hotel_booking.core.db import Database
from hotel_booking.ops.evidence import make_key
from tests.clients.own_postgresql import OwnPostgresql, own_postgresql
from tests.clients.waiting import wait_until
from tests.factories.small_hotel import small_hotel

pytestmark = pytest.mark.nightly

ROOT = Path(__file__).resolve().parents[2]
ANN, BOB = make_key(), make_key()
HOTELS = "SELECT count(*) FROM property"


class Operators:
    """Two people with keys, on the database's machine."""

    def __init__(self, own: OwnPostgresql) -> None:
        self.own = own
        signers = own.folder / "signers"
        signers.write_text(f"ann restore {ANN[1]}\nbob restore {BOB[1]}\n")
        self.environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("HOTEL_", "DB_"))
        } | {**own.environ(), "HOTEL_EVIDENCE_SIGNERS": str(signers)}

    def command(self, *words: str, script: bool = True) -> list[str]:
        program = ROOT / "deployment" / "scripts" / "backup-restore.sh"
        return [str(program if script else Path(sys.executable).with_name("hotel-booking")), *words]

    def run(
        self, *words: str, key: tuple[str, str] | None = None, code: int = 0, script: bool = True, **more: str
    ) -> str:
        """What it said; it ended with this code, and without a traceback."""
        environ = {**self.environ, **({"HOTEL_EVIDENCE_KEY": key[0]} if key else {}), **more}
        done = subprocess.run(
            self.command(*words, script=script), env=environ, cwd="/", stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr


@pytest.fixture(scope="module")
def operators() -> Iterator[Operators]:
    """On a database with a small hotel and a backup of it."""
    with own_postgresql() as own:
        migrations.upgrade(own.url)

        async def fill() -> None:
            async with Database.open(own.url, size=1) as db:
                await small_hotel(db)

        asyncio.run(fill())
        operators = Operators(own)
        assert "full" in operators.run("backup")
        yield operators


def test_what_is_missing_is_asked_for_with_the_command_that_works(operators: Operators) -> None:
    for words in (["list"], ["backup"], ["verify"], ["restore", "20240115-120000", "production"]):
        said = operators.run(*words, code=2, HOTEL_BACKUP_ENGINE="", HOTEL_EVIDENCE_KEY="")
        assert f"backup-restore.sh {' '.join(words)}" in said
    assert "none of dump, pgbackrest" in operators.run("list", code=2, HOTEL_BACKUP_ENGINE="tape")
    assert "shorter than 16" in operators.run("list", code=2, HOTEL_BACKUP_KEY="short")
    assert "is no folder" in operators.run("list", code=2, HOTEL_DATABASE_HOME="/nowhere")


def test_bad_input_touches_nothing(operators: Operators) -> None:
    own = operators.own
    before = own.servers.current.resolve()
    backup = own.engine.backups()[0].id
    operators.run("restore", backup, "nowhere", code=2)
    operators.run("restore", backup, "production", "--to-time", "yesterday", key=BOB, code=2)
    assert "there is no backup 20200101-000000" in operators.run(
        "restore", "20200101-000000", "production", key=BOB, code=2
    )
    assert "is no backup's id" in operators.run("restore", "monday", "production", key=BOB, code=2)
    said = operators.run("restore", backup, "production", key=BOB, code=2)
    assert "has no approval" in said
    assert f"  hotel-booking ops backup approve {backup} production --reason 'WHY'" in said
    operators.run("approve", backup, "production", "--reason", "a trial", key=ANN)
    said = operators.run("restore", backup, "production", key=ANN, code=1)
    assert "ann runs this, and has approved it: it takes another person" in said
    stranger = make_key()
    assert "nobody's whose signature counts" in operators.run(
        "restore", backup, "production", key=stranger, code=2
    )
    said = operators.run("restore", "latest", "production", key=BOB, code=2)
    assert "has no approval" in said, "one for another backup does not count"
    said = operators.run(
        "restore", backup, "production", "--to-time", "2026-01-01T00:00:00Z", key=BOB, code=1
    )
    assert "is for another restore" in said
    record = own.folder / "ops" / "approvals" / f"{backup}-production.json"
    record.write_text(record.read_text().replace('"sig": "', '"sig": "A'))
    assert "does not count" in operators.run("restore", backup, "production", key=BOB, code=1)
    record.unlink()
    said = operators.run("restore", backup, "staging", code=1, HOTEL_STAGING_DATABASE_URL=own.url)
    assert "is production's own database" in said
    assert own.servers.current.resolve() == before
    assert list((own.home / "instances").iterdir()) == [before]


def test_interrupted_the_old_one_serves_and_it_can_be_run_again(operators: Operators) -> None:
    own = operators.own
    before = own.servers.current.resolve()
    own.archived()
    operators.run("approve", "latest", "production", "--reason", "a trial", key=ANN)
    environ = {**operators.environ, "HOTEL_EVIDENCE_KEY": BOB[0]}
    for number in (signal.SIGKILL, signal.SIGTERM):
        running = subprocess.Popen(
            operators.command("restore", "latest", "production"), env=environ, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert running.stderr is not None
        for line in running.stderr:
            if "verify it" in line:
                break
        running.send_signal(number)
        running.stderr.read()
        assert running.wait(timeout=60) != 0
        assert own.servers.current.resolve() == before
        own.execute("UPDATE property SET stars = 4")  # it takes writes
    own.archived()
    said = operators.run("restore", "latest", "production", key=BOB)
    assert "It is closed for sale" in said
    assert own.servers.current.resolve() != before
    assert own.value(HOTELS) == 1
    assert "It was closed" not in operators.run("recovery", "report", code=3, script=False)
    assert "restored from" in operators.run("ops", "maintenance", "off", code=1, script=False)
    operators.run("recovery", "open", "--unmatched", script=False)
    assert "has been used" in operators.run("restore", "latest", "production", key=BOB, code=1)
    operators.run("back")
    assert own.servers.current.resolve() == before
    assert own.value("SELECT succeeded FROM operations_result WHERE kind = 'backup' LIMIT 1") is True


def test_two_restores_at_once(operators: Operators) -> None:
    own = operators.own
    own.archived()
    operators.run("approve", "latest", "production", "--reason", "a trial", key=ANN)
    environ = {**operators.environ, "HOTEL_EVIDENCE_KEY": BOB[0]}
    first = subprocess.Popen(
        operators.command("restore", "latest", "production"), env=environ, cwd="/", text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert first.stderr is not None
    first.stderr.readline()
    assert "it runs already" in operators.run("restore", "latest", "production", key=BOB, code=1)
    first.stderr.read()
    assert first.wait(timeout=300) == 0
    assert own.value(HOTELS) == 1
    operators.run("recovery", "open", "--unmatched", script=False)


def test_after_the_machine_has_lost_its_data(operators: Operators) -> None:
    own = operators.own
    own.execute("UPDATE property SET name = 'Named at the last moment'")
    own.archived()
    own.destroy()
    operators.run("approve", "latest", "production", "--reason", "the disk is gone", key=ANN)
    assert "serves, as of" in operators.run("restore", "latest", "production", key=BOB)
    assert own.value("SELECT name FROM property") == "Named at the last moment"
    wait_until(lambda: own.value("SELECT last_archived_wal IS NOT NULL FROM pg_stat_archiver") is True)
    assert "every backup is whole" in operators.run("verify")
