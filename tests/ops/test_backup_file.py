"""`hotel-booking backup FILE`, `restore FILE`: one file of everything, or a clear word, nothing touched."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from alembic import command as alembic

from hotel_booking import migrations
from hotel_booking.core.db import Database
from hotel_booking.ops.backup import dump, one_file
from hotel_booking.ops.backup.dump_engine import Dumps
from hotel_booking.ops.backup.files import files
from hotel_booking.ops.backup.one_file import Header, NotABackup
from hotel_booking.ops.backup.schedule import Schedule
from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.embedded import Cluster
from hotel_booking.ops.refusals import Busy, Refused, WrongUse
from tests.clients.command_line import command
from tests.databases import copied
from tests.factories.small_hotel import small_hotel

pytestmark = [pytest.mark.postgresql, pytest.mark.own_database]

AT = datetime(2030, 3, 1, 9, 0, tzinfo=UTC)
KEY = "a key of more than sixteen characters"
HEADER = Header(
    made_at=AT, release="1", schema="0009", database="hotel", database_bytes=1, server=15, programs=15
)


@pytest.fixture
def environ(tmp_path: Path, database_url: str) -> Iterator[dict[str, str]]:
    """On a database with a small hotel; what a restore leaves beside it is dropped in the end."""

    async def fill() -> None:
        async with Database.open(database_url, size=1) as db:
            await small_hotel(db)

    asyncio.run(fill())
    yield {
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "DATABASE_URL": database_url,
    }
    with psycopg.connect(server(database_url), autocommit=True) as connection:
        for name in databases(database_url):
            connection.execute(f'DROP DATABASE "{name}"'.encode())


def server(url: str) -> str:
    return url.replace(dump.name_of(url), "postgres")


def databases(url: str) -> list[str]:
    """Those beside the URL's that a restore has left."""
    with psycopg.connect(server(url)) as connection:
        rows = connection.execute(
            "SELECT datname FROM pg_database WHERE datname LIKE %s", (f"{dump.name_of(url)}_%",)
        )
        return [row[0] for row in rows]


def run(environ: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    return command(*map(str, words), seconds=120, **environ)


def rows(url: str) -> dict[str, int]:
    """How many there are in each table."""
    with psycopg.connect(url) as connection:
        names = connection.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        ).fetchall()
        count = "SELECT count(*) FROM {}"
        return {
            name: connection.execute(count.format(name).encode()).fetchone()[0]  # type: ignore[index]  # a count has a row
            for (name,) in names
        }


def forget(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DELETE FROM rate_night")


@pytest.mark.parametrize("key", [pytest.param("", marks=pytest.mark.nightly), KEY])
def test_what_was_backed_up_comes_back(environ: dict[str, str], tmp_path: Path, key: str) -> None:
    url, file = environ["DATABASE_URL"], tmp_path / "hotel.backup"
    environ["HOTEL_BACKUP_KEY"] = key
    before = rows(url)
    done = run(environ, "backup", file)
    assert done.returncode == 0, done.stderr
    assert ("NOT encrypted" in done.stdout) is not bool(key)
    assert (b"PGDMP" in file.read_bytes()) is not bool(key), "readable without the key"
    assert file.stat().st_mode & 0o077 == 0, "others may read every guest's data"

    forget(url)
    environ["HOTEL_BACKUP_KEY"] = f" {key}\n" if key else ""  # as `ops backup` reads it
    done = run(environ, "restore", file)
    assert done.returncode == 0, done.stderr
    after = rows(url)
    assert after.pop("audit_entry") >= before.pop("audit_entry")
    for changing in ("audit_spooled", "audit_link", "audit_horizon"):  # the audit log was told of the restore
        after.pop(changing), before.pop(changing)
    assert after == before
    (kept,) = databases(url)
    assert rows(url.replace(dump.name_of(url), kept))["rate_night"] == 0
    assert f'dropdb "{kept}"' in done.stdout
    # What this file does not know of (payments, mails) is not done anew by whoever reads on.
    (backup,) = re.findall(
        r"^  hotel-booking recovery begin --backup (\d{8}-\d{6})$", done.stdout, re.MULTILINE
    )
    begun = run(environ, "recovery", "begin", "--backup", backup)
    assert begun.stdout.startswith("Closed for sale."), begun.stderr
    checked = run(environ, "invariants", "check", "--no-prices")
    assert checked.returncode == 0, checked.stdout


def test_an_older_schema_is_brought_to_this_release(
    cluster: Cluster, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upgrade = alembic.upgrade
    with copied(cluster, None) as old, pytest.MonkeyPatch.context() as patch:
        patch.setattr(alembic, "upgrade", lambda config, _: upgrade(config, "0008"))
        migrations.upgrade(old)
        patch.undo()
        assert migrations.current(old) == "0008"
        done = run({**environ, "DATABASE_URL": old}, "backup", tmp_path / "old.backup")
        assert done.returncode == 0, done.stderr
    done = run(environ, "restore", tmp_path / "old.backup")
    assert done.returncode == 0, done.stderr
    assert migrations.current(environ["DATABASE_URL"]) == migrations.head()
    assert migrations.pending(environ["DATABASE_URL"]) == []


def refused(environ: dict[str, str], file: Path, said: str, code: int = 1) -> None:
    """The command says so, and neither the database nor anything beside it has changed."""
    before = rows(environ["DATABASE_URL"])
    done = run(environ, "restore", file)
    assert done.returncode == code, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert databases(environ["DATABASE_URL"]) == []
    after = rows(environ["DATABASE_URL"])
    assert after["rate_night"] == before["rate_night"] > 0


def test_what_cannot_be_restored_touches_nothing(environ: dict[str, str], tmp_path: Path) -> None:
    file, wrong = tmp_path / "hotel.backup", tmp_path / "wrong.backup"
    environ["HOTEL_BACKUP_KEY"] = KEY
    assert run(environ, "backup", file).returncode == 0
    whole = file.read_bytes()

    refused(environ, tmp_path / "nowhere", "cannot be read", 2)
    refused(environ, tmp_path, "cannot be read", 2)
    wrong.write_bytes(b"PGDMP of somebody else's")
    refused(environ, wrong, "no backup of this platform")
    wrong.write_bytes(whole[: len(whole) // 2])
    refused(environ, wrong, "not whole")
    wrong.write_bytes(whole[:-50] + bytes([whole[-50] ^ 1]) + whole[-49:])
    refused(environ, wrong, "damaged")
    refused({**environ, "HOTEL_BACKUP_KEY": ""}, file, "HOTEL_BACKUP_KEY is not set", 2)
    refused({**environ, "HOTEL_BACKUP_KEY": KEY + "!"}, file, "is not the key of this backup", 2)
    with psycopg.connect(environ["DATABASE_URL"], application_name="the front desk"):
        refused(environ, file, "is in use (1 by the front desk)")

    newer = msgspec.structs.replace(HEADER, schema="0099", release="9.9")
    with wrong.open("wb") as target:
        one_file.write(target, newer, io.BytesIO(b"x"), "")
    refused(environ, wrong, "newer release (9.9, schema 0099)")
    huge = msgspec.structs.replace(HEADER, database_bytes=10**15)
    with wrong.open("wb") as target:
        one_file.write(target, huge, io.BytesIO(b"x"), "")
    refused(environ, wrong, "no space: 1300000.0 GB are needed")
    nonsense = msgspec.structs.replace(HEADER)
    with wrong.open("wb") as target:
        one_file.write(target, nonsense, io.BytesIO(b"no dump at all"), "")
    refused(environ, wrong, "pg_restore failed")


def test_a_backup_that_fails_leaves_no_file(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "hotel.backup"
    assert run({**environ, "HOTEL_BACKUP_KEY": "short"}, "backup", file).returncode == 2
    assert run(environ, "backup", "/dev/full/x").returncode == 1
    done = run({**environ, "DATABASE_URL": server(environ["DATABASE_URL"])}, "backup", file)
    assert "the database is empty" in done.stderr
    assert sorted(tmp_path.glob("*backup*")) == []
    file.write_text("mine")
    assert run(environ, "backup", file).returncode == 1
    assert file.read_text() == "mine"


@pytest.mark.nightly
def test_a_restore_is_alone_and_leaves_no_database_where_it_is_ended(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second one, of another file, dropped the database of the first: "server terminated abnormally"."""
    url, create = environ["DATABASE_URL"], dump._create  # noqa: SLF001  # ended within it
    dump.dump_to(tmp_path / "hotel.backup", url, key=KEY, now=AT)

    def load() -> None:
        with (tmp_path / "hotel.backup").open("rb") as source:
            dump.load(source, url, name=f"{dump.name_of(url)}_loaded", key=KEY, upgrade=lambda _url: None)

    def ended(*given: Any) -> None:
        create(*given)
        with pytest.raises(Busy, match="another restore makes the database"):
            load()
        raise KeyboardInterrupt

    monkeypatch.setattr(dump, "_create", ended)
    with pytest.raises(KeyboardInterrupt):
        load()
    assert databases(url) == []


def test_an_embedded_database_moves_to_another_folder(environ: dict[str, str], tmp_path: Path) -> None:
    assert run(environ, "backup", tmp_path / "hotel.backup").returncode == 0
    before = rows(environ.pop("DATABASE_URL"))
    folder = tmp_path / "embedded"
    try:
        done = run(environ, "restore", tmp_path / "hotel.backup", "--data-dir", folder)
        assert done.returncode == 0, done.stderr
        assert not Cluster(folder).running()
        # Beside another platform, in whose audit log it has no place.
        beside = environ | {"DATABASE_URL": "postgresql://hotel@127.0.0.1:1/production"}
        again = run(beside, "backup", tmp_path / "again.backup", "--data-dir", folder)
        assert again.returncode == 0, again.stderr
        assert "recorded in" not in again.stderr
        cluster = Cluster(folder)
        cluster.start()
        assert rows(cluster.url("hotel"))["rate_night"] == before["rate_night"]
        with psycopg.connect(cluster.url("hotel")) as db:
            told = db.execute(
                "SELECT count(*) FROM audit_entry WHERE object_id LIKE '%again.backup'"
            ).fetchone()
        assert told == (2,)  # begun and ended
        while_in_use = run(environ, "restore", tmp_path / "again.backup", "--data-dir", folder)
        assert while_in_use.returncode == 2
        assert f"another hotel-booking (process {os.getpid()}) is using" in while_in_use.stderr
        cluster.stop()
    finally:
        Cluster(folder).remove()


@pytest.mark.parametrize("size", [0, 1, one_file.PART, 2 * one_file.PART + 7])
@pytest.mark.parametrize("key", ["", KEY])
def test_any_size_and_no_exchange_of_parts(size: int, key: str) -> None:
    content = bytes(index % 251 for index in range(size))
    target = io.BytesIO()
    one_file.write(target, HEADER, io.BytesIO(content), key)
    assert b"".join(one_file.parts(io.BytesIO(target.getvalue()), key)) == content
    assert one_file.verify(io.BytesIO(target.getvalue()), key) >= size
    for position in (3, 20, 60, len(target.getvalue()) - 40, len(target.getvalue()) - 1):
        changed = bytearray(target.getvalue())
        changed[position] ^= 0x20
        with pytest.raises((NotABackup, WrongUse)):
            one_file.verify(io.BytesIO(bytes(changed)), key)
    with pytest.raises(Refused):
        one_file.verify(io.BytesIO(target.getvalue()[:-33]), key)


_OF_BEFORE = (
    "SE9URUxCQUNLVVAxCgAAANB7Im1hZGVfYXQiOiIyMDI2LTEyLTAxVDAwOjAwOjAwWiIsInJlbGVhc2UiOiIwLjgiLCJzY2hl"
    "bWEiOiIwMDA5IiwiZGF0YWJhc2UiOiJob3RlbCIsImRhdGFiYXNlX2J5dGVzIjoxLCJzZXJ2ZXIiOjE1LCJwcm9ncmFtcyI6"
    "MTUsInNhbHQiOiJjYmViZjZjOTExYjBjNmMyOTE5NDMxY2JmNzdmYmI0NiIsImhvbGRzIjoiZGF0YWJhc2UiLCJmaW5nZXJw"
    "cmludCI6IiJ9AAAAFg4J8yqg2ef4Ho/tbH9WE8RqXH8xdX0AAAAAiC3bzEIuNHA9zyrkS592XpdbpOLrVFsgs3//uc6rCEc="
)


def test_backups_of_before_are_read() -> None:
    """What the format and the key's derivation are must not change: somebody has a file like this one."""
    kept = io.BytesIO(base64.b64decode(_OF_BEFORE))
    assert b"".join(one_file.parts(kept, "correct horse battery staple")) == b"a dump"


def test_an_address_without_a_database_means_the_users() -> None:
    """As PostgreSQL reads it. A restore ended in a traceback there, when its file had been read."""
    for url in ("postgresql://ana:w%2Fd@one:1,two:2", "postgresql://ana:w%2Fd@one:1,two:2/"):
        assert dump.name_of(url) == "ana"
        assert dump.url_of(url, "of ana") == "postgresql://ana:w%2Fd@one:1,two:2/of%20ana"
    assert dump.url_of("postgresql:///hotel?host=/a/b", "other") == "postgresql:///other?host=/a/b"


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore"])
def test_the_password_is_on_no_command_line(
    environ: dict[str, str], tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody on the machine reads those."""
    url, ran = environ["DATABASE_URL"], []
    real = subprocess.Popen

    def seen(words: list[str], **options: Any) -> Any:
        if words[0].endswith(program) and "--version" not in words:
            ran.append((words, options["env"].get("PGPASSWORD")))
        return real(words, **options)

    file = tmp_path / "hotel.backup"
    dump.dump_to(file, url, key=KEY, now=AT)
    monkeypatch.setattr(subprocess, "Popen", seen)
    # The socket of the tests asks for no password, and takes any.
    with_password = url.replace("@/", ":hush%20hush@/").replace("@localhost", ":hush%20hush@localhost")
    assert with_password != url
    if program == "pg_dump":
        dump.dump_to(tmp_path / "other.backup", with_password, key=KEY, now=AT)
    else:
        name = f"{dump.name_of(url)}_loaded"
        with file.open("rb") as source:
            dump.load(source, with_password, name=name, key=KEY, upgrade=lambda _url: None)
    assert len(ran) == 1
    assert ran[0][1] == "hush hush"
    assert not any("hush" in word for word in ran[0][0])


@pytest.mark.parametrize(
    "words",
    [
        ("ops", "backup", "backup"),
        ("ops", "backup", "back"),
        ("ops", "database", "report"),
        ("backup", "hotel.backup"),
        ("migrate", "--check"),
        ("invariants", "check"),
        ("audit-log", "verify"),
        ("incident", "list"),
    ],
)
def test_a_database_that_is_away_is_said_in_a_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "store").mkdir()
    away = {
        "HOTEL_BACKUP_ENGINE": "dump",
        "HOTEL_BACKUP_STORE": str(tmp_path / "store"),
        "HOTEL_BACKUP_KEY": KEY,
        "HOTEL_OPS_DIR": str(tmp_path / "ops"),
        "HOTEL_SPOOL_DIR": str(tmp_path / "spool"),
        "DATABASE_URL": "postgresql://hotel:hush@127.0.0.1:1/hotel",
    }
    done = run(away, *words)
    said = done.stderr.strip().splitlines()
    assert done.returncode in (1, 2), done
    assert len(said) <= 3, done.stderr
    assert "the database " in said[-1], said
    assert "hush" not in done.stderr + done.stdout


def test_who_keeps_backups_outlives_the_database(tmp_path: Path) -> None:
    """What fails is said, and tried again: an outage of the database must not end it, nor keep the other
    kinds waiting."""
    said: list[str] = []
    engine = Dumps(
        files(Store.from_environ({}, lambda *_: str(tmp_path)), "database", lambda: AT),
        url="postgresql://hotel@127.0.0.1:1/hotel",
        key=KEY,
        clock=lambda: AT,
    )
    made: list[str] = []

    def make(of: str) -> None:
        if of == "database":
            engine.backup("full", said.append)
        made.append(of)

    Schedule(
        {"database": lambda: None, "state": lambda: None}, make, clock=lambda: AT, say=said.append
    ).look()
    assert made == ["state"]
    assert "database: the database does not answer" in said[-1]


def test_an_empty_store_is_not_whole(environ: dict[str, str], tmp_path: Path) -> None:
    """A mistyped HOTEL_BACKUP_STORE must not pass as a proof."""
    (tmp_path / "store").mkdir()
    kept = {
        "HOTEL_BACKUP_ENGINE": "dump",
        "HOTEL_BACKUP_STORE": str(tmp_path / "store"),
        "HOTEL_BACKUP_KEY": KEY,
    }
    for of in ("database", "state"):
        done = run(environ | kept, "ops", "backup", "verify", "--of", of)
        assert done.returncode == 1, done
        assert "there is no backup" in done.stdout
        assert run(environ | kept, "ops", "backup", "backup", "--of", of).returncode == 0
        done = run(environ | kept, "ops", "backup", "verify", "--of", of)
        assert (done.returncode, "is whole" in done.stdout) == (0, True), done
    done = run(environ | kept, "ops", "backup", "unpack", "20000101-000000", tmp_path / "x", "--of", "state")
    assert "hotel-booking ops backup list --of state" in done.stderr
