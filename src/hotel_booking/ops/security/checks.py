"""The frame of the security audit: checks that run one after the other, and what became of each.

A check yields what it finds, one line each. One that could not really look raises `NotChecked`: that is never
a pass, and has its own exit code.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

import msgspec

Outcome = Literal["passed", "findings", "not checked"]

# Of findings of one check; how many there are beyond is said.
_MOST = 200
_LONGEST = 400  # characters of one finding


class NotChecked(Exception):
    """The check could not look; `args[0]` says why, `fix` is a command that would let it, where one would."""

    def __init__(self, why: str, fix: str = "") -> None:
        super().__init__(why)
        self.why = why
        self.fix = fix


class Surroundings(NamedTuple):
    """What is looked at: a checkout (None where we run without one), the environment, the site's address (""
    where none was given), and the seconds that one check may take."""

    checkout: Path | None
    environ: Mapping[str, str]
    site: str
    seconds: float


class Check(NamedTuple):
    """`look` yields what is wrong."""

    name: str
    title: str
    look: Callable[[Surroundings], Iterable[str]]


class Result(msgspec.Struct, frozen=True):
    """What became of a check: `findings` are lines, `why` and `fix` are of what was not checked, or
    not to its end: then there may be findings too."""

    name: str
    title: str
    outcome: Outcome
    findings: tuple[str, ...]
    more: int
    why: str
    fix: str
    seconds: float


def run(check: Check, here: Surroundings) -> Result:
    """Look, for `here.seconds` at most. Whatever goes wrong in a check is its own: the others go on, and what
    it had found by then is said. Only in a process's main thread, where a signal ends what takes too long."""
    began = time.monotonic()
    findings: list[str] = []
    why = fix = ""
    try:
        with _limited(here.seconds):
            findings.extend(" ".join(found.split())[:_LONGEST] for found in check.look(here))
    except NotChecked as error:
        why, fix = " ".join(error.why.split())[:_LONGEST], error.fix
    except Exception as error:  # a check that breaks has not looked, and the audit goes on
        why = f"{type(error).__name__}: {error}"[:_LONGEST]
    return Result(
        name=check.name,
        title=check.title,
        outcome="findings" if findings else "not checked" if why else "passed",
        findings=tuple(findings[:_MOST]),
        more=max(0, len(findings) - _MOST),
        why=why,
        fix=fix,
        seconds=round(time.monotonic() - began, 1),
    )


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def over(_signal: int, _frame: object) -> NoReturn:
        raise NotChecked(f"it did not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def program(
    here: Surroundings,
    *command: str | Path,
    good: Sequence[int] = (0, 1),
    cwd: Path | None = None,
    fix: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; nothing of it is left when we are ended before. Raises `NotChecked` where it
    is not there or ends badly."""
    name = Path(command[0]).name
    words = [str(word) for word in command]
    try:
        running = subprocess.Popen(  # noqa: S603  # each check's own words
            words,
            cwd=cwd or here.checkout,
            env=dict(here.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except FileNotFoundError:
        raise NotChecked(f"{name} is not installed", fix) from None
    except PermissionError:
        raise NotChecked(f"{name} may not be run", fix) from None
    try:
        out, err = running.communicate()
    finally:
        # What it has started as well, whether it has ended or we are.
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    if running.returncode not in good:
        said = [line for line in (err + out).splitlines() if line.strip()]
        raise NotChecked(
            f"{name} ended with {running.returncode}: {said[-1] if said else 'it said nothing'}", fix
        )
    return subprocess.CompletedProcess(words, running.returncode, out, err)


def checkout(here: Surroundings) -> Path:
    """The checkout. Raises `NotChecked` where there is none, as in the image."""
    if here.checkout is None:
        raise NotChecked("there is no checkout of the project here; run it from one")
    return here.checkout
