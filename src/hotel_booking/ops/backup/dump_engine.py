"""Backups that are whole files in a folder or a bucket, of any PostgreSQL that is reached: without WAL, so
back to each backup and to no moment between. Restored beside what serves, on the same server; switched to by
name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Self

import psycopg
from psycopg import sql

from hotel_booking.core.environment import read_settings
from hotel_booking.core.setting_files import names_database
from hotel_booking.ops.backup import dump
from hotel_booking.ops.backup.engine import Backup, Instance, Kind, Say, Until, id_of
from hotel_booking.ops.backup.files import SUFFIX, Files, damaged, files, headers, own_second, remove_old
from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.refusals import Refused, WrongUse

_KEPT = timedelta(days=30)
_BEFORE = "_before"


class Dumps:
    """The engine on the database at `url`. Files that are older than `kept` are removed after a new one is
    whole, but never the last."""

    name = "dump"

    def __init__(
        self, files: Files, *, url: str, key: str, clock: Callable[[], datetime], kept: timedelta = _KEPT
    ) -> None:
        self._files = files
        self._url = url
        self._key = key
        self._clock = clock
        self._kept = kept

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str], ask: Callable[[str, str, str], str], clock: Callable[[], datetime]
    ) -> Self:
        """As the environment says; `ask(variable, what, example)` is called for what must be there."""
        there = files(Store.from_environ(environ, ask), "database", clock)
        if not names_database(environ):
            ask("DB_HOST", "the database's host", "db.example.com")
        return cls(
            there,
            url=read_settings({"HOTEL_ENVIRONMENT": "demo", **environ}).database_url,
            key=ask("HOTEL_BACKUP_KEY", "the key of the backups", "KEY"),
            clock=clock,
        )

    def backups(self) -> Sequence[Backup]:
        """Every file that begins as a backup, newest first."""
        return [
            Backup(stored.name[: -len(SUFFIX)], "full", stored.name, head.made_at, head.made_at, stored.bytes)
            for stored, head in headers(self._files)
        ]

    def backup(self, kind: Kind, say: Say) -> Backup:
        """Make one: always full."""
        del kind
        now = own_second(self._files, self._clock)
        name = f"{id_of(now)}{SUFFIX}"
        say(f"writing {self._files}/{name}")
        size = self._files.write(
            name, lambda file: dump.dump(self._url, file, key=self._key, now=now), self._key
        )
        remove_old(self._files, before=now - self._kept, keep=name, say=say)
        return Backup(id_of(now), "full", name, now, now, size)

    def verify(self, backup: Backup | None, say: Say) -> Sequence[str]:
        """Read every file, or the one, to its end."""
        return damaged(self._files, backup.name if backup else None, self._key, say)

    def latest(self) -> datetime | None:
        """When the newest one was made: what came after is in none."""
        return max((backup.consistent_at for backup in self.backups()), default=None)

    def serving(self) -> str:
        """The database that serves."""
        return self._url

    def restore(self, backup: Backup, *, until: Until, say: Say) -> Instance:
        """A new database on the same server; not brought to this release yet."""
        if until == "end" and backup != self.backups()[0]:
            raise WrongUse("whole files hold no WAL: restore `latest`, or a backup as it is")
        if isinstance(until, datetime):
            raise WrongUse(
                "whole files hold no WAL: one cannot restore to a moment, but to a backup",
                "Which there are:",
                "  hotel-booking ops backup list",
            )
        name = f"{dump.name_of(self._url)}_restored"
        with self._files.reading(backup.name) as file:
            say(f"reading {backup.name}")
            dump.check(file, key=self._key)
            say(f"restoring it as {name}")
            url = dump.load(file, self._url, name=name, key=self._key, upgrade=lambda _url: None)
        return Instance(name, url)

    def check_switch(self) -> None:
        """Nothing stands in its way."""

    def switch(self, instance: Instance, say: Say) -> None:
        """Exchange the names, both or neither; whoever is connected is sent away. The one before is kept as
        NAME_before (one of that name is dropped first) and takes connections of superusers alone."""
        name = dump.name_of(self._url)
        self._exchange(instance.name, f"{name}{_BEFORE}", say)

    def back(self, say: Say) -> str:
        """Exchange them again: what serves now is kept as NAME_restored."""
        name = dump.name_of(self._url)
        with self._connected() as connection:
            if not dump.exists(connection, f"{name}{_BEFORE}"):
                raise Refused(f"there is no {name}{_BEFORE} that served before")
        self._exchange(f"{name}{_BEFORE}", f"{name}_restored", say)
        return f"{name}{_BEFORE}"

    def discard(self, instance: Instance, say: Say) -> None:
        """Drop a database that does not serve."""
        say(f"dropping {instance.name}")
        with self._connected(autocommit=True) as connection:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(instance.name)))

    def _exchange(self, fresh: str, kept: str, say: Say) -> None:
        name = dump.name_of(self._url)
        say(f"{fresh} becomes {name}, which is kept as {kept}")
        limit, rename = (
            sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}"),
            sql.SQL("ALTER DATABASE {} RENAME TO {}"),
        )
        with self._connected(autocommit=True) as connection:
            if fresh != kept and dump.exists(connection, fresh):
                drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
                connection.execute(drop.format(sql.Identifier(kept)))
            for attempt in range(50):
                try:
                    with connection.transaction():
                        connection.execute(
                            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                            " WHERE datname = ANY(%s) AND pid <> pg_backend_pid()",
                            ([name, fresh],),
                        )
                        if dump.exists(connection, name):
                            connection.execute(limit.format(sql.Identifier(name), sql.Literal(0)))
                            connection.execute(rename.format(sql.Identifier(name), sql.Identifier(kept)))
                        connection.execute(rename.format(sql.Identifier(fresh), sql.Identifier(name)))
                        connection.execute(limit.format(sql.Identifier(name), sql.Literal(-1)))
                except psycopg.errors.ObjectInUse:  # who was sent away has come back at once
                    if attempt == 49:
                        raise Refused(
                            "its clients connect faster than they are sent away: stop them"
                        ) from None
                else:
                    return

    def _connected(self, *, autocommit: bool = False) -> psycopg.Connection:
        return dump.connected(dump.url_of(self._url, "postgres"), autocommit=autocommit)
