"""Backups that are whole files in a folder, of any PostgreSQL that can be reached: without WAL, so back to
each backup and to no moment between. Restored beside what serves, on the same server; switched by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from hotel_booking.core.environment import read_settings
from hotel_booking.ops.backup import dump, one_file
from hotel_booking.ops.backup.engine import Backup, Instance, Kind, Say, Until, id_of
from hotel_booking.ops.backup.one_file import NotABackup
from hotel_booking.ops.refusals import Refused, WrongUse

_SUFFIX = ".backup"
_KEPT = timedelta(days=30)
_ABANDONED = timedelta(hours=3)
_BEFORE = "_before"


class Dumps:
    """The engine on the database at `url`. Files that are older than `kept` are removed after a new one is
    whole, but never the last."""

    name = "dump"

    def __init__(
        self, folder: Path, *, url: str, key: str, clock: Callable[[], datetime], kept: timedelta = _KEPT
    ) -> None:
        self._folder = folder
        self._url = url
        self._key = key
        self._clock = clock
        self._kept = kept

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str], ask: Callable[[str, str, str], str], clock: Callable[[], datetime]
    ) -> Self:
        """As the environment says; `ask(variable, what, example)` is called for what must be there."""
        folder = Path(ask("HOTEL_BACKUP_STORE", "the folder of the backups", "/backups"))
        if not folder.is_dir():
            raise WrongUse(f"HOTEL_BACKUP_STORE={folder} is no folder on this machine")
        if not environ.get("DATABASE_URL"):
            ask("DB_HOST", "the database's host", "db.example.com")
        return cls(
            folder,
            url=read_settings({"HOTEL_ENVIRONMENT": "demo", **environ}).database_url,
            key=ask("HOTEL_BACKUP_KEY", "the key of the backups", "KEY"),
            clock=clock,
        )

    def backups(self) -> Sequence[Backup]:
        """Every file in the folder that begins as a backup, newest first."""
        found = []
        for path in self._folder.glob(f"*{_SUFFIX}"):
            with suppress(NotABackup), path.open("rb") as file:
                at = one_file.read_header(file).made_at
                found.append(
                    Backup(path.name[: -len(_SUFFIX)], "full", path.name, at, at, path.stat().st_size)
                )
        return sorted(found, key=lambda backup: backup.id, reverse=True)

    def backup(self, kind: Kind, say: Say) -> Backup:
        """Make one: always full."""
        del kind
        now = self._clock()
        path = self._folder / f"{id_of(now)}{_SUFFIX}"
        say(f"writing {path}")
        dump.dump_to(path, self._url, key=self._key, now=now)
        made = self.backups()
        for old in made[1:]:
            if old.begun_at < now - self._kept:
                say(f"removing {old.id}: older than {self._kept.days} days")
                (self._folder / old.name).unlink(missing_ok=True)
        for partial in self._folder.glob(".*.partial"):
            if datetime.fromtimestamp(partial.stat().st_mtime, UTC) < now - _ABANDONED:
                partial.unlink(missing_ok=True)
        return made[0]

    def verify(self, backup: Backup | None, say: Say) -> Sequence[str]:
        """Read every file, or the one, to its end."""
        found = []
        for each in [backup] if backup else self.backups():
            say(f"reading {each.name}")
            try:
                with (self._folder / each.name).open("rb") as file:
                    one_file.verify(file, self._key)
            except (Refused, OSError) as error:
                found.append(f"{each.id}: {error}")
        if backup is None:
            whole = {each.name for each in self.backups()}
            there = [path.name for path in self._folder.glob(f"*{_SUFFIX}")]
            found += [f"{name} is no backup" for name in there if name not in whole]
        return found

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
        with (self._folder / backup.name).open("rb") as file:
            say(f"reading {backup.name}")
            dump.check(file, key=self._key)
            say(f"restoring it as {name}")
            url = dump.load(file, self._url, name=name, key=self._key, upgrade=lambda _url: None)
        return Instance(name, url)

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
        return psycopg.connect(dump.url_of(self._url, "postgres"), autocommit=autocommit, connect_timeout=10)
