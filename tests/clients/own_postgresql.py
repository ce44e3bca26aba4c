"""A PostgreSQL as an operator runs it on a machine of its own, with pgBackRest beside it."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import psycopg

from hotel_booking.core.clock import utc_now
from hotel_booking.ops.backup.pgbackrest import PgBackRest
from hotel_booking.ops.backup.servers import Servers
from hotel_booking.ops.backup.store import Store

KEY = "the key of the tests' backups"
PORT = 5432  # of a socket in a folder of its own: nobody else's


class OwnPostgresql:
    """`home` and `store` are folders below one that is removed in the end; `engine` is set up. `bucket`:
    where it archives instead of `store`."""

    def __init__(self, folder: Path, received: Path | None = None, bucket: Store | None = None) -> None:
        self.folder = folder
        self.home, self.store = folder / "home", folder / "store"
        for path in (self.home, self.store):
            path.mkdir(mode=0o700, exist_ok=True)
            if os.geteuid() == 0:
                owner = pwd.getpwnam("postgres")
                os.chown(path, owner.pw_uid, owner.pw_gid)
        self.servers = Servers(self.home, port=PORT)
        self.engine = PgBackRest(
            self.servers, bucket or Store(str(self.store)), database="hotel_booking", key=KEY,
            received=received, listen="", clock=utc_now,
        )  # fmt: skip
        self.said: list[str] = []

    @property
    def url(self) -> str:
        """The database that serves, as the superuser."""
        return self.engine.serving()

    def environ(self) -> dict[str, str]:
        """What `hotel-booking ops backup` needs to work on it."""
        return {
            "HOTEL_BACKUP_ENGINE": "pgbackrest",
            "HOTEL_DATABASE_HOME": str(self.home),
            "HOTEL_BACKUP_STORE": str(self.store),
            "HOTEL_BACKUP_KEY": KEY,
            "HOTEL_OPS_DIR": str(self.folder / "ops"),
            "HOTEL_SPOOL_DIR": str(self.folder / "spool"),
            "HOTEL_ENVIRONMENT": "test",
            "DATABASE_URL": self.url,
            "DB_PORT": str(PORT),
            "DB_NAME": "hotel_booking",
        }

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def value(self, statement: str, url: str = "") -> object:
        with psycopg.connect(url or self.url, autocommit=True) as connection:
            row = connection.execute(statement.encode()).fetchone()
            return row[0] if row else None

    def archived(self) -> datetime:
        """Have all that was written until now archived; the moment."""
        at = self.value("SELECT clock_timestamp()")
        assert isinstance(at, datetime)
        before = self.value("SELECT pg_walfile_name(pg_switch_wal())")
        with psycopg.connect(self.url, autocommit=True) as connection:
            query = "SELECT coalesce(last_archived_wal, '') >= %s FROM pg_stat_archiver"
            for _ in range(600):
                if connection.execute(query, (before,)).fetchone() == (True,):
                    return at
                connection.execute("SELECT pg_sleep(0.05)")
        raise AssertionError("it was not archived")

    def destroy(self) -> None:
        """As a machine is lost: kill -9 of every process, and the data folder is gone."""
        data = self.servers.current.resolve()
        postmaster = int((data / "postmaster.pid").read_text().split()[0])
        # The postmaster first: it would otherwise begin anew.
        for pid in [postmaster, *children(postmaster)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(data)


def children(parent: int) -> list[int]:
    """Processes that this one has started."""
    return [int(pid) for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def mount(*words: str) -> None:
    """As `mount` does."""
    subprocess.run(["mount", *words], check=True)


@contextmanager
def own_postgresql(
    *, receives: bool = False, small: Mapping[str, int] | None = None, bucket: Store | None = None
) -> Iterator[OwnPostgresql]:
    """Set up, running, and gone in the end. `small`: `home` or `store` on a disk of so many MB, which only
    root can make. `bucket`: where it archives."""
    folder = Path(tempfile.mkdtemp(prefix="own-postgresql-"))
    folder.chmod(0o711)
    received = folder / "received" if receives else None
    for name, megabytes in (small or {}).items():
        (folder / name).mkdir(mode=0o700)
        mount("-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", str(folder / name))
    own = OwnPostgresql(folder, received, bucket)
    if received:
        own.servers.make(received)
    try:
        own.engine.set_up(own.said.append)
        yield own
    finally:
        for instance in [*(own.home / "instances").glob("*")]:
            own.servers.stop(instance)
        for name in small or {}:
            subprocess.run(["umount", "--lazy", str(folder / name)], check=True)
        shutil.rmtree(folder, ignore_errors=True)
