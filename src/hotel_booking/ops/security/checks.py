"""The frame of the security audit: checks that run one after the other, and what became of each.

A check yields what it finds, one line each. One that could not really look raises `NotChecked`: that is never
a pass, and has its own exit code.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

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
    """What became of a check: `findings` are lines, `why` and `fix` are of what was not checked."""

    name: str
    title: str
    outcome: Outcome
    findings: tuple[str, ...]
    more: int
    why: str
    fix: str
    seconds: float


def run(check: Check, here: Surroundings) -> Result:
    """Look. Whatever goes wrong in a check is its own: the others go on."""
    began = time.monotonic()
    findings: list[str] = []
    why = fix = ""
    try:
        findings.extend(" ".join(found.split())[:_LONGEST] for found in check.look(here))
    except NotChecked as error:
        why, fix = " ".join(error.why.split())[:_LONGEST], error.fix
    except Exception as error:  # a check that breaks has not looked, and the audit goes on
        why = f"{type(error).__name__}: {error}"[:_LONGEST]
    outcome: Outcome = "not checked" if why else "findings" if findings else "passed"
    return Result(
        name=check.name,
        title=check.title,
        outcome=outcome,
        findings=tuple(findings[:_MOST]),
        more=max(0, len(findings) - _MOST),
        why=why,
        fix=fix,
        seconds=round(time.monotonic() - began, 1),
    )


def program(
    here: Surroundings,
    *command: str | Path,
    good: Sequence[int] = (0, 1),
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    fix: str = "",
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end. Raises `NotChecked` where it is not there, or ends badly or too late."""
    name = Path(command[0]).name
    try:
        done = subprocess.run(  # noqa: S603  # each check's own words
            [str(word) for word in command],
            cwd=cwd or here.checkout,
            env=dict(environ if environ is not None else here.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=here.seconds,
        )
    except FileNotFoundError:
        raise NotChecked(f"{name} is not installed", fix) from None
    except PermissionError:
        raise NotChecked(f"{name} may not be run", fix) from None
    except subprocess.TimeoutExpired:
        raise NotChecked(f"{name} did not end within {here.seconds:g} s") from None
    if done.returncode not in good:
        said = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        raise NotChecked(
            f"{name} ended with {done.returncode}: {said[-1] if said else 'it said nothing'}", fix
        )
    return done


def checkout(here: Surroundings) -> Path:
    """The checkout. Raises `NotChecked` where there is none, as in the image."""
    if here.checkout is None:
        raise NotChecked("there is no checkout of the project here; run it from one")
    return here.checkout
