"""One PostgreSQL data folder and its server: made, started, recovered, stopped."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote

from hotel_booking.core.whole_files import replace_file
from hotel_booking.ops import postmaster
from hotel_booking.ops.embedded.programs import (
    ROOT_HOME,
    EmbeddedError,
    can_enter,
    major_version,
    make_folders,
    readable_programs,
    server_user,
)

if TYPE_CHECKING:
    from psycopg import sql

SUPERUSER = "hotel"
_SOCKET_LIMIT = 107 - len("/.s.PGSQL.5432.lock")  # bytes, of which a letter beyond ASCII has several
_START_SECONDS = 600  # crash recovery of a large database takes minutes, and giving up loses nothing but time
_STOP_SECONDS = 120
# Processes of a server that was killed end when they notice, and until then no other may start.
_STILL_THERE = "pre-existing shared memory block"
_LEFT_SECONDS = 20
# What PostgreSQL's own settings, or the shell that its pg_ctl starts it by, read otherwise.
_UNRUNNABLE = re.compile(r"""['"$`\\,\n]""")
# In a folder that was asked for: where the cluster is, when it cannot be inside.
_POINTER = "database-is-in"

DURABLE = {
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",  # as in production: our statements are short
}


class Cluster:
    """One PostgreSQL data folder and its server.

    `home`, a subfolder of the `folder` asked for, holds everything: `data/`, `run/` (the socket), `log`,
    `lock`. Starting takes a lock that dies with the process, so two programs never start one cluster, and
    nobody stops one that another program holds.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] = DURABLE) -> None:
        self.folder = folder.absolute()
        self.home = _home(self.folder)
        self.data = self.home / "data"
        self._user = server_user(self.home)
        self._settings = dict(settings)
        self._lock: IO[str] | None = None

    def start(self, serves: str = "") -> None:
        """Make the cluster where there is none, and start it; returns when it accepts connections.

        Leftovers of a killed process are recovered: a stale pid file is removed, an orphaned server is
        stopped first. Raises `EmbeddedError` where another process is using the cluster, and names it;
        `serves` is the address that such a refusal says of ours.
        """
        if odd := _UNRUNNABLE.search(str(self.home)):
            raise EmbeddedError(
                f"PostgreSQL cannot run in {self.folder}, which has {odd[0]} in its name;"
                " choose another folder with --data-dir or HOTEL_DATA_DIR"
            )
        try:
            self._claim_home(serves)
            if not self.exists():
                self._initialise()
            self._check_version()
            self._clear_leftovers()
            conf = "".join(f"{name} = '{value}'\n" for name, value in self._all_settings().items())
            (self.data / "hotel.conf").write_text(conf)
            self._start_server()
        except BaseException:
            self._release_lock()
            raise

    def stop(self) -> None:
        """Stop the server, cleanly, and wait for it. Does nothing where it is stopped already, or where
        another process holds the cluster."""
        if self._lock is None:
            if not self.exists():
                return
            try:
                self._take_lock()
            except EmbeddedError:
                return
        try:
            # What will be thrown away needs no checkpoint.
            self._stop_server("immediate" if self._settings.get("fsync") == "off" else "fast")
        finally:
            self._release_lock()

    def restart(self, mode: str = "fast") -> None:
        """Stop in the given pg_ctl mode and start again; `immediate` is a crash."""
        self._stop_server(mode)
        self._start_server()

    def revive(self) -> bool:
        """Start the server again where it has ended by itself (what runs out of memory ends what takes
        most); whether it had."""
        if postmaster.number(self.data) is not None:
            return False
        self._clear_leftovers()
        self._start_server()
        return True

    def remove(self) -> None:
        """Stop the server and delete the cluster. Raises `EmbeddedError` where another process holds it."""
        if self._lock is None and self.home.exists():
            self._take_lock()
        self.stop()
        shutil.rmtree(self.home, ignore_errors=True)
        if (short := _short_socket_folder(self.home)).exists():
            shutil.rmtree(short, ignore_errors=True)

    def running(self) -> bool:
        """Whether a server runs on this data folder."""
        if not self.exists() or postmaster.number(self.data) is None:
            return False
        return self._run("pg_ctl", "status", "-D", str(self.data)).returncode == 0

    def exists(self) -> bool:
        """Whether the cluster has been made. Raises `EmbeddedError` where it is another user's."""
        try:
            return (self.data / "PG_VERSION").exists()
        except PermissionError:
            raise EmbeddedError(
                f"the database in {self.folder} belongs to another user: run this as the one who started it"
            ) from None

    def abandoned(self) -> bool:
        """Whether the process that started the server was killed and nobody has taken over since."""
        if not self.exists() or not (self.data / "postmaster.pid").exists():
            return False
        try:
            self._take_lock()
        except EmbeddedError:
            return False
        self._release_lock()
        return True

    def url(self, database: str) -> str:
        """A connection URL over the socket; asyncpg, psycopg and SQLAlchemy take it."""
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={quote(str(self._socket_folder()))}"

    def has_database(self, name: str) -> bool:
        """Whether the database exists."""
        import psycopg  # a third of a second that `hotel-booking --help` can do without

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            return connection.execute(query, (name,)).fetchone() is not None

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, empty or as a copy of `template` (which must have no connections): of its files,
        in less than half the time of writing every page to the WAL."""
        from psycopg import sql

        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
        self._administer(statement)

    def rename_database(self, name: str, new_name: str) -> None:
        """Rename a database that has no connections."""
        from psycopg import sql

        statement = sql.SQL("ALTER DATABASE {} RENAME TO {}")
        self._administer(statement.format(sql.Identifier(name), sql.Identifier(new_name)))

    def drop_database(self, name: str) -> None:
        """Drop a database, ending its connections; none of that name is fine."""
        from psycopg import sql

        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)

    # How it gets there -----------------------------------------------------------------------------

    def _all_settings(self) -> dict[str, str]:
        return {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_folder()),
            "unix_socket_permissions": "0700",
            "log_timezone": "UTC",
            "timezone": "UTC",
            **self._settings,
        }

    def _make(self, folder: Path) -> None:
        if self._user:
            make_folders(folder)
        else:
            folder.mkdir(parents=True, exist_ok=True)

    def _claim_home(self, serves: str) -> None:
        """The lock, then private folders that belong to the server's user. The folder that was asked for
        does not change hands."""
        try:
            self._take_lock(serves)
            for folder in (self.home, self.home / "run"):
                self._make(folder)
                folder.chmod(0o700)
                if self._user:
                    os.chown(folder, self._user.uid, self._user.gid)
            if self.home.parent != self.folder:
                replace_file(self.folder / _POINTER, f"{self.home}\n".encode())
        except OSError as error:
            raise EmbeddedError(
                f"cannot write to {error.filename or self.folder}: {error.strerror};"
                " choose another folder with --data-dir"
            ) from None

    def _take_lock(self, serves: str = "") -> None:
        """What the file says is for whoever is refused meanwhile: our process, and where it is found."""
        self._make(self.folder)
        self._make(self.home)
        lock = (self.home / "lock").open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().split()
            lock.close()
            raise EmbeddedError(_in_use(self.folder, holder)) from None
        self._lock = lock
        with suppress(OSError):  # a full disk keeps nobody from stopping what runs
            os.ftruncate(lock.fileno(), 0)
            os.write(lock.fileno(), f"{os.getpid()} {serves}\n".encode())

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _initialise(self) -> None:
        """initdb into a folder beside, then rename: a killed initdb leaves nothing half-made."""
        fresh = self.home / "data.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        result = self._run(
            "initdb", "-D", str(fresh), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C",
            "--no-instructions", *(["--no-sync"] if self._settings.get("fsync") == "off" else []),
        )  # fmt: skip
        if result.returncode:
            raise EmbeddedError(f"initdb failed: {postmaster.what_is_wrong(result.stdout)}")
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'hotel.conf'\n")
        if self.data.exists():
            shutil.rmtree(self.data)
        fresh.rename(self.data)

    def _check_version(self) -> None:
        version = int((self.data / "PG_VERSION").read_text().split(".")[0])
        ours = major_version(readable_programs(self._user) / "postgres")
        if version != ours:
            raise EmbeddedError(
                f"the data in {self.data} is of PostgreSQL {version}, the programs are {ours};"
                " choose another --data-dir, or set HOTEL_POSTGRES_BIN to the matching programs"
            )

    def _clear_leftovers(self) -> None:
        """We hold the lock, so whatever is here belongs to a process that was killed."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        if self.running():
            self._stop_server("fast")
        elif postmaster.number(self.data) is None and postmaster.taken(self.data):
            # The number belongs to another program now: PostgreSQL would refuse to start. Where it is
            # nobody's, PostgreSQL itself looks whether anything of the killed one is left.
            pid_file.unlink(missing_ok=True)
            for lock in self._socket_folder().glob(".s.PGSQL.*.lock"):
                lock.unlink()

    def _socket_folder(self) -> Path:
        folder = self.home / "run"
        # Prometheus' exporter cannot be told of a socket with a space in its path.
        if len(os.fsencode(folder)) <= _SOCKET_LIMIT and " " not in str(folder):
            return folder
        short = _short_socket_folder(self.home)
        short.mkdir(mode=0o700, exist_ok=True)
        owner = self._user.uid if self._user else os.geteuid()
        # lstat: in a folder where everybody may write, the name can be somebody's link to anywhere.
        status = short.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (owner, os.geteuid()):
            raise EmbeddedError(f"{short} belongs to somebody else; choose a shorter --data-dir")
        if status.st_uid != owner:
            os.chown(short, owner, -1)
        short.chmod(0o700)
        return short

    def _start_server(self) -> None:
        log = self.home / "log"
        deadline = time.monotonic() + _LEFT_SECONDS
        while self._run(
            "pg_ctl", "start", "-w", "-s", "-t", str(_START_SECONDS), "-D", str(self.data), "-l", str(log)
        ).returncode:
            last_lines = _last_lines(log)
            if _STILL_THERE not in last_lines or time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start: {last_lines} (all of it: {log})")
            time.sleep(0.2)

    def _stop_server(self, mode: str) -> None:
        if not self.running():
            return
        result = self._run(
            "pg_ctl", "stop", "-w", "-s", "-t", str(_STOP_SECONDS), "-m", mode, "-D", str(self.data)
        )
        if result.returncode and self.running():
            raise EmbeddedError(f"PostgreSQL did not stop: {result.stderr.strip()}")

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        folder = readable_programs(self._user)
        environ = {"PATH": f"{folder}:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
        # Output goes to a file: the server inherits it and would keep a pipe open for ever.
        with tempfile.TemporaryFile("w+") as output:
            result = subprocess.run(  # noqa: S603  # PostgreSQL's programs with our own arguments
                [str(folder / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environ,
                cwd="/",
                check=False,
                start_new_session=True,  # Ctrl-C in our terminal is ours to handle
                user=self._user.uid if self._user else None,
                group=self._user.gid if self._user else None,
                extra_groups=[] if self._user else None,
            )
            output.seek(0)
            text = output.read()
        return subprocess.CompletedProcess(result.args, result.returncode, text, text)


def _home(asked: Path) -> Path:
    """A subfolder of the folder asked for; for root, where no server's user could reach it, a folder of
    ours elsewhere, which a pointer in the folder asked for names."""
    inside = asked / "postgresql"
    if os.geteuid() != 0:
        return inside
    elsewhere = ROOT_HOME / "clusters"
    pointer = asked / _POINTER
    with suppress(OSError):
        # Believed only where nobody but root can have written it: it says what root will chown.
        if pointer.stat().st_uid == 0 and (named := Path(pointer.read_text().strip())).parent == elsewhere:
            return named
    user = server_user(inside)
    if user is None or can_enter(user, asked):
        return inside
    return elsewhere / hashlib.sha256(str(asked).encode()).hexdigest()[:16]


def _in_use(folder: Path, holder: Sequence[str]) -> str:
    """The refusal of a folder that the holder's process, of this number and serving at this address, has."""
    named = f" (process {', '.join(holder)})" if holder else ""
    ending = f" (`kill {holder[0]}`)" if holder else ""
    return (
        f"another hotel-booking{named} is using {folder}; stop it{ending},"
        " or choose another folder with --data-dir or HOTEL_DATA_DIR"
    )


def _short_socket_folder(home: Path) -> Path:
    """For a home whose own path no socket can have."""
    return Path(tempfile.gettempdir()) / f"hotel-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"


def _last_lines(log: Path) -> str:
    try:
        return " ".join(log.read_text(errors="replace").splitlines()[-3:])
    except OSError:
        return "no log was written"
