"""Rows of the past go to files, and nothing that is proved by them is lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest

from hotel_booking.cli import ops_archive
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.audit import chain
from hotel_booking.domains.bookings.invariants import Difference
from hotel_booking.ops.backup.configured import tar_backups
from tests.clients.command_line import command
from tests.factories.invariants import differences
from tests.factories.small_hotel import small_hotel

pytestmark = pytest.mark.postgresql

KEY = "a key of sixteen characters and more"
NIGHTS = 50


@pytest.fixture
async def hotel(db: Database) -> Database:
    await small_hotel(db)
    return db


@pytest.fixture
def environ(hotel: Database, database_url: str, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "store").mkdir()
    return {
        "DATABASE_URL": database_url,
        "HOTEL_ENVIRONMENT": "demo",
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "HOTEL_BACKUP_STORE": str(tmp_path / "store"),
        "HOTEL_BACKUP_KEY": KEY,
    }


def maintained(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return command("ops", "database", "maintenance", "--now", *words, seconds=600, **environ)


def verified(environ: dict[str, str], *words: str) -> dict[str, Any]:
    done = command("audit-log", "verify", "--json", *words, seconds=600, **environ)
    assert "Traceback" not in done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture
async def old(hotel: Database) -> datetime:
    """Nights, prices and entries of long ago; when they were."""
    long_ago = datetime.now(UTC) - timedelta(days=1500)
    async with hotel.transaction() as tx:
        await tx.execute(
            "INSERT INTO room_night (room_type_id, night, physical)"
            " SELECT id, $1::date + n, 3 FROM room_type, generate_series(0, $2 - 1) AS n",
            long_ago.date(),
            NIGHTS,
        )
        await tx.execute(
            "INSERT INTO rate_night (room_type_id, rate_plan_id, night, price)"
            " SELECT t.id, p.id, $1::date + n, 9000 FROM room_type t JOIN rate_plan p USING (property_id),"
            "        generate_series(0, $2 - 1) AS n",
            long_ago.date(),
            NIGHTS,
        )
    # Time is the one thing that a test cannot wait for: what is in the log becomes old without its guard.
    async with hotel.transaction() as tx:
        await tx.execute("ALTER TABLE audit_entry DISABLE TRIGGER append_only")
        await tx.execute("UPDATE audit_entry SET at = $1", long_ago)
        await tx.execute("ALTER TABLE audit_entry ENABLE TRIGGER append_only")
        await tx.execute("UPDATE property SET stars = 4, name = 'Renamed today'")
    await chain.seal(hotel)
    return long_ago


async def differences_at(url: str) -> list[Difference]:
    async with Database.open(url, size=1) as db:
        return await differences(db)


def rows(url: str, statement: str) -> Any:
    with psycopg.connect(url, autocommit=True) as db:
        found = db.execute(statement).fetchone()
        assert found is not None
        return found[0]


def test_the_past_goes_to_files_and_the_chain_and_the_proof_go_on(
    old: datetime, environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    before = verified(environ)
    entries = rows(database_url, f"SELECT count(*) FROM audit_entry WHERE at < '{old + timedelta(days=1)}'")
    ahead = rows(database_url, "SELECT count(*) FROM room_night WHERE night >= current_date - 1000")
    assert entries > 3
    planned = maintained(environ, "--archive", "3y", "--dry-run")
    kinds = rows(database_url, "SELECT count(*) FROM room_type")
    assert f"archive room_night  ({NIGHTS * kinds} nights before" in planned.stdout
    assert "archive audit_entry" in planned.stdout
    assert rows(database_url, "SELECT count(*) FROM night_archive") == 0

    done = maintained(environ, "--archive", "3y")
    assert done.returncode == 0, done.stdout + done.stderr
    assert rows(database_url, "SELECT count(*) FROM room_night WHERE night < current_date - 1000") == 0
    assert rows(database_url, "SELECT count(*) FROM rate_night WHERE night < current_date - 1000") == 0
    assert rows(database_url, "SELECT count(*) FROM room_night WHERE night >= current_date - 1000") == ahead
    assert rows(database_url, f"SELECT count(*) FROM audit_entry WHERE at < '{old + timedelta(days=1)}'") == 0
    assert asyncio.run(differences_at(database_url)) == []

    after = verified(environ)
    assert (after["archived"], after["problem"]) == (entries, None)
    assert after["links"] >= before["links"], "its numbers go on"
    whole = verified(environ, "--archive", "--anchor", before["head"])
    assert (whole["problem"], whole["links"]) == (None, after["links"])
    again = maintained(environ, "--archive", "3y")
    assert "archive" not in again.stdout

    ids = _files(environ)
    assert len(ids) == 3
    unpacked = []
    for number, backup_id in enumerate(ids):
        folder = tmp_path / f"unpacked-{number}"
        words = ("ops", "backup", "unpack", backup_id, str(folder), "--of", "archive")
        assert command(*words, seconds=600, **environ).returncode == 0
        (file,) = folder.iterdir()
        unpacked.append((file.name, [json.loads(line) for line in file.read_text().splitlines()]))
    found = dict(unpacked)
    assert len(found["room_night.jsonl"]) == NIGHTS * kinds
    assert {"night", "physical", "taken", "room_type_id"} <= found["room_night.jsonl"][0].keys()
    assert found["rate_night.jsonl"][0]["price"] == 9000
    assert found["audit_entry.jsonl"][0] == {"after": 0, "hash": "0" * 64}
    assert len(found["audit_entry.jsonl"]) == entries + 1


@pytest.mark.usefixtures("old")
async def test_nothing_of_the_log_goes_without_a_file_that_has_it(hotel: Database) -> None:
    for statement in (
        "DELETE FROM audit_entry",
        "DELETE FROM audit_link",
        "TRUNCATE audit_entry CASCADE",
        "UPDATE audit_entry SET action = 'x'",
        "UPDATE audit_link SET hash = ''",
    ):
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            async with hotel.transaction() as tx:
                await tx.execute(statement)
    async with hotel.transaction() as tx:
        await tx.execute("INSERT INTO audit_archive VALUES (2, '', 'x', '', now())")
    for statement in (
        "DELETE FROM audit_entry WHERE id = (SELECT entry_id FROM audit_link WHERE position = 3)",
        "DELETE FROM audit_link WHERE position = 3",
        "DELETE FROM audit_archive",
        "UPDATE audit_archive SET position = 99",
    ):
        with pytest.raises(asyncpg.PostgresError, match="append-only"):
            async with hotel.transaction() as tx:
                await tx.execute(statement)


@pytest.mark.usefixtures("old")
def test_what_was_tampered_with_stays_and_is_named(environ: dict[str, str], database_url: str) -> None:
    with psycopg.connect(database_url) as db:
        db.execute("ALTER TABLE audit_entry DISABLE TRIGGER append_only")
        db.execute(
            "UPDATE audit_entry SET actor_name = 'somebody else'"
            " WHERE id = (SELECT entry_id FROM audit_link WHERE position = 2)"
        )
        db.execute("ALTER TABLE audit_entry ENABLE TRIGGER append_only")
    entries = rows(database_url, "SELECT count(*) FROM audit_entry")
    done = maintained(environ, "--archive", "3y")
    assert done.returncode == 1
    assert "link 2: its entry" in done.stdout
    assert "nothing is moved of it" in done.stdout
    assert rows(database_url, "SELECT count(*) FROM audit_entry") >= entries
    assert rows(database_url, "SELECT count(*) FROM room_night WHERE night < current_date - 1000") == 0


@pytest.mark.usefixtures("old")
def test_a_file_that_is_lost_or_changed_is_found(environ: dict[str, str], tmp_path: Path) -> None:
    assert maintained(environ, "--archive", "3y").returncode == 0
    newest = max((tmp_path / "store" / "archive").iterdir())  # the log's is written last
    whole = newest.read_bytes()
    newest.write_bytes(whole[:-40] + bytes(40))
    assert "damaged" in verified(environ, "--archive")["problem"]
    assert command("ops", "backup", "verify", "--of", "archive", seconds=600, **environ).returncode == 1
    newest.unlink()
    assert "there is no backup" in verified(environ, "--archive")["problem"]
    assert verified(environ)["problem"] is None, "what is here is as it was"


@pytest.mark.usefixtures("old")
def test_where_the_file_cannot_be_written_nothing_goes(
    environ: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "store" / "archive").write_text("a file where the folder should be")
    count = "SELECT (SELECT count(*) FROM room_night) + (SELECT count(*) FROM audit_link)"
    before = rows(database_url, count)
    done = maintained(environ, "--archive", "3y")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "cannot be written" in done.stderr
    assert rows(database_url, count) == before


@pytest.mark.parametrize("number", [pytest.param(signal.SIGINT, marks=pytest.mark.nightly), signal.SIGKILL])
@pytest.mark.usefixtures("old")
def test_ended_between_a_file_and_its_commit_nothing_is_lost_and_the_next_run_moves_it(
    environ: dict[str, str], database_url: str, number: signal.Signals
) -> None:
    before = verified(environ)
    entries = "SELECT count(*) FROM audit_entry WHERE at < now() - interval '1000 days'"
    there = rows(database_url, entries)
    child = os.fork()
    if not child:
        try:
            _end_in_the_log(environ, database_url, number)
        finally:
            os._exit(1)
    os.waitpid(child, 0)
    assert rows(database_url, "SELECT count(*) FROM rate_night WHERE price = 9000") == 0  # the part before
    assert rows(database_url, entries) == there > 0
    assert verified(environ, "--archive", "--anchor", before["head"])["problem"] is None
    assert len(_files(environ)) == 3  # that of the log is there, and nothing was let go for it
    assert maintained(environ, "--archive", "3y").returncode == 0
    assert rows(database_url, entries) == 0
    assert verified(environ, "--archive", "--anchor", before["head"])["problem"] is None


def _end_in_the_log(environ: dict[str, str], url: str, number: signal.Signals) -> None:
    """Archive, and get the signal when the log's file is written, before its rows go."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # one of several workers ignores it
    store = tar_backups("archive", environ, ["hotel-booking"], utc_now)
    put = store.put

    def ended(name: str, content: bytes, say: Any) -> Any:
        made = put(name, content, say)
        if name.startswith("audit_entry"):
            os.kill(os.getpid(), number)
            time.sleep(2)  # Ctrl-C comes to the other thread, and takes a moment
        return made

    store.put = ended  # type: ignore[method-assign]  # the one moment that matters cannot be hit from outside
    long_ago = utc_now() - timedelta(days=1100)
    ops_archive.archive(url, store, before=long_ago, seconds=60, tell=lambda *_: None)


def _files(environ: dict[str, str]) -> list[str]:
    listed = command("ops", "backup", "list", "--of", "archive", seconds=600, **environ).stdout.splitlines()
    return [line.split()[0] for line in listed if line[:2] == "20"]


@pytest.mark.usefixtures("old")
async def test_a_night_of_the_archive_can_be_given_back_and_not_taken(hotel: Database) -> None:
    async with hotel.transaction() as tx:
        await tx.execute("INSERT INTO night_archive (before) VALUES (current_date - 1000)")
        await tx.execute("DELETE FROM room_night WHERE night < current_date - 1000")
        kinds = "ARRAY[(SELECT min(id) FROM room_type)]"
        given = f"SELECT inventory_change({kinds}, ARRAY[$1::date], ARRAY[$2::date], ARRAY[$3::int])"
        day = datetime.now(UTC).date() - timedelta(days=1490)
        await tx.execute(given, day, day + timedelta(days=2), -1)
    with pytest.raises(asyncpg.PostgresError, match="sold out"):
        async with hotel.transaction() as tx:
            await tx.execute(given, day, day + timedelta(days=2), 1)
    with pytest.raises(asyncpg.PostgresError, match="sold out"):
        async with hotel.transaction() as tx:  # no such night, and none was archived
            await tx.execute(given, day + timedelta(days=900), day + timedelta(days=901), -1)


@pytest.mark.parametrize(
    ("age", "said"),
    [("1y", "400 days stay"), ("soon", "is no age"), ("", "is no age"), ("-3y", "is no age"), ("999y", "")],
)
def test_an_age_that_makes_no_sense_is_refused(environ: dict[str, str], age: str, said: str) -> None:
    done = maintained(environ, f"--archive={age}", "--dry-run")
    if said and age:
        assert done.returncode == 2
        assert said in done.stderr
    else:
        assert done.returncode == 0


def test_without_a_store_the_line_that_works_is_printed(environ: dict[str, str]) -> None:
    done = maintained(environ | {"HOTEL_BACKUP_STORE": ""}, "--archive", "3y")
    assert done.returncode == 2
    assert "HOTEL_BACKUP_STORE" in done.stderr


def test_two_runs_in_one_second_have_a_file_each(tmp_path: Path) -> None:
    environ = {"HOTEL_BACKUP_STORE": str(tmp_path), "HOTEL_BACKUP_KEY": KEY}
    looks = count()

    def clock() -> datetime:
        return datetime(2026, 3, 1, 9, 0, tzinfo=UTC) + timedelta(seconds=next(looks) // 4)

    ids = []
    for content in (b"one", b"other"):
        store = tar_backups("archive", environ, ["hotel-booking"], clock)
        ids.append(store.put("room_night.jsonl", content, lambda _line: None).id)
    assert ids == ["20260301-090000", "20260301-090001"]
    assert [store.get(each) for each in ids] == [b"one", b"other"]


def test_reading_the_archive_asks_for_no_database(tmp_path: Path) -> None:
    environ = {"HOTEL_BACKUP_STORE": str(tmp_path), "HOTEL_BACKUP_KEY": KEY}
    assert tar_backups("archive", environ, ["hotel-booking"], utc_now).backups() == []
