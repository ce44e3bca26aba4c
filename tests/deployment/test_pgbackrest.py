"""pgBackRest as the engine uses it, on a real PostgreSQL: back to any moment, and every failure is seen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.ops.backup.engine import Instance
from hotel_booking.ops.refusals import Refused, WrongUse
from tests.clients.own_postgresql import OwnPostgresql, own_postgresql

pytestmark = pytest.mark.deploy

COUNT = "SELECT count(*) FROM kept"


@pytest.fixture(scope="module")
def own() -> Iterator[OwnPostgresql]:
    """With a table of one row, and a full backup."""
    with own_postgresql() as running:
        running.execute("CREATE TABLE kept (at timestamptz DEFAULT clock_timestamp())")
        running.execute("INSERT INTO kept DEFAULT VALUES")
        running.engine.backup("incr", running.said.append)
        yield running


def say(_line: str) -> None:
    """Nothing."""


def discard(own: OwnPostgresql, instance: Instance) -> None:
    own.engine.discard(instance, say)


def test_the_first_backup_is_full_and_the_next_is_not(own: OwnPostgresql) -> None:
    assert [backup.kind for backup in own.engine.backups()] == ["full"]
    made = own.engine.backup("incr", say)
    assert made.kind == "incr"
    assert own.engine.backups()[0] == made
    assert made.id == made.name[-16:-1]
    assert list(own.engine.verify(None, say)) == []
    content = [path.read_bytes() for path in own.store.rglob("*") if path.is_file()]
    assert content
    assert not any(b"kept" in part for part in content), "readable without the key"


def test_back_to_the_second_before_a_bad_delete(own: OwnPostgresql) -> None:
    for _ in range(3):
        own.execute("INSERT INTO kept DEFAULT VALUES")
    before = own.value(COUNT)
    moment = own.archived()
    own.execute("DELETE FROM kept")
    own.archived()
    backup = own.engine.backups()[-1]

    instance = own.engine.restore(backup, until=moment, say=say)
    assert own.value(COUNT, instance.url) == before
    assert own.value(COUNT) == 0, "the one that serves is as it was"
    own.execute("INSERT INTO kept DEFAULT VALUES")  # and goes on
    discard(own, instance)
    instance = own.engine.restore(backup, until="end", say=say)
    assert own.value(COUNT, instance.url) == 0
    discard(own, instance)
    instance = own.engine.restore(backup, until="backup", say=say)
    assert own.value(COUNT, instance.url) == 1
    discard(own, instance)

    reach = own.engine.latest()
    assert reach is not None
    for until in (reach + timedelta(hours=1), utc_now() + timedelta(days=1)):
        with pytest.raises(Refused, match="the store reaches to"):
            own.engine.restore(backup, until=until, say=say)
    with pytest.raises(WrongUse, match="take a backup before that"):
        own.engine.restore(backup, until=backup.begun_at - timedelta(days=1), say=say)


@pytest.mark.nightly
def test_switched_by_one_step_and_back(own: OwnPostgresql) -> None:
    own.execute("INSERT INTO kept DEFAULT VALUES")
    own.archived()
    count = own.value(COUNT)
    instance = own.engine.restore(own.engine.backups()[0], until="end", say=say)
    own.engine.switch(instance, say)
    assert own.servers.current.resolve().name == instance.name
    assert own.value(COUNT) == count
    own.execute("INSERT INTO kept DEFAULT VALUES")
    own.archived()
    own.engine.switch(instance, say)  # again: nothing to do
    assert own.engine.backup("incr", say).kind == "incr"
    assert list(own.engine.verify(None, say)) == []

    assert own.engine.back(say) != instance.name
    assert own.value(COUNT) == count
    own.execute("INSERT INTO kept DEFAULT VALUES")
    own.engine.switch(instance, say)
    assert own.value(COUNT) == int(str(count)) + 1


def test_what_does_not_start_does_not_serve(own: OwnPostgresql) -> None:
    count, serving = own.value(COUNT), own.servers.current.resolve()
    instance = own.engine.restore(own.engine.backups()[0], until="backup", say=say)
    broken = own.home / "instances" / instance.name / "postgresql.conf"
    broken.write_text(broken.read_text() + "\nno_such_setting = 1\n")
    with pytest.raises(Refused, match="did not start to serve"):
        own.engine.switch(instance, say)
    assert own.servers.current.resolve() == serving
    assert own.value(COUNT) == count
    discard(own, instance)


@pytest.mark.nightly
def test_a_missing_segment_and_a_damaged_file_are_seen(own: OwnPostgresql) -> None:
    backup = own.engine.backup("full", say)
    for _ in range(3):
        own.execute("INSERT INTO kept DEFAULT VALUES")
        own.archived()
    archived = sorted(own.store.glob("archive/hotel/*/*/*.zst"), key=lambda path: path.name)
    missing = archived[-2]
    content = missing.read_bytes()
    missing.unlink()
    assert any(f"{missing.name[:24]} is missing" in line for line in own.engine.verify(None, say))
    with pytest.raises(Refused, match=f"{missing.name[:24]} is missing"):
        own.engine.restore(backup, until="end", say=say)
    missing.write_bytes(content)
    own_file(own, missing)
    assert list(own.engine.verify(backup, say)) == []

    damaged = max(own.store.glob(f"backup/hotel/{backup.name}/pg_data/base/**/*.zst"), key=size)
    content = damaged.read_bytes()
    damaged.write_bytes(content[:100] + bytes([content[100] ^ 1]) + content[101:])
    assert any(backup.name in line for line in own.engine.verify(backup, say))
    assert own.engine.verify(own.engine.backups()[-1], say) == []
    damaged.write_bytes(content)


def size(path: Path) -> int:
    return path.stat().st_size


def own_file(own: OwnPostgresql, path: Path) -> None:
    """It belongs to who runs the server, as before."""
    import os

    owner = own.store.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
