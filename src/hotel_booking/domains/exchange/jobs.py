"""Fetching the day's rates. What cannot be had, or is not believed, changes nothing and is logged."""

from __future__ import annotations

import logging

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.core.db import Database
from hotel_booking.domains.exchange import service
from hotel_booking.domains.exchange.errors import RatesRefused, RatesUnavailable
from hotel_booking.domains.exchange.types import RatesIntake, RateSource

log = logging.getLogger(__name__)

tasks = Blueprint()


# The ECB publishes at about 16:00 Frankfurt time on its working days; the other hours are for what failed.
@tasks.periodic(cron="27 */3 * * *")
@tasks.task(name="fetch_rates", queue="exchange", pass_context=True, queueing_lock="fetch_rates")
async def fetch_rates(context: JobContext, timestamp: int = 0) -> None:
    """Ask the source that is set, if one is."""
    del timestamp
    source: RateSource | None = jobs.resource(context, "rate_source")
    if source is None:
        return
    try:
        published = await source.daily()
        database: Database = jobs.database(context)
        async with database.transaction() as tx:
            taken: RatesIntake = await service.take(tx, published=published, now=jobs.now(context))
    except (RatesUnavailable, RatesRefused) as error:
        log.warning("exchange_rates.kept code=%s detail=%s", error.code, error.detail)
        return
    for currency, reason in taken.refused.items():
        log.warning("exchange_rates.refused currency=%s reason=%s", currency, reason)
