"""The job worker: every domain's jobs, on one procrastinate application, in lanes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from copy import deepcopy
from typing import Any

from procrastinate import App, PsycopgConnector
from procrastinate.worker import Worker

from hotel_booking import __version__
from hotel_booking.core import links
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.heartbeat import keep_beating
from hotel_booking.core.hosts import libpq_options
from hotel_booking.core.metrics import BUILD
from hotel_booking.core.schema import NEWEST
from hotel_booking.domains.audit.jobs import tasks as audit_tasks
from hotel_booking.domains.authentication.jobs import tasks as authentication_tasks
from hotel_booking.domains.bookings.invariant_jobs import tasks as invariant_tasks
from hotel_booking.domains.bookings.jobs import tasks as booking_tasks
from hotel_booking.domains.bookings.recovery_matching import tasks as recovery_tasks
from hotel_booking.domains.exchange.jobs import tasks as exchange_tasks
from hotel_booking.domains.exchange.types import RateSource
from hotel_booking.domains.guests.jobs import tasks as guest_tasks
from hotel_booking.domains.identity.jobs import tasks as identity_tasks
from hotel_booking.domains.incidents.jobs import tasks as incident_tasks
from hotel_booking.domains.incidents.status_jobs import tasks as status_tasks
from hotel_booking.domains.incidents.types import Chat, Pager
from hotel_booking.domains.incidents.webhooks import Poster
from hotel_booking.domains.notifications.jobs import tasks as mail_tasks
from hotel_booking.domains.notifications.types import Link, Mailer
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.jobs import tasks as payment_tasks
from hotel_booking.domains.properties.jobs import tasks as property_tasks
from hotel_booking.domains.properties.queries import mail_address
from hotel_booking.domains.properties.types import MediaStore
from hotel_booking.domains.search.jobs import tasks as search_tasks
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.jobs import tasks as http_tasks
from hotel_booking.ops.spool import DEFAULT_FOLDER
from hotel_booking.worker.abandoned import keep_taking_up
from hotel_booking.worker.database_metrics import keep_measuring
from hotel_booking.worker.lanes import LANES, Lane, everything
from hotel_booking.worker.supervision import keep_working, stopping_by_signal
from hotel_booking.worker.unknown import Tasks

# Names and queues stand in rows, which the release before still writes and works on: a task that moves to
# another module keeps its name.
_TASKS = (
    ("bookings", booking_tasks),
    ("bookings", invariant_tasks),
    ("bookings", recovery_tasks),
    ("payments", payment_tasks),
    ("properties", property_tasks),
    ("notifications", mail_tasks),
    ("notifications", identity_tasks),
    ("identity", authentication_tasks),
    ("identity", audit_tasks),
    ("guests", guest_tasks),
    ("http", http_tasks),
    ("exchange", exchange_tasks),
    ("search", search_tasks),
    ("incidents", incident_tasks),
    ("incidents", status_tasks),
)

_LOOKS_EVERY = 1.0  # seconds: a lane with nothing to do looks for jobs so often
_LETS_END = 10.0  # seconds: so long a job may go on when the worker is told to end


def application(database_url: str) -> App:
    """The procrastinate application with all tasks; open it before use."""
    connector = PsycopgConnector(
        # They fetch jobs and finish them. No lane keeps one: none listens (migrations/sql/0008_jobs.sql).
        conninfo=database_url,
        min_size=1,
        max_size=4,
        timeout=10,
        kwargs=libpq_options(),
    )
    app = App(connector=connector)
    for namespace, tasks in _TASKS:
        # A copy: adding a blueprint writes the namespace before the names of its tasks, each time anew.
        app.add_tasks_from(deepcopy(tasks), namespace=namespace)
    app.tasks = Tasks(app)
    return app


async def run(
    database_url: str,
    gateways: Callable[[Database], Gateways],
    *,
    mailer: Mailer | None = None,
    link: Link = links.plain,
    media: MediaStore | None = None,
    rate_source: RateSource | None = None,
    pager: Pager | None = None,
    chat: Chat | None = None,
    webhooks: Poster | None = None,
    spool_dir: str = DEFAULT_FOLDER,
    concurrency: int = 8,
    wait: bool = True,
    pool_size: int = 12,
) -> None:
    """Work until stopped by SIGINT or SIGTERM, each lane with its own slots; a database that is lost is
    waited for. With `wait=False` work only until the queues are empty, `concurrency` jobs at a time, and
    begin nothing by the clock.

    A job that was running when its worker died runs again: each of our jobs can be repeated. What it was
    about is seen to by the sweeps before. Raises what waiting does not mend, such as a wrong password.
    """

    async def work(stopped: asyncio.Event | None) -> None:
        async with (
            Database.open(database_url, size=pool_size) as db,
            application(database_url).open_async() as app,
        ):
            chosen = gateways(db)
            resources = {
                "db": db,
                "gateways": chosen,
                "mailer": mailer,
                "media": media,
                "rate_source": rate_source,
                "pager": pager,
                "chat": chat,
                "webhooks": webhooks,
                "spool_dir": spool_dir,
                "link": link,
                "hotel_address": mail_address,
                "say": lambda text, language: translations(language).gettext(text),
                "clock": utc_now,
            }
            try:
                if stopped is None:
                    await until_empty(app, everything(concurrency), resources)
                else:
                    async with _beside(db):
                        await work_in_lanes(app, resources, stopped)
            finally:
                await chosen.close()

    if not wait:
        await work(None)
        return
    with stopping_by_signal() as stopped:
        await keep_working(work, stopped)


@asynccontextmanager
async def _beside(db: Database) -> AsyncIterator[None]:
    """What a worker does beside its jobs while it lives: tells of itself, beats, takes up what was left."""
    BUILD.labels(__version__, NEWEST).set(1)
    tasks = [
        asyncio.create_task(keep_measuring(db, utc_now)),
        asyncio.create_task(keep_beating(db, utc_now)),
        asyncio.create_task(keep_taking_up(db)),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def until_empty(app: App, lane: Lane, resources: dict[str, Any]) -> None:
    """Work until nothing in the lane's queues is due; begin nothing by the clock."""
    silent = _without_clock(app)
    left: list[int] | None = None
    while left is None or left:
        await _worker(silent, lane, resources, wait=False).run()
        # A job may leave another when this worker has already looked for the last time: it looks again, but
        # for no job that it cannot have (its lock is a dead worker's).
        before, left = left, await _due(app, lane)
        if left == before:
            return


async def _due(app: App, lane: Lane) -> list[int]:
    rows = await app.connector.execute_query_all_async(
        "SELECT id FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = ANY(%(queues)s)"
        " AND coalesce(scheduled_at <= now(), true) ORDER BY id",
        queues=list(lane.queues),
    )
    return [row["id"] for row in rows]


def _without_clock(app: App) -> App:
    """The same tasks and connections, with no jobs made by the clock."""
    silent = App(connector=app.connector)
    silent.tasks = app.tasks
    return silent


async def work_in_lanes(app: App, resources: dict[str, Any], stopped: asyncio.Event) -> None:
    """All lanes, until one ends (its connection is lost) or the process is asked to stop."""
    # Jobs that come by the clock are made by one lane; the database would refuse the others' anyway.
    silent = _without_clock(app)
    workers = [
        _worker(silent if position else app, lane, resources, wait=True)
        for position, lane in enumerate(LANES)
    ]
    lanes = [asyncio.create_task(worker.run(), name=f"lane {worker.worker_name}") for worker in workers]
    asked = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait([*lanes, asked], return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        for worker, lane in zip(workers, lanes, strict=True):
            # Gracefully: running jobs have some seconds. Cancelling alone is not enough: what a lane waits
            # for may swallow it (psycopg's pool does, where a connection comes at that moment).
            worker.stop()
            lane.cancel()
        ended = await asyncio.gather(*lanes, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


def _worker(app: App, lane: Lane, resources: dict[str, Any], *, wait: bool) -> Worker:
    return Worker(
        app,
        name=lane.name,
        queues=list(lane.queues),
        concurrency=lane.slots,
        wait=wait,
        install_signal_handlers=False,
        delete_jobs="successful",
        listen_notify=False,
        fetch_job_polling_interval=_LOOKS_EVERY,
        shutdown_graceful_timeout=_LETS_END,
        additional_context=resources,
        worker_middleware=[lane.limited],
    )
