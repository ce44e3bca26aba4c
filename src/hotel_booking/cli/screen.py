"""Where tables are printed: as wide as the terminal, and as wide as they are where a file or a program reads
them, since what is cut off there is lost."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.table import Table

_WIDE = 1_000


def screen() -> Console:
    """For standard output. `COLUMNS` has the last word."""
    read = not sys.stdout.isatty() and not os.environ.get("COLUMNS")
    return Console(highlight=False, width=_WIDE if read else None)


def listing(*heads: str) -> Table:
    """A table whose words are never cut: long ones go on in the next line."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for head in heads:
        table.add_column(head, overflow="fold")
    return table
