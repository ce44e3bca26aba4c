"""What a restore to production says at its end, which is when it matters who serves."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from hotel_booking.core.db import Database
from hotel_booking.ops.backup import dump
from hotel_booking.ops.evidence import make_key
from tests.clients.command_line import command
from tests.factories.small_hotel import small_hotel

pytestmark = pytest.mark.postgresql

ANN, BOB = make_key(), make_key()


@pytest.fixture
def environ(tmp_path: Path, database_url: str) -> Iterator[dict[str, str]]:
    """Two people with keys, a small hotel, and a folder for whole files; what a restore leaves beside the
    database is dropped in the end."""

    async def fill() -> None:
        async with Database.open(database_url, size=1) as db:
            await small_hotel(db)

    asyncio.run(fill())
    signers = tmp_path / "signers"
    signers.write_text(f"ann restore {ANN[1]}\nbob restore {BOB[1]}\n")
    yield {
        "DATABASE_URL": database_url,
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "HOTEL_EVIDENCE_SIGNERS": str(signers),
        "HOTEL_BACKUP_ENGINE": "dump",
        "HOTEL_BACKUP_STORE": str(tmp_path),
        "HOTEL_BACKUP_KEY": "a key of more than sixteen characters",
    }
    name = dump.name_of(database_url)
    with psycopg.connect(dump.url_of(database_url, "postgres"), autocommit=True) as connection:
        for end in ("before", "restored"):
            connection.execute(f'DROP DATABASE IF EXISTS "{name}_{end}" WITH (FORCE)'.encode())


def run(environ: dict[str, str], *words: str, key: str = "") -> subprocess.CompletedProcess[str]:
    return command(*words, seconds=300, **environ, HOTEL_EVIDENCE_KEY=key)


def test_who_serves_is_told_though_the_backup_after_it_fails(environ: dict[str, str]) -> None:
    for words, key in ((("backup",), ""), (("approve", "latest", "production", "--reason", "x"), ANN[0])):
        done = run(environ, "ops", "backup", *words, key=key)
        assert done.returncode == 0, done.stderr
    # The store's disk is full by then: this command writes no file larger than this.
    full = ["sh", "-c", 'ulimit -f 20; exec "$0" "$@"', str(Path(sys.executable).with_name("hotel-booking"))]
    ended = subprocess.run(
        [*full, "ops", "backup", "restore", "latest", "production"],
        env={**os.environ, **environ, "HOTEL_EVIDENCE_KEY": BOB[0]},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 1, ended.stderr
    assert "serves, as of" in ended.stdout
    assert "closed for sale" in ended.stdout
    assert "  hotel-booking recovery open" in ended.stdout
    assert "what comes now is in no backup" in ended.stderr
    assert ended.stderr.rstrip().endswith("  hotel-booking ops backup backup")
    report = run(environ, "recovery", "report")
    assert "Restored from" in report.stdout
