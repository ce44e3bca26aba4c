"""Metrics of what stands in the database: the worker tells them, once for all, where every web process would
ask for itself. If no worker runs, they are missing, which is an alert of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from hotel_booking.core import backups, job_queue
from hotel_booking.core.db import Database
from hotel_booking.core.metrics import (
    ACCESS_EXPIRED,
    ACCESS_GRANTS,
    ACCESS_REAPED,
    ARCHIVE_LAG,
    BACKUP_TAKEN,
    DRILL_DONE,
    DRILL_FIGURES,
    INVARIANT_DIFFERENCES,
    INVARIANTS_CHECKED,
    JOBS,
    JOBS_OLDEST,
    MAIL_DEAD,
    POOL_CONNECTIONS,
    POOL_SIZE,
    POOL_WAITING,
)
from hotel_booking.domains.bookings import invariant_results, tally
from hotel_booking.domains.notifications import queries as mail
from hotel_booking.ops.access import standing
from hotel_booking.worker.lanes import LANES

log = logging.getLogger(__name__)

_EVERY = 15.0  # seconds, as Prometheus looks
_TOGETHER = 1000  # expired holds that are counted in one transaction


async def keep_measuring(db: Database, clock: Callable[[], datetime]) -> None:
    """Measure it for as long as the worker runs. While the database is down nothing is told anew."""
    while True:
        try:
            await measure(db, clock())
        except Exception:  # what stops a look stops neither the next nor any job
            log.exception("the state of the database could not be told")
        await asyncio.sleep(_EVERY)


async def measure(db: Database, now: datetime) -> None:
    """Measure it once."""
    POOL_SIZE.set(db.size)
    for state, connections in zip(("in_use", "idle"), db.figures(), strict=False):
        POOL_CONNECTIONS.labels(state).set(connections)
    POOL_WAITING.set(db.figures()[2])
    async with db.reading() as tx:
        found = {figures.queue: figures for figures in await job_queue.figures(tx, now)}
        MAIL_DEAD.set(await mail.dead_letters(tx, now))
        checked = await invariant_results.latest(tx)
        _measure_backups(await backups.state(tx))
        _measure_drill(await backups.drilled(tx))
        access = await standing.figures(tx, now)
    ACCESS_GRANTS.set(access.standing)
    ACCESS_EXPIRED.set(access.expired)
    ACCESS_REAPED.set(access.reaped_at.timestamp() if access.reaped_at else 0)
    INVARIANTS_CHECKED.set(checked.finished_at.timestamp() if checked else 0)
    for name, differences in checked.differences.items() if checked else ():
        INVARIANT_DIFFERENCES.labels(name).set(differences)
    for queue in {queue for lane in LANES for queue in lane.queues} | found.keys():
        figures = found.get(queue) or job_queue.QueueFigures(queue, 0, 0, 0, 0, None)
        for state in ("later", "due", "running", "failed"):
            JOBS.labels(queue, state).set(getattr(figures, state))
        waited = (now - figures.oldest).total_seconds() if figures.oldest else 0
        JOBS_OLDEST.labels(queue).set(max(0, waited))
    counted = _TOGETHER
    while counted == _TOGETHER:
        async with db.transaction() as tx:
            sources = await tally.take_expired(tx, limit=_TOGETHER)
        tally.holds_expired(sources)
        counted = len(sources)


def _measure_backups(found: backups.BackupState) -> None:
    for of, taken in (
        ("database", found.database_at),
        ("state", found.state_at),
        ("configuration", found.configuration_at),
    ):
        BACKUP_TAKEN.labels(of).set(taken.timestamp() if taken else 0)
    ARCHIVE_LAG.set(-1 if found.archive_lag is None else found.archive_lag)


def _measure_drill(last: backups.Drilled | None) -> None:
    DRILL_DONE.set(last.at.timestamp() if last else 0)
    figures: dict[str, float | None] = dict.fromkeys(
        ("succeeded", "lost_bookings", "rpo_seconds", "rto_seconds"), None
    )
    if last:
        figures = {
            "succeeded": last.succeeded,
            "lost_bookings": last.lost,
            "rpo_seconds": last.rpo,
            "rto_seconds": last.rto,
        }
    for figure, value in figures.items():
        DRILL_FIGURES.labels(figure).set(-1 if value is None else value)
