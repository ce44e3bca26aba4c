"""pgBackRest: full, differential and incremental backups with all WAL, encrypted, in a folder or a bucket, of
a PostgreSQL on this machine in a folder of ours (`servers`). Back to any moment since the oldest backup."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import psycopg
from psycopg import sql

from hotel_booking.core.environment import database_port
from hotel_booking.ops.backup import archive_texts as texts
from hotel_booking.ops.backup.archive_texts import Segment
from hotel_booking.ops.backup.dump import refuse_without_space
from hotel_booking.ops.backup.engine import Backup, Instance, Kind, Say, Until, id_of
from hotel_booking.ops.backup.servers import Servers
from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.refusals import Refused, WrongUse

_STANZA = "hotel"
_ARCHIVE_SECONDS = 60  # the most that is lost: a segment is archived so long after its first row
_KEPT_DAYS = 30
_FULL_EVERY, _DIFF_EVERY = timedelta(days=7), timedelta(days=1)
_RECEIVER = "hotel_wal"  # what pg_receivewal calls itself


class PgBackRest:
    """The engine for a PostgreSQL below `servers`' folder. `received`: where `pg_receivewal` keeps WAL that
    the archive may not have yet (the zero-loss mode), or None."""

    name = "pgbackrest"

    def __init__(
        self,
        servers: Servers,
        store: Store,
        *,
        database: str,
        key: str,
        received: Path | None = None,
        listen: str = "localhost",
        clock: Callable[[], datetime],
    ) -> None:
        self.servers = servers
        self.database = database
        self._store = store
        self._key = key
        self._received = received
        self._listen = listen
        self._clock = clock
        self._folder = servers.home / "pgbackrest"
        self._conf = self._folder / "pgbackrest.conf"

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str], ask: Callable[[str, str, str], str], clock: Callable[[], datetime]
    ) -> Self:
        """As the environment says; `ask(variable, what, example)` is called for what must be there."""
        home = Path(ask("HOTEL_DATABASE_HOME", "the database's folder", "/var/lib/hotel-booking/database"))
        if not home.is_dir():
            raise WrongUse(f"HOTEL_DATABASE_HOME={home} is no folder on this machine")
        received = environ.get("HOTEL_WAL_FOLDER")
        return cls(
            Servers(home, port=database_port(environ)),
            Store.from_environ(environ, ask),
            database=environ.get("DB_NAME") or "hotel_booking",
            key=ask("HOTEL_BACKUP_KEY", "the key of the backups", "KEY"),
            received=Path(received) if received else None,
            listen=environ.get("HOTEL_DATABASE_LISTEN") or "localhost",
            clock=clock,
        )

    # What is there -----------------------------------------------------------------------------------

    def backups(self) -> Sequence[Backup]:
        """Every whole backup in the store, newest first."""
        return texts.backups(self._info())

    def latest(self) -> datetime | None:
        """When the newest segment of WAL came into the archive."""
        segments = self._segments()
        return segments[-1].at if segments else None

    def serving(self) -> str:
        """The superuser's way to the database that serves."""
        return self.servers.url(self.database)

    # Backups -----------------------------------------------------------------------------------------

    def set_up(self, say: Say) -> None:
        """Make what is missing: an instance, its settings, the store's beginning; and start the one that
        serves. It can be run again, and takes changed settings over."""
        servers = self.servers
        servers.make(self._folder, *(self._folder / name for name in ("lock", "log", "spool")))
        servers.make(servers.home / "instances", servers.run_folder)
        if not servers.current.exists():
            if servers.current.is_symlink():
                raise Refused(
                    f"{servers.current} leads to {servers.current.resolve()}, which is not there",
                    "Restore it:",
                    "  hotel-booking ops backup restore latest production",
                )
            say("making an instance")
            data = servers.home / "instances" / "first"
            servers.initialise(data)
            servers.current.symlink_to(data)
        self._configure()
        servers.include(servers.current)
        was_running = servers.running(servers.current)
        servers.start_serving()
        servers.administer("SELECT pg_reload_conf()")
        with psycopg.connect(servers.url("postgres"), autocommit=True) as connection:
            connection.execute("SET synchronous_commit = 'local'")  # who receives WAL is started after this
            if not connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", (self.database,)
            ).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))
            row = connection.execute("SHOW archive_mode").fetchone()
        if was_running and row != ("on",):
            say("restarting it, so that it archives")
            servers.stop(servers.current)
            servers.start_serving()
        self._call("stanza-create")
        self._call("check")
        say(f"archiving to {self._store}")

    def backup(self, kind: Kind, say: Say) -> Backup:
        """Make one. A full one each week and a differential each day are made in the place of an incremental
        one; a retention of 30 days is kept by the store."""
        self._configure()
        chosen = self._kind(kind)
        say(f"{chosen} backup")
        self._call("backup", f"--type={chosen}")
        return self.backups()[0]

    def verify(self, backup: Backup | None, say: Say) -> Sequence[str]:
        """Have pgBackRest read every file of the store, and look for missing WAL, which it does not do."""
        say("reading the store")
        done = self._run("verify", "--output=text", "--verbose", "--log-level-console=error")
        errors = [*texts.errors(done.stdout)]
        if not errors or "status:" in done.stdout:
            errors += texts.wrong_in(done.stdout, backup.name if backup else None)
        info = self._info()
        about = [backup] if backup else texts.backups(info)[-1:]
        for each in about:
            if gap := texts.gap_after(self._segments(), texts.first_segment(info, each.name)):
                errors.append(f"WAL segment {gap[1]} is missing: from {gap[0].at:%Y-%m-%d %H:%M:%S} UTC on")
        return errors

    # Restoring ---------------------------------------------------------------------------------------

    def restore(self, backup: Backup, *, until: Until, say: Say) -> Instance:
        """A new instance with that state, running and taking writes; reached by its socket alone."""
        self._configure()
        info, servers = self._info(), self.servers
        self._refuse_unreachable(backup, until, info)
        needed = int(texts.restored_bytes(info, backup.name) * 1.1) + (256 << 20)
        instances = servers.home / "instances"
        kept = {servers.current.resolve(), (servers.home / "previous").resolve()}
        for half_done in instances.glob("restored-*"):
            if half_done.resolve() not in kept:
                servers.remove(half_done)
        refuse_without_space(instances, shutil.disk_usage(instances).free, needed)
        data = instances / f"restored-{id_of(self._clock())}"
        servers.make(data)
        words = [f"--pg1-path={data}", f"--set={backup.name}", *self._recovery(until)]
        try:
            say(f"restoring {backup.name} to {data}")
            self._call("restore", *words)
            servers.include(data)
            say("replaying WAL")
            servers.start(data, **self._beside())
            url = servers.url(self.database, servers.port + 1)
            servers.wait_until_it_takes_writes(data, url)
        except BaseException:
            servers.remove(data)
            raise
        return Instance(data.name, url)

    def discard(self, instance: Instance, say: Say) -> None:
        """Remove an instance that does not serve."""
        say(f"removing {instance.name}")
        self.servers.remove(self.servers.home / "instances" / instance.name)

    def check_switch(self) -> None:
        """Nothing stands in its way."""

    def switch(self, instance: Instance, say: Say) -> None:
        """One rename and a restart by a process that outlives us; the one before is kept as `previous`."""
        say(f"{instance.name} serves from now on")
        self.servers.switch(self.servers.home / "instances" / instance.name)
        self._configure()
        self._archive_at_once()

    def back(self, say: Say) -> str:
        """Switch to the instance that served before."""
        before = self.servers.previous()
        say(f"{before.name} serves again")
        self.servers.switch(before)
        self._configure()
        self._archive_at_once()
        return before.name

    def receive(self) -> None:
        """The zero-loss mode: receive WAL as it is written, into the folder, until we are ended. Commits wait
        for it, so it has to be running; a slot keeps what it misses meanwhile."""
        if self._received is None:
            raise WrongUse(
                "HOTEL_WAL_FOLDER is not set: a folder on another disk or machine than the database's",
                "Then, with it set:",
                "  hotel-booking ops backup set-up",
            )
        self.servers.make(self._received)
        program = str(self.servers.programs(self.servers.current) / "pg_receivewal")
        where = [
            "-D",
            str(self._received),
            "-d",
            f"{self.servers.url('postgres')}&application_name={_RECEIVER}",
        ]
        self.servers.run(program, *where, "--slot", _RECEIVER, "--create-slot", "--if-not-exists")
        self.servers.become_owner()  # the server reads what is received
        os.execve(  # noqa: S606  # a program without a shell
            program, [program, *where, "--slot", _RECEIVER, "--synchronous"], dict(os.environ)
        )

    # How it gets there -------------------------------------------------------------------------------

    def _archive_at_once(self) -> None:
        """After a promotion `archive_timeout` can be ignored for a whole checkpoint interval: what is
        acknowledged until then would be lost with the disk."""
        self.servers.administer("SELECT pg_reload_conf()", "CHECKPOINT", "SELECT pg_switch_wal()")

    def _kind(self, asked: Kind) -> str:
        there, now = self.backups(), self._clock()
        fulls = [backup for backup in there if backup.kind == "full"]
        larger = [backup for backup in there if backup.kind != "incr"]
        if asked == "full" or not fulls or fulls[0].begun_at < now - _FULL_EVERY:
            return "full"
        if asked == "diff" or larger[0].begun_at < now - _DIFF_EVERY:
            return "diff"
        return "incr"

    def _refuse_unreachable(self, backup: Backup, until: Until, info: str) -> None:
        if until == "backup":
            return
        segments = self._segments()
        gap = texts.gap_after(segments, texts.first_segment(info, backup.name))
        reach = gap[0].at if gap else segments[-1].at
        if isinstance(until, datetime):
            if until < backup.consistent_at:
                raise WrongUse(
                    f"{backup.id} was whole at {backup.consistent_at:%Y-%m-%d %H:%M:%S} UTC: for an earlier"
                    " moment take a backup before that"
                )
            if until < reach + timedelta(seconds=1):  # the store counts in whole seconds
                return
            said = f"WAL segment {gap[1]} is missing" if gap else "there is no WAL of a later time"
            raise Refused(f"the store reaches to {reach:%Y-%m-%d %H:%M:%S} UTC: {said}; nothing was touched")
        if gap:
            raise Refused(
                f"WAL segment {gap[1]} is missing: as far as the store goes would end there, without what"
                " came after; nothing was touched",
                "To restore what comes before it:",
                f"  --to-time {reach - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
            )

    def _recovery(self, until: Until) -> list[str]:
        if until == "backup":
            return ["--type=immediate", "--target-action=promote"]
        words = []
        if self._received is not None and until == "end":
            folder = shlex.quote(str(self._received))
            get = f"{self._ours()} archive-get %f %p"
            received = f"cp {folder}/%f %p 2>/dev/null || cp {folder}/%f.partial %p 2>/dev/null"
            words.append(f"--recovery-option=restore_command={get} 2>/dev/null || {received}")
        if isinstance(until, datetime):
            target = until.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
            words += ["--type=time", f"--target={target}", "--target-action=promote"]
        return words

    def _beside(self) -> dict[str, str]:
        """An instance that is only looked at: no network, and nothing of it into the archive. With archiving
        on and no command its WAL waits, and is archived once it serves."""
        return {
            "port": str(self.servers.port + 1),
            "listen_addresses": "",
            "archive_command": "",
            "synchronous_standby_names": "",
        }

    def _configure(self) -> None:
        servers = self.servers
        lines = {
            **self._store.pgbackrest(),
            "repo1-cipher-type": "aes-256-cbc",
            "repo1-cipher-pass": self._key,
            "repo1-retention-full-type": "time",
            "repo1-retention-full": str(_KEPT_DAYS),
            "lock-path": str(self._folder / "lock"),
            "log-path": str(self._folder / "log"),
            "spool-path": str(self._folder / "spool"),
            "log-level-console": "warn",
            "compress-type": "zst",
            "process-max": "2",
            "start-fast": "y",
        }
        stanza = {
            "pg1-path": str(servers.current.resolve()),
            "pg1-socket-path": str(servers.run_folder),
            "pg1-port": str(servers.port),
            "pg1-user": "postgres",
        }
        servers.make(self._folder)
        servers.write(self._conf, f"[global]\n{_lines(lines)}\n[{_STANZA}]\n{_lines(stanza)}")
        settings = {
            "port": str(servers.port),
            "listen_addresses": self._listen,
            "unix_socket_directories": str(servers.run_folder),
            "unix_socket_permissions": "0700",
            "wal_level": "replica",
            "archive_mode": "on",
            "archive_command": f"{self._ours()} archive-push %p",
            "archive_timeout": str(_ARCHIVE_SECONDS),
            "synchronous_standby_names": _RECEIVER if self._received else "",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        quoted = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
        servers.write(servers.home / "serving.conf", f"# Written by hotel-booking ops backup.\n{quoted}")

    def _ours(self) -> str:
        """pgBackRest as a server calls it, in the folder of its data: not in what `current` leads to."""
        return f'pgbackrest --config={self._conf} --stanza={_STANZA} --pg1-path="$(pwd -P)"'

    def _info(self) -> str:
        self._configure()
        return self._call("info", "--output=json")

    def _segments(self) -> list[Segment]:
        archive = self._call("repo-ls", "--output=json", f"archive/{_STANZA}")
        segments: list[Segment] = []
        for name in texts.folders(archive):
            listing = self._call("repo-ls", "--recurse", "--output=json", f"archive/{_STANZA}/{name}")
            segments += texts.segments(listing)
        return sorted(segments)

    def _run(self, verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        return self.servers.run(_program(), f"--config={self._conf}", f"--stanza={_STANZA}", verb, *words)

    def _call(self, verb: str, *words: str) -> str:
        done = self._run(verb, *words)
        if done.returncode:
            said = "; ".join(list(texts.errors(done.stdout))[:2]) or done.stdout.strip()[-300:]
            raise Refused(f"pgBackRest's {verb} failed: {said}", *_help(said))
        return done.stdout


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}={value}\n" for name, value in values.items())


def _program() -> str:
    if found := shutil.which("pgbackrest"):
        return found
    raise Refused("pgBackRest is not installed", "This line helps:", "  sudo apt-get install pgbackrest")


def _help(said: str) -> tuple[str, ...]:
    """What to do about what pgBackRest said."""
    if "unable to acquire lock" in said:
        return ("Another backup runs: wait for it, and run this again.",)
    if "No space left" in said or "no space" in said.lower():
        return ("Make room, and run this again; nothing that serves was touched.",)
    if "was not archived before" in said:
        return (
            "The store takes no WAL: is there room in it, and is it reached? Then run this again.",
            "What waits is kept, and bookings go on, as long as the database's disk has room.",
        )
    away = ("missing stanza path", "does not exist", "unable to open", "unable to load info file")
    if any(words in said for words in away):
        return ("Is the store there, and has it been begun?", "  hotel-booking ops backup set-up")
    return ()
