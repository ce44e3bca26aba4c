"""A replica as a DBA makes one: pg_basebackup of a running server, then streaming from it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from hotel_booking.ops.embedded import Cluster
from hotel_booking.ops.embedded.programs import readable_programs, server_user
from tests.clients.waiting import wait_until
from tests.databases import SETTINGS


@contextmanager
def standby(primary: Cluster) -> Iterator[Cluster]:
    """A running replica of all databases of a cluster.

    A replication slot keeps for it what it has not read yet: without, a checkpoint of the primary throws that
    away while the replica is stopped or slow, and it never follows again. It is durable, unlike the others of
    the tests, and so is stopped cleanly: killed, it may find pages of a database in its log whose files went
    with the database already, and does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="standby-"))
    slot = re.sub(r"\W", "_", folder.name)
    folder.chmod(0o711)
    replica = Cluster(folder, {**SETTINGS, "fsync": "on"})
    user = server_user(replica.home)
    replica.home.mkdir(parents=True, exist_ok=True)
    if user:
        os.chown(replica.home, user.uid, user.gid)
    try:
        subprocess.run(
            [
                *(readable_programs(user) / "pg_basebackup", "-D", replica.data),
                *("-d", primary.url("postgres"), "--checkpoint=fast", "--no-sync", "-R"),
                *("--create-slot", "--slot", slot),
            ],
            check=True,
            user=user.uid if user else None,
            cwd=replica.home,
        )
        replica.start()
        wait_until(lambda: streams(primary))
        yield replica
    finally:
        replica.remove()
        with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
            of_it = "FROM pg_replication_slots WHERE slot_name = %s"
            wait_until(lambda: connection.execute(f"SELECT {of_it} AND active", (slot,)).fetchone() is None)
            connection.execute(f"SELECT pg_drop_replication_slot(slot_name) {of_it}", (slot,))
        shutil.rmtree(folder, ignore_errors=True)


def streams(primary: Cluster) -> bool:
    """Whether a replica is connected to it."""
    return bool(value(primary.url("postgres"), "SELECT count(*) FROM pg_stat_replication"))


def value(url: str, statement: str) -> object:
    """What one statement gives, on a connection of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(statement.encode()).fetchone()
        return row[0] if row else None


def pause(replica: str, *, paused: bool) -> None:
    """Have the replica at this address receive and not replay any more, or go on."""
    with psycopg.connect(replica, autocommit=True) as connection:
        connection.execute("SELECT pg_wal_replay_pause()" if paused else "SELECT pg_wal_replay_resume()")
        wanted = "paused" if paused else "not paused"
        state = b"SELECT pg_get_wal_replay_pause_state()"
        wait_until(lambda: (connection.execute(state).fetchone() or ("",))[0] == wanted)


def kill(cluster: Cluster) -> None:
    """kill -9 of the server and everything that it started."""
    parent = int((cluster.data / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for process in (parent, *map(int, children)):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
