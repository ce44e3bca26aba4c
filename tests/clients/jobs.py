"""Jobs, run now: the real worker on some queues, until they are empty."""

from __future__ import annotations

from hotel_booking import worker
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database


async def run_jobs(db: Database, database_url: str, *queues: str) -> None:
    """Run all that waits in these queues; mail stays in the outbox."""
    async with worker.application(database_url).open_async() as jobs:
        await jobs.run_worker_async(
            wait=False,
            install_signal_handlers=False,
            queues=list(queues),
            additional_context={"db": db, "clock": utc_now, "mailer": None, "link": str},
        )


async def mail_links(db: Database, database_url: str) -> None:
    """Mail the links that guests and staff have asked for."""
    await run_jobs(db, database_url, "guests", "mail")
