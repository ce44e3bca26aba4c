"""The machine that it runs on, and how much of its processors a tree of processes has used."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from hotel_booking.bench.figures import Machine

_PROC = Path("/proc")
_TICK = os.sysconf("SC_CLK_TCK")


def describe(postgresql: str) -> Machine:
    """This machine; `postgresql` is the version that the scratch database says."""
    return Machine(
        processor=_named(_PROC / "cpuinfo", "model name") or platform.processor() or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        kernel=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        postgresql=postgresql,
        server=f"granian {version('granian')} on uvloop {version('uvloop')}, one process",
        load=round(os.getloadavg()[0], 2),
    )


def _named(path: Path, name: str) -> str | None:
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(name)), None)


def cpu_seconds(roots: Iterable[int]) -> float:
    """Seconds of CPU, of users and the kernel, of these processes and all below them, those that have ended
    and were waited for too. A process that is not there has used none."""
    found = _processes()
    below: dict[int, list[int]] = {}
    for pid, (parent, _, _) in found.items():
        below.setdefault(parent, []).append(pid)
    waiting = [root for root in roots if root in found]
    ticks = 0
    while waiting:
        pid = waiting.pop()
        _, own, ended = found[pid]
        ticks += own + ended
        waiting += below.get(pid, [])
    return ticks / _TICK


def _processes() -> dict[int, tuple[int, int, int]]:
    """By number: the parent, own ticks, and those of children that have ended."""
    found = {}
    for folder in os.scandir(_PROC):
        if folder.name.isdigit():
            try:
                # The name in brackets may hold anything: count from its end.
                fields = (_PROC / folder.name / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it has just ended
            user, system, user_ended, system_ended = map(int, fields[11:15])
            found[int(folder.name)] = int(fields[1]), user + system, user_ended + system_ended
    return found


def memory_mb(root: int) -> float:
    """Memory of a process and all below it, what they share with others by shares (PSS)."""
    found = _processes()
    waiting, total = [root], 0
    while waiting:
        pid = waiting.pop()
        waiting += [child for child, (parent, _, _) in found.items() if parent == pid]
        try:
            text = _named(_PROC / str(pid) / "smaps_rollup", "Pss:")
        except OSError:
            continue  # it has just ended
        total += int(text.split()[0]) if text else 0
    return total / 1024
