"""Lanes: which queues share slots, how many jobs of them run at a time, and how long one may take.

What hangs holds its own lane: forty refunds that wait for a gateway keep no hold from lapsing, no mail from
going out and the audit chain from nothing. A queue belongs to exactly one lane (tests/house asserts it).
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

import msgspec
from procrastinate import JobContext
from procrastinate.middleware import AsyncCallNext

from hotel_booking.core import job_queue, jobs, tracing
from hotel_booking.core.logging import ABOUT
from hotel_booking.core.metrics import JOB_DURATION, JOB_RUNS

log = logging.getLogger(__name__)


class Lane(msgspec.Struct, frozen=True):
    """`slots` jobs of the queues run at a time, each for at most `seconds`: then it is given up, fails, and
    is repeated by its own rules or by the next sweep."""

    name: str
    queues: tuple[str, ...]
    slots: int
    seconds: float

    async def limited(self, call_next: AsyncCallNext, context: JobContext, worker: Any) -> Any:
        """Run a job within the lane's time, and count how it ends."""
        del worker
        if not tracing.enabled():
            return await self._counted(call_next, context)
        async with jobs.database(context).reading() as tx:
            led_here = await job_queue.traceparent_of(tx, job_id=context.job.id or 0)
        with tracing.spanned(context.job.task_name, "consumer", traceparent=led_here):
            return await self._counted(call_next, context)

    async def _counted(self, call_next: AsyncCallNext, context: JobContext) -> Any:
        queue, began = context.job.queue, time.perf_counter()
        about = ABOUT.set({"job": context.job.task_name, "job_id": context.job.id})
        try:
            async with asyncio.timeout(self.seconds):
                answer = await call_next()
        except Exception:  # counted, and raised again
            JOB_RUNS.labels(queue, "failed").inc()
            raise
        finally:
            JOB_DURATION.labels(queue).observe(time.perf_counter() - began)
            ABOUT.reset(about)
        JOB_RUNS.labels(queue, "done").inc()
        if "timestamp" in context.job.task_kwargs:  # which procrastinate gives to what comes by the clock
            await _made_up_for(context)
        return answer


async def _made_up_for(context: JobContext) -> None:
    """Earlier runs of a sweep that failed need nobody any more: this one did their work with its own."""
    job = context.job
    try:
        async with jobs.database(context).transaction() as tx:
            found = await job_queue.dismiss_before(tx, task=job.task_name, job_id=job.id or 0)
    except Exception:  # the sweep itself is done; the next one looks again
        log.exception("earlier failures of a job could not be taken out of the list")
        return
    if found:
        log.info("the job made up for earlier ones that had failed", extra={"failed": found})


LANES = (
    Lane("rooms", ("bookings",), slots=3, seconds=300),
    # A call of a gateway takes at most 40 s, and a breaker ends the waiting of all after five in a row.
    Lane("money", ("payments",), slots=4, seconds=600),
    # Five weeks of a chain's payments, page by page.
    Lane("books", ("reconciliation",), slots=1, seconds=4 * 3600),
    # A webhook of somebody's takes at most 8 s, and forty are told at once.
    Lane("status", ("status",), slots=1, seconds=300),
    # Whole tables are read for it, and a large group's prices recomputed.
    Lane("invariants", ("invariants",), slots=1, seconds=3600),
    # A mail server is given 20 s for each of its eight steps.
    Lane("mail", ("mail",), slots=4, seconds=300),
    # A call of PagerDuty or Slack takes at most 10 s, and a breaker ends the waiting of all.
    Lane("incidents", ("incidents",), slots=3, seconds=300),
    Lane("files", ("properties",), slots=1, seconds=900),
    # One call of at most 20 s, and one statement.
    Lane("rates", ("exchange",), slots=1, seconds=120),
    Lane("upkeep", ("identity", "guests", "http", "search"), slots=2, seconds=900),
)


def everything(slots: int) -> Lane:
    """One lane for all queues: for a worker that ends when there is nothing left to do."""
    return Lane("all", tuple(queue for lane in LANES for queue in lane.queues), slots, 900)


# A rate of what fails needs the zero before the first one.
for _queue in (queue for lane in LANES for queue in lane.queues):
    for _outcome in ("done", "failed"):
        JOB_RUNS.labels(_queue, _outcome)
