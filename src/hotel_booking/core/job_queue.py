"""Looking after the job queue: how much waits, what failed, and another try. procrastinate's tables; work
that succeeded leaves no row."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Conflict
from hotel_booking.core.integers import LARGEST_BIGINT


class NotFailed(Conflict):
    """The job is not in the state that the act needs: somebody else was faster, or it has run."""

    code = "job_not_failed"


class QueueDepth(msgspec.Struct, frozen=True):
    """One kind of job: how many wait for their time, are due, run and have failed. `oldest_due` is since when
    the longest waiting one could have run (None: none is due, or it was due at once)."""

    queue: str
    task: str
    later: int
    due: int
    running: int
    failed: int
    oldest_due: datetime | None


class QueueFigures(msgspec.Struct, frozen=True):
    """How much of a queue waits for its time, is due, runs and has failed; `oldest` is since when the longest
    waiting one is due (None: none is)."""

    queue: str
    later: int
    due: int
    running: int
    failed: int
    oldest: datetime | None


class FailedJob(msgspec.Struct, frozen=True):
    """A job that failed for good, with what it was called with; `failed_at` is its last event."""

    id: int
    queue: str
    task: str
    args: dict[str, Any]
    attempts: int
    failed_at: datetime | None


class AbandonedJob(msgspec.Struct, frozen=True):
    """A job whose worker died, and what becomes of it: it runs `again`, was `dropped` because the clock has
    made the next one of its kind already, or has `failed` too often to be tried again."""

    id: int
    task: str
    outcome: Literal["again", "dropped", "failed"]


class WorkerSeen(msgspec.Struct, frozen=True):
    """A worker that reports, and when it did so last."""

    id: int
    last_heartbeat: datetime


async def depths(tx: Transaction, now: datetime) -> list[QueueDepth]:
    """All kinds of jobs that there are, the failing ones first."""
    return await tx.fetch_as(
        QueueDepth,
        "SELECT queue_name AS queue, task_name AS task,"
        "       count(*) FILTER (WHERE status = 'todo' AND scheduled_at > $1) AS later,"
        "       count(*) FILTER (WHERE status = 'todo' AND coalesce(scheduled_at <= $1, true)) AS due,"
        "       count(*) FILTER (WHERE status = 'doing') AS running,"
        "       count(*) FILTER (WHERE status = 'failed') AS failed,"
        "       min(scheduled_at) FILTER (WHERE status = 'todo' AND scheduled_at <= $1) AS oldest_due"
        "  FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed')"
        " GROUP BY 1, 2 ORDER BY failed DESC, due DESC, 1, 2",
        now,
    )


async def figures(tx: Transaction, now: datetime) -> list[QueueFigures]:
    """Every queue that has jobs."""
    return await tx.fetch_as(
        QueueFigures,
        "SELECT j.queue_name AS queue,"
        "       count(*) FILTER (WHERE j.status = 'todo' AND NOT d.due) AS later,"
        "       count(*) FILTER (WHERE j.status = 'todo' AND d.due) AS due,"
        "       count(*) FILTER (WHERE j.status = 'doing') AS running,"
        "       count(*) FILTER (WHERE j.status = 'failed') AS failed,"
        # What was due at once has no time of its own: since when it is there its first event says.
        "       min(coalesce(j.scheduled_at,"
        "               (SELECT min(e.at) FROM procrastinate_events e WHERE e.job_id = j.id), $1))"
        "           FILTER (WHERE j.status = 'todo' AND d.due) AS oldest"
        "  FROM procrastinate_jobs j, LATERAL (SELECT coalesce(j.scheduled_at <= $1, true) AS due) AS d"
        " WHERE j.status IN ('todo', 'doing', 'failed') GROUP BY 1",
        now,
    )


async def failures(tx: Transaction, *, before: int | None = None, limit: int = 50) -> list[FailedJob]:
    """Failed jobs, newest first, from below the id `before`."""
    return await tx.fetch_as(
        FailedJob,
        "SELECT j.id, j.queue_name AS queue, j.task_name AS task, j.args, j.attempts,"
        "       (SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id) AS failed_at"
        "  FROM procrastinate_jobs j WHERE j.status = 'failed' AND j.id < $1 ORDER BY j.id DESC LIMIT $2",
        before if before is not None else LARGEST_BIGINT,
        limit,
    )


async def workers(tx: Transaction) -> list[WorkerSeen]:
    """The workers that report, the latest first."""
    return await tx.fetch_as(
        WorkerSeen,
        "SELECT id, last_heartbeat FROM procrastinate_workers ORDER BY last_heartbeat DESC LIMIT 20",
    )


async def enqueue(tx: Transaction, *, queue: str, task: str, at: datetime | None = None, **args: str) -> None:
    """Have a task run once this transaction is committed, not before `at`."""
    await tx.execute("SELECT enqueue($1, $2, $3::jsonb, $4)", queue, task, args, at)


async def traceparent_of(tx: Transaction, *, job_id: int) -> str:
    """The trace that led to a job, as W3C Trace Context writes it; "" where none was kept."""
    found: str | None = await tx.fetchval("SELECT traceparent FROM job_trace WHERE job_id = $1", job_id)
    return found or ""


async def retry(tx: Transaction, *, job_id: int, now: datetime) -> None:
    """Let a failed job run again, now. Raises `NotFailed` where it has not failed."""
    await _lock_failed(tx, job_id)
    await tx.execute("SELECT procrastinate_retry_job_v2($1, $2, NULL, NULL, NULL)", job_id, now)


async def take_up(tx: Transaction, *, longest: dict[str, float], attempts: int) -> list[AbandonedJob]:
    """Let jobs run again that are marked as running for longer than `longest` (seconds, by queue); one that
    was begun `attempts` times has failed. At most a hundred at a time, none that another takes up now."""
    found = await tx.fetch_as(
        _Running,
        "SELECT j.id, j.task_name AS task, j.queueing_lock, j.attempts + 1 AS begun FROM procrastinate_jobs j"
        "  JOIN unnest($1::text[], $2::float8[]) AS q (queue, seconds) ON q.queue = j.queue_name"
        " WHERE j.status = 'doing' AND (SELECT max(e.at) FROM procrastinate_events e"
        "           WHERE e.job_id = j.id AND e.type = 'started') < now() - q.seconds * interval '1 second'"
        " ORDER BY j.id LIMIT 100 FOR UPDATE OF j SKIP LOCKED",
        list(longest),
        list(longest.values()),
    )
    # In turns: of two that the clock made the first waits again, and the second is dropped for it.
    return [AbandonedJob(job.id, job.task, await _taken_up(tx, job, attempts=attempts)) for job in found]


class _Running(msgspec.Struct, frozen=True):
    """A job as its row says; `begun` is how many times."""

    id: int
    task: str
    queueing_lock: str | None
    begun: int


async def _taken_up(
    tx: Transaction, job: _Running, *, attempts: int
) -> Literal["again", "dropped", "failed"]:
    if job.begun >= attempts:
        await tx.execute("SELECT procrastinate_finish_job_v1($1, 'failed', false)", job.id)
        return "failed"
    waiting = "SELECT TRUE FROM procrastinate_jobs WHERE queueing_lock = $1 AND status = 'todo'"
    if await tx.fetchval(waiting, job.queueing_lock):
        await tx.execute("SELECT procrastinate_finish_job_v1($1, 'failed', true)", job.id)
        return "dropped"
    await tx.execute("SELECT procrastinate_retry_job_v2($1, now(), NULL, NULL, NULL)", job.id)
    return "again"


async def dismiss(tx: Transaction, *, job_id: int) -> None:
    """Take a failed job out of the list for good: somebody has seen to it otherwise. Raises `NotFailed`."""
    await _lock_failed(tx, job_id)
    await _delete(tx, [job_id])


async def dismiss_before(tx: Transaction, *, task: str, job_id: int) -> int:
    """Take the failed jobs of a task that are older than one of it out of the list, at most a thousand; how
    many there were. What came by the clock and failed is made up for by the next one that succeeds."""
    rows = await tx.fetch(
        "SELECT id FROM procrastinate_jobs WHERE status = 'failed' AND task_name = $1 AND id < $2"
        " ORDER BY id LIMIT 1000 FOR UPDATE SKIP LOCKED",
        task,
        job_id,
    )
    if found := [row["id"] for row in rows]:
        await _delete(tx, found)
    return len(found)


async def _delete(tx: Transaction, job_ids: list[int]) -> None:
    await tx.execute("DELETE FROM procrastinate_periodic_defers WHERE job_id = ANY ($1::bigint[])", job_ids)
    await tx.execute("DELETE FROM procrastinate_jobs WHERE id = ANY ($1::bigint[])", job_ids)


async def _lock_failed(tx: Transaction, job_id: int) -> None:
    found = await tx.fetchval(
        "SELECT TRUE FROM procrastinate_jobs WHERE id = $1 AND status = 'failed' FOR UPDATE", job_id
    )
    if found is None:
        raise NotFailed("this job is not among the failed ones any more", fix="look at the list again")
