"""What commands print for people and for programs. Tables are as wide as the terminal, and as wide as they
are where a file or a program reads them, since what is cut off there is lost."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
_WIDE = 1_000


def screen() -> Console:
    """For standard output. `COLUMNS` has the last word."""
    from rich.console import Console

    read = not sys.stdout.isatty() and not os.environ.get("COLUMNS")
    return Console(highlight=False, width=_WIDE if read else None)


def listing(*heads: str, names: bool = False) -> Table:
    """A table whose words are never cut: long ones go on in the next line, but for the `names` of the first
    column, which are copied."""
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    for number, head in enumerate(heads):
        table.add_column(head, overflow="fold", no_wrap=names and number == 0)
    return table


def print_json(value: Any) -> None:
    """For programs."""
    import msgspec

    print(msgspec.json.format(msgspec.json.encode(value)).decode())


def progress(line: str) -> None:
    """What happens now, on standard error: standard output has the results alone."""
    print(line, file=sys.stderr, flush=True)
