"""Asking a person before what cannot be taken back. Where nobody can be asked (a script, a pod without a
terminal) the command was written down before, and is carried out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def ask(what: str, *, yes: bool) -> None:
    """Go on where the person at the terminal says so; else the command ends with 1, and nothing was done."""
    if yes or not sys.stdin.isatty():
        return
    if not typer.confirm(what, err=True):
        print("Nothing was changed.", file=sys.stderr)
        raise typer.Exit(1)
