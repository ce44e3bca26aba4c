"""What goes wrong while a PostgreSQL with pgBackRest serves: full disks, a store that is away for an hour, a
machine that is lost with what its archive had not got. Acknowledged rows are counted."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from hotel_booking.ops.refusals import Refused
from tests.clients.own_postgresql import OwnPostgresql, own_postgresql
from tests.clients.waiting import wait_until

pytestmark = pytest.mark.nightly

COUNT = "SELECT count(*) FROM kept"
ROW = "INSERT INTO kept DEFAULT VALUES"
AN_HOUR = 60  # segments: one is made each minute, however little is written
root = pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a small disk")


def say(_line: str) -> None:
    """Nothing."""


def begun(own: OwnPostgresql) -> OwnPostgresql:
    """With a table, and a full backup."""
    own.execute("CREATE TABLE kept (at timestamptz DEFAULT clock_timestamp(), filler text)")
    own.engine.backup("full", say)
    return own


def archived(own: OwnPostgresql) -> None:
    """Have everything archived, however much waits."""
    before = own.value("SELECT pg_walfile_name(pg_switch_wal())")
    wait_until(
        lambda: (
            own.value(f"SELECT coalesce(last_archived_wal, '') >= '{before}' FROM pg_stat_archiver") is True
        ),
        seconds=300,
    )


def restored(own: OwnPostgresql) -> object:
    """The machine is lost; how many rows are there after the restore."""
    own.destroy()
    own.engine.switch(own.engine.restore(own.engine.backups()[0], until="end", say=say), say)
    return own.value(COUNT)


def fill(folder: Path, leave: int = 0) -> Path:
    """A file that takes all that is left of the disk, or leaves so many bytes."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:
        try:
            while shutil.disk_usage(folder).free > leave:
                file.write(b"\0" * 65536)
        except OSError:
            pass
    assert shutil.disk_usage(folder).free <= leave + 65536
    return path


def test_a_store_that_is_away_for_an_hour_loses_nothing() -> None:
    with own_postgresql() as own:
        begun(own)
        away = own.store.rename(own.folder / "away")
        for _ in range(AN_HOUR):
            own.execute(ROW, "SELECT pg_switch_wal()")
        wait_until(lambda: own.value("SELECT failed_count > 0 FROM pg_stat_archiver") is True)
        with pytest.raises(Refused) as refused:
            own.engine.backup("incr", say)
        assert "Is the store there, and has it been begun?" in refused.value.lines
        waiting = [*(own.servers.current / "pg_wal" / "archive_status").glob("*.ready")]
        assert len(waiting) >= AN_HOUR, "what waits is kept"
        assert own.value(COUNT) == AN_HOUR
        away.rename(own.store)
        own.execute(ROW)
        archived(own)
        assert list(own.engine.verify(None, say)) == []
        assert restored(own) == AN_HOUR + 1


@root
def test_a_full_store_stops_backups_and_no_booking() -> None:
    with own_postgresql(small={"store": 96}) as own:
        begun(own)
        filler = fill(own.store)
        with pytest.raises(Refused) as refused:
            own.engine.backup("full", say)
        assert any("is there room in it" in line for line in refused.value.lines)
        for _ in range(3):
            own.execute(ROW, "SELECT pg_switch_wal()")
        wait_until(lambda: own.value("SELECT failed_count > 0 FROM pg_stat_archiver") is True)
        filler.unlink()
        archived(own)
        assert len(own.engine.backups()) == 1, "the half one does not count"
        assert list(own.engine.verify(None, say)) == []
        assert restored(own) == 3


@root
def test_a_full_data_disk_loses_no_acknowledged_row() -> None:
    with own_postgresql(small={"home": 400}) as own:
        begun(own)
        own.execute(ROW)
        serving = own.servers.current.resolve()
        backup = own.engine.backups()[0]
        filler = fill(own.home, leave=1 << 20)
        with pytest.raises(Refused, match="free"):
            own.engine.restore(backup, until="end", say=say)
        filler.unlink()
        filler = fill(own.home)
        with pytest.raises(Refused, match="cannot be written: No space left") as refused:
            own.engine.restore(backup, until="end", say=say)
        assert "Make room on the database's disk" in refused.value.lines[0]
        assert [*(own.home / "instances").iterdir()] == [serving]
        acknowledged = 1 + until_it_refuses(own)
        filler.unlink()
        own.servers.start_serving()
        wait_until(lambda: answers(own))
        assert own.value(COUNT) == acknowledged
        archived(own)
        assert restored(own) == acknowledged


def until_it_refuses(own: OwnPostgresql) -> int:
    """How many rows are acknowledged until the disk is full."""
    for acknowledged in range(20_000):  # there is room for 16 MB of WAL already
        try:
            own.execute("INSERT INTO kept (filler) VALUES (repeat(md5(random()::text), 120))")
        except psycopg.Error:
            return acknowledged
    raise AssertionError("the disk was never full")


def answers(own: OwnPostgresql) -> bool:
    """Whether it takes connections."""
    try:
        return own.value("SELECT true") is True
    except psycopg.OperationalError:
        return False


@contextmanager
def receiving(own: OwnPostgresql) -> Iterator[subprocess.Popen[bytes]]:
    """`hotel-booking ops backup receive`, as somebody keeps it running."""
    log = (own.folder / "receive.log").open("w")
    running = subprocess.Popen(
        [str(Path(sys.executable).with_name("hotel-booking")), "ops", "backup", "receive"],
        env={"PATH": os.environ["PATH"], **own.environ(), "HOTEL_WAL_FOLDER": str(own.folder / "received")},
        stdin=subprocess.DEVNULL, stdout=log, stderr=log,
    )  # fmt: skip
    try:
        yield running
    finally:
        running.terminate()
        running.wait(timeout=60)


def test_the_zero_loss_mode_loses_nothing_with_the_machine() -> None:
    """Rows are written without a pause, and it is killed in the middle: nothing of them was archived."""
    with own_postgresql(receives=True) as own, receiving(own):
        wait_until(lambda: own.value("SELECT sync_state FROM pg_stat_replication") == "sync")
        begun(own)
        acknowledged = 0
        began = time.monotonic()
        while time.monotonic() < began + 5:
            own.execute(ROW)
            acknowledged += 1
        assert restored(own) == acknowledged > 10


def test_a_commit_waits_for_who_receives() -> None:
    with own_postgresql(receives=True) as own:
        with receiving(own) as receiver:
            wait_until(lambda: own.value("SELECT sync_state FROM pg_stat_replication") == "sync")
            begun(own)
            receiver.send_signal(signal.SIGKILL)
            receiver.wait()
            wait_until(lambda: own.value("SELECT count(*) FROM pg_stat_replication") == 0)
            waiting = threading.Thread(target=own.execute, args=(ROW,))
            waiting.start()
            waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
            wait_until(lambda: own.value(waits) == 1)
            time.sleep(2)
            assert waiting.is_alive(), "nobody else has it, and it was acknowledged"
        with receiving(own):
            waiting.join(timeout=60)
            assert not waiting.is_alive()
            assert restored(own) == 1
