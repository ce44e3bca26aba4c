"""Jobs whose worker died while it ran them: they run again, instead of being counted as running for ever.

What they were about waits for none of this: the sweeps see to it within minutes.
"""

from __future__ import annotations

import asyncio
import logging

from hotel_booking.core import job_queue
from hotel_booking.core.db import Database
from hotel_booking.worker.lanes import LANES

log = logging.getLogger(__name__)

_EVERY = 60.0  # seconds
_SPARE = 60  # seconds in which a live worker notices that its job's time is over, and writes it down
_ATTEMPTS = 5  # what has taken its worker along so often is left to a person


async def keep_taking_up(db: Database) -> None:
    """Take up what was abandoned, for as long as the worker runs."""
    while True:
        try:
            await take_up(db)
        except Exception:  # the database is away: the next look finds the same
            log.exception("jobs of workers that died could not be taken up")
        await asyncio.sleep(_EVERY)


async def take_up(db: Database) -> None:
    """Take up every job that is marked as running for longer than its lane lets any run."""
    # No worker needs to be known as dead for it: a live one has given such a job up.
    seconds = {queue: lane.seconds + _SPARE for lane in LANES for queue in lane.queues}
    async with db.transaction() as tx:
        found = await job_queue.take_up(tx, longest=seconds, attempts=_ATTEMPTS)
    for job in found:
        log.warning(
            "a job was abandoned by its worker",
            extra={"job": job.task, "job_id": job.id, "outcome": job.outcome},
        )
