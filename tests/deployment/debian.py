"""Servers and tools as Debian packages, started on this machine with the files of `deployment/`."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _postgres() -> Path:
    """The programs of PostgreSQL 15, as in production; of the newest that is installed where there is no 15
    (Debian 13)."""
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    fifteen = Path("/usr/lib/postgresql/15/bin")
    return there[-1] if there and fifteen not in there else fifteen


POSTGRES = _postgres()
_INITDB = ("--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256")
_PACKAGES = {  # of programs that are not named as theirs
    "nginx": "nginx-light",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "openssl": "openssl",
    str(POSTGRES / "postgres"): "postgresql",
}


def need(*programs: str) -> None:
    """Install what is missing; fail, naming the line that helps, where that cannot be: what is not run is not
    passed."""
    missing = [_PACKAGES.get(name, name) for name in programs if shutil.which(name, path=PATH) is None]
    if not missing:
        return
    line = f"apt-get install -y --no-install-recommends {' '.join(missing)}"
    assert os.geteuid() == 0, f"missing: sudo {line}"
    # Debian's packages start their servers where nothing forbids it.
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in ("apt-get update -qq", f"{line} -qq -o DPkg::Lock::Timeout=300"):
            done = subprocess.run(
                command.split(), env=environ, capture_output=True, text=True, check=False, timeout=600
            )
        assert done.returncode == 0, f"{line}: {done.stdout[-500:]} {done.stderr[-500:]}"
    finally:
        if ours:
            policy.unlink()


def program(name: str) -> str:
    """Where it is, also in the folders of the administrator's programs."""
    found = shutil.which(name, path=PATH)
    assert found is not None, f"{name} is not installed"
    return found


def until(true: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
    """Wait until something is so; fail, saying what was waited for, where it does not become so."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, f"not in {seconds:.0f} seconds: {what}"
        time.sleep(0.1)


def listens(host: str, port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


@contextlib.contextmanager
def started(
    command: Sequence[str | Path],
    log: Path,
    *,
    user: str | None = None,
    environ: dict[str, str] | None = None,
    ready: Callable[[], bool],
) -> Iterator[subprocess.Popen[bytes]]:
    """The program until the block ends. What it says is in `log`, and in the failure where it ends early."""
    with log.open("ab") as said:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            user=user,
            group=pwd.getpwnam(user).pw_gid if user else None,
            extra_groups=[] if user else None,
            env=environ if environ is not None else {"PATH": PATH, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            cwd="/",
        )

    def here() -> bool:
        assert process.poll() is None, f"{command[0]} ended by itself: {log.read_text()[-3000:]}"
        return ready()

    try:
        until(here, f"{command[0]} is ready")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def made_database(folder: Path, *, user: str, password: str, arguments: Sequence[str] = _INITDB) -> Path:
    """A new cluster that asks for a password on every connection, as the official image makes it."""
    owner = pwd.getpwnam("postgres")
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    given = folder / "password"
    given.write_text(password)
    os.chown(given, owner.pw_uid, owner.pw_gid)
    command = [POSTGRES / "initdb", "-D", folder / "data", "-U", user, f"--pwfile={given}", *arguments]
    subprocess.run(
        [str(part) for part in command],
        check=True,
        capture_output=True,
        user="postgres",
        group=owner.pw_gid,
        extra_groups=[],
        cwd="/",
        env={"PATH": PATH},
    )
    given.unlink()
    with (folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write("host all all all scram-sha-256\n")
    return folder / "data"
