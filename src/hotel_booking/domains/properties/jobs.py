"""Files of photos: those that were removed, and those that a crash left behind."""

from __future__ import annotations

from procrastinate import Blueprint, JobContext

from hotel_booking.core import jobs
from hotel_booking.domains.properties.service import photos
from hotel_booking.domains.properties.types import MediaStore

tasks = Blueprint()


@tasks.task(name="remove_files", queue="properties", pass_context=True, retry=jobs.PATIENT)
async def remove_files(context: JobContext, names: list[str]) -> None:
    """Remove the files of a photo whose row is gone."""
    media: MediaStore = jobs.resource(context, "media")
    await media.remove(names)


@tasks.periodic(cron="23 4 * * *")
@tasks.task(name="sweep_files", queue="properties", pass_context=True, queueing_lock="sweep_files")
async def sweep_files(context: JobContext, timestamp: int) -> None:
    """Remove files that no photo knows of."""
    del timestamp
    media: MediaStore = jobs.resource(context, "media")
    await photos.sweep(jobs.database(context), media, now=jobs.now(context))
