"""How commands about incidents act and read."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from hotel_booking.cli.database import database_url
from hotel_booking.cli.transactions import in_transaction
from hotel_booking.core.integers import LARGEST_INTEGER

T = TypeVar("T")
Number = Annotated[int, typer.Argument(help="The incident's number.", min=1, max=LARGEST_INTEGER)]
By = Annotated[
    str, typer.Option(help="Who does it, as the timeline names them; the system's user unless given.")
]


def _who(name: str) -> Any:
    from hotel_booking.domains.incidents.types import Actor
    from hotel_booking.ops.spool import machine_user

    return Actor(name.strip() or os.environ.get("SUDO_USER") or machine_user())


def act(data_dir: Path | None, run: Callable[[Any, Any, datetime], Awaitable[T]], by: str) -> T:
    """Do something in a transaction, as whoever `by` names."""
    from hotel_booking.core.clock import utc_now

    return in_transaction("incident", data_dir, lambda tx: run(tx, _who(by), utc_now()))


def read(data_dir: Path | None, run: Callable[[Any, datetime], Awaitable[T]]) -> T:
    """Read something."""
    from hotel_booking.core.clock import utc_now
    from hotel_booking.core.db import Database

    async def once(url: str) -> T:
        async with Database.open(url, size=1) as db, db.reading() as tx:
            return await run(tx, utc_now())

    with database_url(data_dir) as url:
        return asyncio.run(once(url))
