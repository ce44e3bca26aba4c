"""A command's one transaction. What was typed wrong is said before a database is looked for: it may be away,
or be started for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from hotel_booking.cli.database import database_url

T = TypeVar("T")


class _Reached(Exception):
    """The first statement: nothing before it was refused."""


class _NoTransaction:
    def __getattr__(self, name: str) -> NoReturn:
        raise _Reached


def in_transaction(command: str, data_dir: Path | None, run: Callable[[Any], Awaitable[T]]) -> T:
    """What `run` makes of a transaction, in which the audit log says that `hotel-booking COMMAND` acts.

    It is run once before, as far as to its first statement: it may do nothing until then but look at what it
    was given, as services do."""
    from hotel_booking.core.db import Database, Origin

    async def once(url: str) -> T:
        origin = Origin("command", name=f"hotel-booking {command}")
        async with Database.open(url, size=1) as db, db.acting(origin).transaction() as tx:
            return await run(tx)

    _refuse_early(run)
    with database_url(data_dir) as url:
        return asyncio.run(once(url))


def _refuse_early(run: Callable[[Any], Awaitable[object]]) -> None:
    """Raise what `run` refuses before it asks its transaction for anything."""

    async def once() -> None:
        await run(_NoTransaction())

    try:
        asyncio.run(once())
    except _Reached:
        return
