"""Jobs, run now: the real worker on some queues, until they are empty."""

from __future__ import annotations

from typing import Any

from hotel_booking import worker
from hotel_booking.core import links
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.properties.queries import mail_address
from hotel_booking.worker.lanes import Lane


async def run_jobs(db: Database, database_url: str, *queues: str, **resources: Any) -> None:
    """Run all that waits in these queues, and nothing by the clock; mail stays in the outbox. `resources`
    are what jobs are given besides, or instead."""
    async with worker.application(database_url).open_async() as jobs:
        given = {
            "db": db,
            "clock": utc_now,
            "mailer": None,
            "link": links.plain,
            "hotel_address": mail_address,
        }
        await worker.until_empty(jobs, Lane("test", queues, slots=1, seconds=900), given | resources)


async def mail_links(db: Database, database_url: str) -> None:
    """Mail the links that guests and staff have asked for."""
    await run_jobs(db, database_url, "guests", "mail")
