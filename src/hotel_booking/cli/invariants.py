"""hotel-booking invariants check"""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import typer

from hotel_booking.cli.database import DataDir, database_url
from hotel_booking.core.counting import count

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _verbs() -> None:
    """What must always be true of bookings, rooms and money."""


@app.command()
def check(
    data_dir: DataDir = None,
    prices: Annotated[bool, typer.Option(help="Also recompute every reservation's price.")] = True,
) -> None:
    """Recompute every invariant from the bookings and name each difference. Exit code 1 if there is one.
    Reads one snapshot and changes nothing; safe to run every minute."""
    with database_url(data_dir) as url:
        found = asyncio.run(_check(url, prices))
    if found:
        raise typer.Exit(1)


async def _check(url: str, prices: bool) -> int:
    from rich.console import Console
    from rich.markup import escape

    from hotel_booking.core.db import Database
    from hotel_booking.domains.bookings.invariants import CHECKS, check

    console = Console(highlight=False, soft_wrap=True)
    started, found = time.monotonic(), 0
    names: list[str] = []
    async with Database.open(url, size=2) as db:
        async for difference in check(db, prices=prices, progress=names.append):
            found += 1
            console.print(
                f"[red]✗ {difference.invariant}[/] {escape(difference.subject)}:"
                f" expected {escape(difference.expected)}, found {escape(difference.found)}"
            )
    seconds = time.monotonic() - started
    if found:
        console.print(
            f"[red]{count(found, 'difference')}[/] in {count(len(names), 'invariant')} ({seconds:.1f} s)"
        )
    else:
        meanings = {item.name: item.meaning for item in CHECKS}
        for name in names:
            console.print(f"[green]✓[/] {meanings.get(name, 'every price is what its stored rules make it')}")
        console.print(f"[green]no difference[/] in {count(len(names), 'invariant')} ({seconds:.1f} s)")
    return found
