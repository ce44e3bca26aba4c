"""PostgreSQL on this machine, in a folder of ours: instances beside each other, one of which serves.

    HOME/current    → instances/NAME, the one that serves: one rename switches
    HOME/previous   → the one that served before
    HOME/instances/NAME   data folders
    HOME/serving.conf     what the serving one has and each instance includes: address, port, archiving
    HOME/run        sockets; who may enter is the superuser there

A server is always started on the folder itself and never by way of `current`: it writes its control file by
that path, and one that is stopped after the switch would write it into the other's folder (it did, and
neither started again).

The server's programs refuse to run as root; for root they run as who owns HOME.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import psycopg

from hotel_booking.ops import postmaster
from hotel_booking.ops.embedded.programs import OLDEST, installed
from hotel_booking.ops.refusals import Refused

SUPERUSER = "postgres"
_START_SECONDS = 3600  # recovery replays all that was archived since the backup
_INCLUDE = "\ninclude_if_exists = '{}'\n"
# The one step, as a process of its own: once begun it goes on, whatever becomes of us. `current` is renamed
# first, so that whoever starts a server from now on (systemd, too) starts the new one.
_SWITCH = """
ln -sfn "$old" "$home/previous.new" && mv -T "$home/previous.new" "$home/previous" || exit 1
"$bin/pg_ctl" -D "$new" -m fast -w -s stop
ln -sfn "$new" "$home/current.new" && mv -T "$home/current.new" "$home/current" || exit 1
[ ! -e "$old/postmaster.pid" ] || "$bin/pg_ctl" -D "$old" -m fast -w -s stop ||
    "$bin/pg_ctl" -D "$old" -m immediate -w -s stop
"$bin/pg_ctl" -D "$new" -w -t "$seconds" -s -l "$home/log" start && exit 0
"$bin/pg_ctl" -D "$new" status >/dev/null && exit 0
[ -e "$old/PG_VERSION" ] || exit 1
ln -sfn "$old" "$home/current.new" && mv -T "$home/current.new" "$home/current"
"$bin/pg_ctl" -D "$old" -w -t "$seconds" -s -l "$home/log" start
exit 1
"""


class Servers:
    """The instances below a folder. `port` is where the serving one listens."""

    def __init__(self, home: Path, *, port: int) -> None:
        self.home = home.absolute()
        self.port = port
        self.run_folder = self.home / "run"
        self.current = self.home / "current"

    # Whose they are ----------------------------------------------------------------------------------

    def as_owner(self) -> dict[str, int | list[int]]:
        """For `subprocess`: run as who owns the folder, where we are root and they are not."""
        if os.geteuid() != 0:
            return {}
        owner = self.home.stat()
        if owner.st_uid == 0:
            raise Refused(
                f"{self.home} belongs to root, and PostgreSQL refuses to run as root",
                "This line helps:",
                f"  chown postgres:postgres {self.home}",
            )
        return {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}

    def become_owner(self) -> None:
        """Go on as who owns the folder, where we are root and they are not; there is no way back."""
        if self.as_owner():
            owner = self.home.stat()
            os.setgroups([])
            os.setgid(owner.st_gid)
            os.setuid(owner.st_uid)

    def make(self, *folders: Path) -> None:
        """Make folders that only the owner may enter."""
        owner = self.home.stat()
        for folder in folders:
            folder.mkdir(mode=0o700, exist_ok=True)
            if os.geteuid() == 0:
                os.chown(folder, owner.st_uid, owner.st_gid)

    def write(self, path: Path, text: str) -> None:
        """Write a file that only the owner may read: whole, or not at all. Refused where it cannot be."""
        beside = path.with_name(f"{path.name}.new")
        try:
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(text)
        except OSError as error:
            beside.unlink(missing_ok=True)
            raise Refused(
                f"{path} cannot be written: {error.strerror or error}",
                "Make room on the database's disk, and run this again; nothing that serves was touched.",
            ) from None
        if os.geteuid() == 0:
            owner = self.home.stat()
            os.chown(beside, owner.st_uid, owner.st_gid)
        beside.rename(path)

    def programs(self, data: Path | None = None) -> Path:
        """The installed programs of the version that the data is of; for new data those of the oldest version
        that the platform runs on, or those that are chosen."""
        version = (data / "PG_VERSION").read_text().strip() if data and (data / "PG_VERSION").exists() else ""
        if not version and (chosen := os.environ.get("HOTEL_POSTGRES_BIN")):
            return Path(chosen)
        programs = installed("postgres")
        major = int(version.partition(".")[0]) if version else min(programs, default=OLDEST)
        if (folder := programs.get(major)) is None:
            raise Refused(
                f"PostgreSQL {major} is not installed",
                "This line helps:",
                f"  sudo apt-get install postgresql-{major}",
            )
        return folder

    # One instance ------------------------------------------------------------------------------------

    def initialise(self, data: Path) -> None:
        """A new, empty instance: sockets are open to who may enter their folder, the network needs passwords.
        Page checksums are on, so that a backup notices a disk that forgets."""
        self.make(self.home / "instances", self.run_folder)
        self._ctl(
            "initdb", "-D", str(data), "-U", SUPERUSER, "--encoding=UTF8", "--locale=C", "--data-checksums",
            "--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions",
        )  # fmt: skip
        self.include(data)

    def include(self, data: Path) -> None:
        """Have the instance take what the serving one has."""
        conf = data / "postgresql.conf"
        line = _INCLUDE.format(self.home / "serving.conf")
        if line.strip() not in conf.read_text():
            with conf.open("a") as file:
                file.write(line)

    def start(self, data: Path, **overriding: str) -> None:
        """Start an instance beside the one that serves, with other settings than its own; it may still be in
        recovery. Refused with what it said."""
        log = self.home / f"{data.name}.log"
        log.unlink(missing_ok=True)
        words = " ".join(f"-c {name}='{value}'" for name, value in overriding.items())
        self._ctl(
            *("pg_ctl", "-D", str(data), "-w", "-s", "-t", str(_START_SECONDS), "-l", str(log)),
            *("-o", words, "start"),
            log=log,
            data=data,
        )

    def wait_until_it_takes_writes(self, data: Path, url: str) -> None:
        """Until recovery is over. Refused where it ends otherwise: a target that is not reached, say."""
        while True:
            with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=10) as connection:
                if connection.execute("SELECT pg_is_in_recovery()").fetchone() == (False,):
                    return
            if not self.running(data):
                raise Refused(f"recovery ended early: {_last_lines(self.home / f'{data.name}.log')}")
            time.sleep(0.1)

    def start_serving(self) -> None:
        """Start the one that serves, where it does not run."""
        if not self.running(self.current):
            self._ctl(
                *("pg_ctl", "-D", str(self.current.resolve()), "-w", "-s", "-t", str(_START_SECONDS)),
                *("-l", str(self.home / "log"), "start"),
                log=self.home / "log",
                data=self.current,
            )

    def stop(self, data: Path) -> None:
        """Stop an instance, where it runs."""
        if self.running(data):
            self._ctl("pg_ctl", "-D", str(data), "-m", "fast", "-w", "-s", "stop", data=data)

    def running(self, data: Path) -> bool:
        """Whether a server runs on this folder."""
        if not (data / "PG_VERSION").exists() or postmaster.number(data) is None:
            return False
        return self.run(str(self.programs(data) / "pg_ctl"), "-D", str(data), "status").returncode == 0

    def remove(self, data: Path) -> None:
        """Stop an instance that does not serve, and delete it."""
        if data.resolve() == self.current.resolve():
            raise Refused(f"{data} serves: it is not removed")
        self.stop(data)
        shutil.rmtree(data, ignore_errors=True)

    # The one step ------------------------------------------------------------------------------------

    def switch(self, data: Path) -> None:
        """Let this instance serve in the place of the one that does, and keep that one as `previous`. Where
        it does not start, the one before serves again and this is refused."""
        if data.resolve() == self.current.resolve():
            self.start_serving()
            return
        told = {
            "home": str(self.home),
            "old": str(self.current.resolve()),
            "new": str(data.resolve()),
            "bin": str(self.programs(data)),
            "seconds": str(_START_SECONDS),
        }
        done = self.run("/bin/sh", "-c", _SWITCH, environ=told)
        if done.returncode:
            raise Refused(
                f"the restored instance did not start to serve: {_last_lines(self.home / 'log')}",
                "The one before serves again, where there is one.",
            )

    def previous(self) -> Path:
        """The instance that served before. Refused where there is none."""
        path = (self.home / "previous").resolve()
        if not (path / "PG_VERSION").exists():
            raise Refused("there is no instance that served before and could serve again")
        return path

    def url(self, database: str, port: int | None = None) -> str:
        """The superuser's way to a database of the serving instance, or of the one at this port."""
        return f"postgresql://{SUPERUSER}@/{database}?host={self.run_folder}&port={port or self.port}"

    def administer(self, *statements: str, database: str = "postgres") -> None:
        """Run statements on the serving instance as its superuser, each on its own."""
        with psycopg.connect(self.url(database), autocommit=True, connect_timeout=10) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def run(
        self, *command: str, environ: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the owner, away from our terminal; it outlives us where it has to."""
        told = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", **(environ or {})}
        said = self.home / f"said-{os.getpid()}"
        # A file: a server inherits its output, and would keep a pipe open for ever.
        with said.open("w+") as output:
            said.unlink()
            done = subprocess.run(  # type: ignore[call-overload]  # noqa: S603  # our own words; mypy: **
                command,
                env=told,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                check=False,
                start_new_session=True,
                **self.as_owner(),
            )
            output.seek(0)
            text = output.read()
        return subprocess.CompletedProcess(command, done.returncode, text, text)

    def _ctl(self, program: str, *words: str, log: Path | None = None, data: Path | None = None) -> None:
        done = self.run(str(self.programs(data) / program), *words)
        if done.returncode:
            said = _last_lines(log) if log else ""
            raise Refused(f"{program} failed: {said or postmaster.what_is_wrong(done.stdout)}")


def _last_lines(log: Path) -> str:
    if not log.exists():
        return "it said nothing"
    return postmaster.what_is_wrong(log.read_text(errors="replace"))
