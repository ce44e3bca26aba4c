"""The job queue: how much waits, what failed, and another try. For those with a group role."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.datastructures import State
from litestar.params import Parameter

from hotel_booking.core import job_queue
from hotel_booking.core.db import Transaction
from hotel_booking.core.integers import LARGEST_BIGINT
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.http import pages
from hotel_booking.http.access import staff
from hotel_booking.http.ui.render import page, see_other

_PAGE = 50
JobId = Annotated[int, Parameter(ge=1, le=LARGEST_BIGINT)]
Position = Annotated[int, Parameter(ge=1, le=LARGEST_BIGINT)]


@get("/jobs", opt=staff(Permission.JOBS_VIEW))
async def list_jobs(
    request: Request[Any, Any, State],
    tx: Transaction,
    now: datetime,
    caller: Caller,
    cursor: str | None = None,
) -> Response[str]:
    """Queue depths and failures. The queue serves the whole chain, so it takes a role at every property."""
    caller.require_permission(Permission.JOBS_VIEW)
    failed = await job_queue.failures(tx, before=pages.decode(cursor, int), limit=_PAGE + 1)
    return page(
        request,
        "jobs/list.html",
        depths=await job_queue.depths(tx, now),
        failed=failed[:_PAGE],
        next_cursor=pages.encode(failed[_PAGE - 1].id) if len(failed) > _PAGE else None,
        first=cursor is None,
        workers=await job_queue.workers(tx),
        now=now,
    )


@post("/jobs/{job_id:int}/retry", opt=staff(Permission.JOBS_MANAGE))
async def retry_job(
    request: Request[Any, Any, State], tx: Transaction, now: datetime, caller: Caller, job_id: JobId
) -> Response[bytes]:
    """Let a failed job run again."""
    caller.require_permission(Permission.JOBS_MANAGE)
    await job_queue.retry(tx, job_id=job_id, now=now)
    return see_other(request, "/admin/jobs", notice="The job will run again in a moment.")


@post("/jobs/{job_id:int}/dismiss", opt=staff(Permission.JOBS_MANAGE))
async def dismiss_job(
    request: Request[Any, Any, State], tx: Transaction, caller: Caller, job_id: JobId
) -> Response[bytes]:
    """Take a failed job out of the list."""
    caller.require_permission(Permission.JOBS_MANAGE)
    await job_queue.dismiss(tx, job_id=job_id)
    return see_other(request, "/admin/jobs", notice="The job was dismissed.")


handlers = [list_jobs, retry_job, dismiss_job]
