"""Whether a PostgreSQL runs on a data folder, whatever the number in its pid file has become since."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

_PROCESSES = Path("/proc")
_WRONG = ("FATAL", "ERROR", "PANIC", "error:")
_STOP_SECONDS = 30.0
_REAPED_SECONDS = 5.0  # in a container whose first process reaps nobody it would be for ever


def number(data: Path) -> int | None:
    """The number in the folder's pid file, where that process is the server on this very folder: after a
    crash it may be another server's, which `pg_ctl stop` would end. Where no process can be looked into (no
    Linux), the file is believed."""
    try:
        pid = int((data / "postmaster.pid").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return None
    if not (_PROCESSES / "self").exists():
        return pid
    process = _PROCESSES / str(pid)
    try:
        words = (process / "cmdline").read_bytes().split(b"\0")
        # One that has ended and that nobody has reaped has no words.
        if Path(os.fsdecode(words[0])).name not in ("postgres", "postmaster"):
            return None
        works_in = (process / "cwd").readlink()
    except PermissionError:  # root without all of its rights, in a container
        told = dict(pairwise(words)).get(b"-D")
        works_in = Path(os.fsdecode(told)).resolve() if told else data.resolve()
    except OSError:
        return None
    return pid if works_in == data.resolve() else None


def taken(data: Path) -> bool:
    """Whether the number in the folder's pid file is any process's; waits a while for one that has ended and
    is only not yet reaped."""
    try:
        process = _PROCESSES / (data / "postmaster.pid").read_text().split()[0]
    except (OSError, IndexError):
        return False
    deadline = time.monotonic() + _REAPED_SECONDS
    while time.monotonic() < deadline:
        try:
            if (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z":
                return True
        except OSError:
            return False
        time.sleep(0.05)
    return True


def what_is_wrong(said: str) -> str:
    """The lines of PostgreSQL's programs that say it, and not how they went on; else their last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if any(sign in line for sign in _WRONG)]
    return " ".join(wrong[-2:] or lines[-2:])[:400] or "it said nothing"


def end(data: Path) -> None:
    """End the server on a folder that will be thrown away, and wait for it; it writes nothing more."""
    for sign in (signal.SIGQUIT, signal.SIGKILL):
        deadline = time.monotonic() + _STOP_SECONDS
        running = number(data)
        if running is None:
            return
        with suppress(ProcessLookupError):
            os.kill(running, sign)
        while number(data) is not None and time.monotonic() < deadline:
            time.sleep(0.05)
