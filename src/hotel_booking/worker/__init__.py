"""The job worker: every domain's jobs, on one procrastinate application."""

from __future__ import annotations

from procrastinate import App, PsycopgConnector

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings.jobs import tasks as booking_tasks
from hotel_booking.domains.payments.gateway import Gateway
from hotel_booking.domains.payments.jobs import tasks as payment_tasks
from hotel_booking.http.jobs import tasks as http_tasks


def application(database_url: str) -> App:
    """The procrastinate application with all tasks; open it before use."""
    app = App(connector=PsycopgConnector(conninfo=database_url, min_size=1, max_size=4))
    app.add_tasks_from(booking_tasks, namespace="bookings")
    app.add_tasks_from(payment_tasks, namespace="payments")
    app.add_tasks_from(http_tasks, namespace="http")
    return app


async def run(
    database_url: str, gateway: Gateway, *, concurrency: int = 8, wait: bool = True, pool_size: int = 8
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
            additional_context={"db": db, "gateway": gateway, "clock": utc_now},
        )
