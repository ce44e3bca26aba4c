"""The job worker: every domain's jobs, on one procrastinate application."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from procrastinate import App, PsycopgConnector

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings.jobs import tasks as booking_tasks
from hotel_booking.domains.guests.jobs import tasks as guest_tasks
from hotel_booking.domains.identity.jobs import tasks as identity_tasks
from hotel_booking.domains.notifications.jobs import tasks as mail_tasks
from hotel_booking.domains.notifications.types import Link, Mailer
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.jobs import tasks as payment_tasks
from hotel_booking.domains.properties.jobs import tasks as property_tasks
from hotel_booking.domains.properties.types import MediaStore
from hotel_booking.http.jobs import tasks as http_tasks
from hotel_booking.ops.spool import DEFAULT_FOLDER

_TASKS = {
    "bookings": booking_tasks,
    "payments": payment_tasks,
    "properties": property_tasks,
    "notifications": mail_tasks,
    "identity": identity_tasks,
    "guests": guest_tasks,
    "http": http_tasks,
}


def application(database_url: str) -> App:
    """The procrastinate application with all tasks; open it before use."""
    app = App(connector=PsycopgConnector(conninfo=database_url, min_size=1, max_size=4))
    for namespace, tasks in _TASKS.items():
        # A copy: adding a blueprint writes the namespace before the names of its tasks, each time anew.
        app.add_tasks_from(deepcopy(tasks), namespace=namespace)
    return app


async def run(
    database_url: str,
    gateways: Callable[[Database], Gateways],
    *,
    mailer: Mailer | None = None,
    link: Link = str,
    media: MediaStore | None = None,
    spool_dir: str = DEFAULT_FOLDER,
    concurrency: int = 8,
    wait: bool = True,
    pool_size: int = 8,
) -> None:
    """Work until stopped by SIGINT or SIGTERM; with `wait=False` only until the queue is empty.

    A job that was running when its worker died is taken up by the sweeps: each of our jobs can be
    repeated.
    """
    async with (
        Database.open(database_url, size=pool_size) as db,
        application(database_url).open_async() as app,
    ):
        await app.run_worker_async(
            concurrency=concurrency,
            wait=wait,
            install_signal_handlers=wait,
            delete_jobs="successful",
            shutdown_graceful_timeout=10,
            additional_context={
                "db": db,
                "gateways": gateways(db),
                "mailer": mailer,
                "media": media,
                "spool_dir": spool_dir,
                "link": link,
                "clock": utc_now,
            },
        )
