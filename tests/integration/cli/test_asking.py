"""What cannot be taken back asks whoever sits at a terminal, and says what it is about."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import recovery
from hotel_booking.domains.identity import queries
from tests.clients.command_line import command
from tests.factories.guest_accounts import EMAIL, account_of, opened

pytestmark = [pytest.mark.postgresql, pytest.mark.own_database]

COMMAND = Path(sys.executable).with_name("hotel-booking")


def test_a_database_that_somebody_would_put_away_stays_when_they_say_no(
    database_url: str, tmp_path: Path
) -> None:
    environ = {
        "DATABASE_URL": database_url,
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_BACKUP_ENGINE": "dump",
        "HOTEL_BACKUP_STORE": str(tmp_path),
        "HOTEL_BACKUP_KEY": "a key of more than sixteen characters",
    }
    file, name = tmp_path / "hotel.backup", urlsplit(database_url).path.lstrip("/")
    done = command("backup", str(file), seconds=60, **environ)
    assert done.returncode == 0, done.stderr
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("COMMENT ON TABLE booking IS 'the one that was there'")
    for words, question in (
        (("restore", str(file)), f"takes the place of the database {name}, which is kept. Go on?"),
        (("ops", "backup", "back"), "Bookings made since the restore are missing then"),
    ):
        code, said = at_a_terminal(words, "n", **environ)
        assert (code, "hotel-booking: nothing was changed" in said) == (1, True), said
        assert question in said
    with psycopg.connect(database_url) as connection:
        told = connection.execute("SELECT obj_description('booking'::regclass)").fetchone()
        beside = connection.execute(
            "SELECT count(*) FROM pg_database WHERE datname LIKE %s", (f"{name}\\_%",)
        ).fetchone()
    assert (told, beside) == (("the one that was there",), (0,))


def at_a_terminal(words: Sequence[str], answer: str, **environ: str) -> tuple[int, str]:
    """How it ended whose question was answered so, and what stood on the terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [COMMAND, *words], env=os.environ | environ, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    os.write(ours, f"{answer}\n".encode())
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:  # nobody has it open any more
        pass
    os.close(ours)
    return child.wait(60), " ".join(said.decode().split())


async def test_a_guest_whom_somebody_would_erase_stays_when_they_say_no(
    db: Database, database_url: str
) -> None:
    await opened(db)
    words = ("guest", "erase", "--email", EMAIL)
    code, said = at_a_terminal(words, "n", DATABASE_URL=database_url)
    assert (code, "hotel-booking: nothing was changed" in said) == (1, True), said
    assert "This address has an account and 0 bookings; who it was is forgotten for good. Erase?" in said
    assert await account_of(db) is not None


async def test_who_is_asked_and_says_no_changes_nothing(db: Database, database_url: str) -> None:
    made = command("api-key", "create", "--name", "Night audit", "--scope", "all", DATABASE_URL=database_url)
    assert made.returncode == 0, made.stderr
    number = made.stdout.split()[1]
    revoke, begin = ("api-key", "revoke", number), ("recovery", "begin", "--backup", "1")
    declare = ("incident", "declare", "Nobody can pay", "--severity", "p3")
    assert "is declared: P3" in command(*declare, DATABASE_URL=database_url).stdout
    owner = ("--email", "ana@hotel.example")
    assert (
        command("staff", "create-owner", *owner, "--name", "Ana", DATABASE_URL=database_url).returncode == 0
    )
    name = urlsplit(database_url).path.lstrip("/")
    for words, question in (
        (revoke, f"Key {number} (Night audit; all) opens nothing then. Revoke it?"),
        (declare, "Incident 1 is called so, and lasts since"),
        (("staff", "reset-mfa", *owner), "Ana signs in with the password alone then."),
        (begin, f"The database {name} goes to"),
        (("replay", "H1.csv", "--database-url", database_url), f"will stand in the database {name} at"),
    ):
        code, said = at_a_terminal(words, "n", DATABASE_URL=database_url)
        assert (code, "hotel-booking: nothing was changed" in said) == (1, True), said
        assert question in said
    async with db.transaction() as tx:
        key = await queries.find_key(tx, int(number))
        assert key is not None
        assert key.active(utc_now())
        assert await recovery.open_restore_point(tx) is None
    code, said = at_a_terminal(revoke, "y", DATABASE_URL=database_url)
    assert (code, "opens nothing any more" in said) == (0, True), said
    assert command(*begin, DATABASE_URL=database_url).returncode == 0  # nobody can be asked
    async with db.transaction() as tx:
        assert await recovery.open_restore_point(tx) is not None
