"""hotel-booking worker"""

from __future__ import annotations

import logging
import os

import typer
import uvloop

from hotel_booking.core import tracing
from hotel_booking.core.config import Settings
from hotel_booking.core.environment import read_settings
from hotel_booking.core.metrics_listener import alone
from hotel_booking.core.unsafe_settings import warnings_of

app = typer.Typer()


@app.command()
def worker() -> None:
    """Run jobs until stopped: holds that lapse, refunds, payments that a crash left open."""
    settings = read_settings(os.environ)
    with alone(settings):
        _work(settings)


def _work(settings: Settings) -> None:
    from hotel_booking import worker as jobs
    from hotel_booking.app.adapters import (
        choose_chat,
        choose_gateways,
        choose_mailer,
        choose_media,
        choose_pager,
        choose_rate_source,
        links_of,
    )
    from hotel_booking.cli.outside import kept_inside
    from hotel_booking.cli.serve import check_schema
    from hotel_booking.core.logging import configure
    from hotel_booking.integrations.webhooks import Webhooks

    configure(settings.log_level, human=settings.environment == "demo")
    tracing.configure(settings, "worker")
    for warning in warnings_of(settings):
        logging.getLogger("hotel_booking.worker").warning("%s", warning)
    check_schema(settings)
    settings, inside = kept_inside(settings)
    try:
        uvloop.run(
            jobs.run(
                settings.database_url,
                lambda db: choose_gateways(settings, db),
                mailer=choose_mailer(settings),
                link=links_of(settings),
                media=choose_media(settings),
                rate_source=choose_rate_source(settings),
                pager=choose_pager(settings),
                chat=choose_chat(settings),
                webhooks=None if inside else Webhooks(settings.secret_key),
                spool_dir=settings.spool_dir,
            )
        )
    finally:
        tracing.end()
