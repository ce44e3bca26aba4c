"""Asking a person before what cannot be taken back. Where nobody can be asked (a script, a pod without a
terminal) the command was written down before, and is carried out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hotel_booking.ops.refusals import Refused

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def confirm(what: str, *, yes: bool) -> None:
    """Go on where the person at the terminal says so. Raises `Refused`: nothing was done."""
    if not yes and sys.stdin.isatty() and not typer.confirm(what, err=True):
        raise Refused("nothing was changed")
