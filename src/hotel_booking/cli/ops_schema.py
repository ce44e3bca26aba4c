"""hotel-booking ops schema: which schemas a release runs on, and whether it may follow another."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from hotel_booking.cli.ops_inputs import ReleaseTag


def schema(
    release: ReleaseTag = "",
    under: Annotated[
        str, typer.Option("--under", help="What runs now; `none` where nothing does. Exit 1: not under it.")
    ] = "",
    repository: Annotated[
        Path | None, typer.Option(help="The clone to ask; else the one that you are in.")
    ] = None,
    annotation: Annotated[
        bool, typer.Option("--annotation", help="Print the value of the pods' annotation alone.")
    ] = False,
) -> None:
    """Say which schemas of the database a release runs on (this one, where none is named), and refuse one
    that would contract the schema under what runs, or that what runs has left behind."""
    from hotel_booking.ops import releases

    where = repository or Path.cwd()
    tag = release or os.environ.get("HOTEL_RELEASE", "")
    found = releases.range_of(tag, repository=where) if tag else releases.OURS
    if under and under != "none":
        running = releases.range_of(under, repository=where)
        releases.refuse_unfit(found, under=running, names=(tag or "this release", under))
    if annotation:
        print(found.annotation())
        return
    print(
        f"{tag or 'This release'} runs on schema {found.oldest} and newer. It brings {found.newest}, on which"
        f" releases of {found.serves} and newer run."
    )
    if under:
        print("Nothing ran before it." if under == "none" else f"It may follow {under}.")
