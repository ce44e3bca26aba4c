"""The database is looked at and taken care of, on a real server, while somebody uses it."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hotel_booking.ops.database import care, inspection
from hotel_booking.ops.refusals import Busy
from tests.clients.command_line import command
from tests.clients.waiting import wait_until
from tests.ops.test_ops_cli import SCRIPTS, wrapper

pytestmark = pytest.mark.postgresql


@pytest.fixture
def environ(tmp_path: Path, database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
    }


@pytest.fixture
def db(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def ask(db: psycopg.Connection, statement: str) -> Any:
    row = db.execute(statement).fetchone()
    assert row is not None
    return row[0]


def worn(db: psycopg.Connection) -> None:
    """A table most of whose rows are gone, with a bloated index, a double one, and a broken one."""
    db.execute("CREATE TABLE worn (id int PRIMARY KEY, word text) WITH (autovacuum_enabled = false)")
    db.execute("INSERT INTO worn SELECT n, md5(n::text) FROM generate_series(1, 150000) n")
    db.execute("CREATE INDEX worn_word ON worn (word)")
    db.execute("CREATE INDEX worn_word_again ON worn (word)")
    db.execute("DELETE FROM worn WHERE id % 20 > 0")
    db.execute("ANALYZE worn")
    db.execute("INSERT INTO worn SELECT 200000 + n, 'same' FROM generate_series(1, 2) n")
    with pytest.raises(psycopg.errors.UniqueViolation):
        db.execute("CREATE UNIQUE INDEX CONCURRENTLY worn_broken ON worn (word)")
    db.execute("DELETE FROM worn WHERE word = 'same'")
    db.execute("SELECT pg_stat_force_next_flush()")


def size(db: psycopg.Connection, name: str) -> int:
    return int(ask(db, f"SELECT pg_relation_size('{name}')"))


def invalid(db: psycopg.Connection) -> int:
    return int(ask(db, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"))


def test_what_is_worn_is_reported_and_mended_and_then_nothing_is_left(
    environ: dict[str, str], db: psycopg.Connection
) -> None:
    worn(db)
    wait_until(lambda: ask(db, "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'worn'") > 100_000)
    told = json.loads(command("ops", "database", "report", "--json", seconds=60, **environ).stdout)
    found = {one["name"]: one for one in told["indexes"]}
    assert found["public.worn_broken"]["valid"] is False
    assert found["public.worn_word_again"]["same_as"] == "worn_word"
    assert found["public.worn_word"]["unused"] is True
    assert found["public.worn_pkey"]["unused"] is False, "it guards something"
    before = size(db, "worn_word")
    assert found["public.worn_word"]["bloat"] > before / 2
    table = command("ops", "database", "report", seconds=60, **environ)
    assert table.returncode == 0, table.stderr
    assert "Connections:" in table.stdout

    dry = command("ops", "database", "maintenance", "--dry-run", seconds=60, **environ)
    assert "REINDEX INDEX CONCURRENTLY public.worn_broken" in dry.stdout
    assert (invalid(db), size(db, "worn_word")) == (1, before), "it was dry"
    done = command("ops", "database", "maintenance", "--now", "--json", seconds=120, **environ)
    assert done.returncode == 0, done.stderr
    assert {one["outcome"] for one in json.loads(done.stdout)} == {"done"}
    assert (invalid(db), size(db, "worn_word") < before / 2) == (0, True)
    again = command("ops", "database", "maintenance", "--dry-run", seconds=60, **environ)
    assert "worn" not in again.stdout
    with psycopg.connect(environ["DATABASE_URL"]) as other:
        acts = other.execute(
            "SELECT object_id FROM audit_entry WHERE action = 'ops.database' ORDER BY id"
        ).fetchall()
    assert acts == [("maintenance",)] * 2, "its beginning and its end are in the audit log"


def test_outside_of_a_window_the_line_that_works_is_said(
    environ: dict[str, str], db: psycopg.Connection, tmp_path: Path
) -> None:
    db.execute("DELETE FROM maintenance_window")
    script = SCRIPTS / "db-maintenance.sh"
    refused = wrapper(script, "--budget", "10m", cwd=tmp_path, **environ)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.splitlines()[-1].strip() == f"{script} --budget 10m --now"
    assert not (tmp_path / "spool").exists(), "nothing was begun"
    db.execute(
        "INSERT INTO maintenance_window (starts_at, ends_at, title, body, components, created_at, updated_at)"
        " VALUES (now() - interval '1 hour', now() + interval '1 hour', 'a', 'b', '{api}', now(), now())"
    )
    inside = wrapper(script, "--budget", "10m", cwd=tmp_path, **environ)
    assert inside.returncode == 0, inside.stderr
    for wrong in ("soon", "0m", ""):
        assert wrapper(script, "--budget", wrong, cwd=tmp_path, **environ).returncode == 2


def test_one_run_at_a_time_from_whatever_machine(
    environ: dict[str, str], db: psycopg.Connection, tmp_path: Path
) -> None:
    with care.alone(db):
        busy = command("ops", "database", "maintenance", "--now", seconds=60, **environ)
        assert (busy.returncode, "already" in busy.stderr) == (1, True)
        with inspection.connected(environ["DATABASE_URL"]) as other, pytest.raises(Busy), care.alone(other):
            pass
    with inspection.connected(environ["DATABASE_URL"]) as other, care.alone(other):
        pass


def test_what_is_in_use_is_left_and_leaves_nothing_behind(
    environ: dict[str, str], db: psycopg.Connection
) -> None:
    worn(db)
    results: list[care.StepResult] = []
    with psycopg.connect(environ["DATABASE_URL"]) as holder:
        holder.execute("UPDATE worn SET word = word WHERE id = 20")
        with inspection.connected(environ["DATABASE_URL"]) as maintaining:
            maintaining.execute("SET lock_timeout = '300ms'")
            results += care.maintain(maintaining, seconds=60, tell=lambda *_: None)
        builds = [one for one in results if "worn_word" in one.statement]
        assert {one.outcome for one in builds} == {"left"}
    with inspection.connected(environ["DATABASE_URL"]) as maintaining:
        results = care.maintain(maintaining, seconds=60, tell=lambda *_: None)
        assert {one.outcome for one in results} == {"done"}
        assert not [one for one in inspection.indexes(maintaining) if one.leftover]
        worn_out = care.plan(inspection.indexes(maintaining), [])
        assert [one for one in worn_out if "worn" in one.statement] == []
    assert invalid(db) == 0


def test_a_run_without_time_leaves_all_and_says_so(environ: dict[str, str], db: psycopg.Connection) -> None:
    worn(db)
    with inspection.connected(environ["DATABASE_URL"]) as maintaining:
        results = care.maintain(maintaining, seconds=0, tell=lambda *_: None)
    assert {one.outcome for one in results} == {"left"}
    assert invalid(db) == 1


def test_a_run_that_is_ended_ends_its_statement_and_is_taken_up(
    environ: dict[str, str], db: psycopg.Connection
) -> None:
    worn(db)
    working = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'hotel-booking ops database' AND query LIKE 'REINDEX%'"
    )
    with psycopg.connect(environ["DATABASE_URL"]) as holder:
        holder.execute("UPDATE worn SET word = word WHERE id = 20")
        script = SCRIPTS / "db-maintenance.sh"
        running = subprocess.Popen(
            [script, "--now"], env=environ | {"PATH": "/usr/bin:/bin"}, stderr=subprocess.PIPE, text=True
        )
        wait_until(lambda: ask(db, working) == 1, child=running)
        running.send_signal(signal.SIGTERM)
        _, said = running.communicate(timeout=60)
        assert (running.returncode, "Traceback" in said) == (130, False), said
        wait_until(lambda: ask(db, working) == 0)
    done = command("ops", "database", "maintenance", "--now", seconds=120, **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert invalid(db) == 0


def test_who_locks_a_table_is_named_and_does_not_keep_the_report_back(environ: dict[str, str]) -> None:
    with psycopg.connect(environ["DATABASE_URL"]) as holder:
        holder.execute("LOCK TABLE staff")
        table = command("ops", "database", "report", seconds=60, **environ)
        assert table.returncode == 0, table.stderr
        assert "Tables and indexes could not be looked at" in table.stdout
        process = holder.info.backend_pid
        assert f"{process}  " in table.stdout
        assert "LOCK TABLE staff" in table.stdout


def test_a_statement_stands_whole_below_whose_it_is(environ: dict[str, str]) -> None:
    with psycopg.connect(environ["DATABASE_URL"], application_name="the front desk") as holder:
        process = holder.info.backend_pid
        holder.execute("SELECT pg_sleep(1.1) AS a_column_with_a_name_that_no_table_of_eighty_columns_keeps")
        told = command(
            "ops", "database", "report", "--longer-than", "1s", seconds=60, COLUMNS="80", **environ
        )
    (first, second) = told.stdout.partition(f"{process}  ")[2].splitlines()[:2]
    assert "the front desk: idle in transaction, in a transaction since " in first
    assert second.strip().startswith("SELECT pg_sleep(?.?) AS a_column_with_a_name_that_no_table_of")


def test_only_long_statements_of_this_database_s_clients_are_ended(
    environ: dict[str, str], db: psycopg.Connection
) -> None:
    with (
        psycopg.connect(environ["DATABASE_URL"], autocommit=True) as sleeper,
        psycopg.connect(environ["DATABASE_URL"]) as idle,
    ):
        idle.execute("SELECT 1")
        pid = sleeper.info.backend_pid
        ended: list[BaseException] = []

        def sleep() -> None:
            try:
                sleeper.execute("SELECT pg_sleep(120), 'Ada Example'")
            except psycopg.Error as error:
                ended.append(error)

        thread = threading.Thread(target=sleep)
        thread.start()
        words = ("--longer-than", "1s")

        def seen() -> list[int]:
            told = command("ops", "database", "queries", "--json", *words, seconds=60, **environ)
            assert "Ada" not in told.stdout
            return [one["pid"] for one in json.loads(told.stdout)["queries"]]

        wait_until(lambda: seen() == [pid])
        assert "None" not in command("ops", "database", "queries", seconds=60, **environ).stdout
        dry = command("ops", "database", "end-queries", "--dry-run", *words, seconds=60, **environ)
        assert (dry.returncode, str(pid) in dry.stdout) == (0, True)
        asked = command("ops", "database", "end-queries", *words, seconds=60, **environ)
        assert (asked.returncode, asked.stderr.splitlines()[-1].strip()) == (
            2,
            "hotel-booking ops database end-queries --longer-than 1s --yes",
        )
        assert thread.is_alive(), "nothing was ended yet"
        done = command("ops", "database", "end-queries", "--yes", *words, seconds=60, **environ)
        assert (done.returncode, done.stdout.splitlines()[-1]) == (
            0,
            "1 ended; 0 had ended by themselves.",
        ), done.stderr
        thread.join(timeout=30)
        assert len(ended) == 1
        assert idle.execute("SELECT 2").fetchone() == (2,), "who is not active goes on"
