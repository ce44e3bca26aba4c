"""What was typed wrong is said before a database is looked for: it may be away, or be started for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn


class _Reached(Exception):
    """The first statement: nothing before it was refused."""


class _NoTransaction:
    def __getattr__(self, name: str) -> NoReturn:
        raise _Reached


def refuse_early(run: Callable[[Any], Awaitable[object]]) -> None:
    """Raise what `run` refuses before it asks its transaction for anything. What it does by then is done
    twice, so it may do nothing but look at what it was given, as services do."""

    async def once() -> None:
        await run(_NoTransaction())

    try:
        asyncio.run(once())
    except _Reached:
        return
