"""A row that is written anew every 30 seconds: how far a restored database goes is known by it, and the
archive of a database in which nothing happens does not look as if it lagged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from hotel_booking.core.db import Database, Transaction

log = logging.getLogger(__name__)

_EVERY = 30.0  # seconds


async def keep_beating(db: Database, clock: Callable[[], datetime]) -> None:
    """Beat for as long as the worker runs; what goes wrong is said, and tried again."""
    while True:
        try:
            await beat(db, clock())
        except Exception:  # the database is away: the next beat sees
            log.exception("heartbeat.failed")
        await asyncio.sleep(_EVERY)


async def beat(db: Database, now: datetime) -> None:
    """Beat once."""
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO backup_heartbeat (at) VALUES ($1)"
            " ON CONFLICT (only_one) DO UPDATE SET at = greatest(backup_heartbeat.at, excluded.at)",
            now,
        )


async def newest(tx: Transaction) -> datetime | None:
    """The last beat."""
    found: datetime | None = await tx.fetchval("SELECT at FROM backup_heartbeat")
    return found
