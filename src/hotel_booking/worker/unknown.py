"""Jobs of a kind that this release has no task for. While a release is rolled out its web processes leave
jobs that only its worker knows: the old one leaves them to it, instead of having them fail for good."""

from __future__ import annotations

import logging
from typing import Any

from procrastinate import App, JobContext
from procrastinate.tasks import Task

from hotel_booking.core import jobs

log = logging.getLogger(__name__)


class UnknownTask(Exception):
    """The job's task is not of this release."""


class Tasks(dict[str, Task[Any, Any, Any]]):
    """The tasks of a worker by name; where there is none, one that has the job tried again later, by whoever
    knows it then. After a day it has failed."""

    def __init__(self, app: App) -> None:
        super().__init__(app.tasks)
        self._unknown: Task[Any, Any, Any] = Task(
            _leave, blueprint=app, name="unknown", queue="unknown", pass_context=True, retry=jobs.PATIENT
        )

    def get(self, name: str, default: Any = None) -> Any:
        """A task of this release, or the one that leaves the job."""
        del default
        return super().get(name, self._unknown)

    def __missing__(self, name: str) -> Task[Any, Any, Any]:
        return self._unknown


async def _leave(context: JobContext, **_args: Any) -> None:
    log.warning("a job that this release does not know is left to a newer one")
    raise UnknownTask(context.job.task_name)
