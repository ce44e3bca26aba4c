"""What a command needs and its flags do not say: from the environment, else asked on a terminal, else refused
with the command that would work."""

from __future__ import annotations

import getpass
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TextIO

from hotel_booking.core.hosts import UNREADABLE, is_database_address
from hotel_booking.ops.refusals import WrongUse


def typed(environ: Mapping[str, str], argv: Sequence[str]) -> str:
    """The command as its caller typed it: a wrapper of deployment/scripts tells its own name and what it put
    in front of the caller's words."""
    if wrapper := environ.get("HOTEL_INVOKED_AS"):
        name, _, count = wrapper.rpartition(":")
        return shlex.join([name, *argv[1 + int(count) :]])
    return shlex.join(["hotel-booking", *argv[1:]])


class Want(NamedTuple):
    """A variable that must be set, what it is for, and a value as an example."""

    variable: str
    what: str
    example: str


def needed(
    want: Want,
    *,
    environ: Mapping[str, str],
    argv: Sequence[str],
    secret: bool = False,
    terminal: TextIO | None = None,
) -> str:
    """The value in the environment, else what a person answers on the terminal (not echoed
    where it is `secret`). Raises `WrongUse` with the exact command where nobody can be asked."""
    variable, what, example = want
    if value := environ.get(variable, "").strip():
        return value
    screen = terminal or sys.stdin
    if screen.isatty():
        question = f"{what[:1].upper()}{what[1:]} ({variable}): "
        answer = getpass.getpass(question) if secret else input(question)
        if answer.strip():
            return answer.strip()
    raise WrongUse(
        f"{what} is needed, and {variable} is not set",
        "This would work:",
        f"  {variable}={example} {typed(environ, argv)}",
    )


def database_address(variable: str, url: str) -> str:
    """The address, which can be read as a database's. Raises `WrongUse`: who connects would repeat a part of
    its password in the error."""
    if not is_database_address(url):
        raise WrongUse(f"{variable} {UNREADABLE}")
    return url


def check_all(
    wants: Sequence[Want],
    *,
    environ: Mapping[str, str],
    argv: Sequence[str],
    terminal: TextIO | None = None,
) -> None:
    """Raise `WrongUse` naming all that is missing, with one command that works, where several are and nobody
    can be asked: who sets one learns of the next only by running the command again."""
    missing = [want for want in wants if not environ.get(want.variable, "").strip()]
    if len(missing) < 2 or (terminal or sys.stdin).isatty():
        return
    values = " ".join(f"{want.variable}={want.example}" for want in missing)
    raise WrongUse(
        f"{len(missing)} values are needed and not set: {', '.join(want.variable for want in missing)}",
        *(f"  {want.variable}: {want.what}" for want in missing),
        "This would work:",
        f"  {values} {typed(environ, argv)}",
    )
