"""Where Prometheus scrapes: a listener of its own, which no gateway leads to.

The web processes count each in files of one folder, and the process above them tells of all: so it does not
matter whom Prometheus meets, and what a process has counted outlives it. This module is imported, and the
folder named, before anything is that counts: the client library looks for the folder when it is imported.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hotel_booking.core.config import Settings
from hotel_booking.core.leftovers import temporary_folder
from hotel_booking.core.setting import ConfigError

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


@contextmanager
def told_together(settings: Settings) -> Iterator[None]:
    """What the processes count that are started meanwhile is told on HOTEL_METRICS_PORT, 0 for nowhere. The
    folder is a new one, or the one that the environment names, emptied. Raises `ConfigError` where nothing
    can listen there."""
    if not settings.metrics_port:
        os.environ.pop(_FOLDER, None)
        yield
        return
    with temporary_folder("hotel-booking-metrics-") as made:
        folder = Path(os.environ.setdefault(_FOLDER, str(made)))
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob("*.db"):
            left.unlink()
        with listening(
            "HOTEL_METRICS_PORT", settings.metrics_host, settings.metrics_port, FolderCollector(folder)
        ):
            yield
    os.environ.pop(_FOLDER, None)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """What this process counts is told on HOTEL_WORKER_METRICS_PORT, 0 for nowhere. Raises as above."""
    os.environ.pop(_FOLDER, None)  # the web processes', where both have the same environment
    if not settings.worker_metrics_port:
        yield
        return
    from prometheus_client import REGISTRY

    host, port = settings.metrics_host, settings.worker_metrics_port
    with listening("HOTEL_WORKER_METRICS_PORT", host, port, REGISTRY):
        yield


@contextmanager
def listening(variable: str, host: str, port: int, tells: Collector) -> Iterator[None]:
    """Tell it to whoever asks, from a thread."""
    from prometheus_client import start_http_server

    try:
        server, thread = start_http_server(port, addr=host, registry=tells)
    except OSError as error:
        raise ConfigError(
            [f"cannot listen on {host}:{port} ({variable}): {error.strerror or error}"]
        ) from None
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class FolderCollector:
    """What the processes of a folder have counted. What a process says of its state ends with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        """The metrics of all of them."""
        from prometheus_client.multiprocess import MultiProcessCollector

        for told in self._folder.glob("gauge_live*_*.db"):
            if not _lives(int(told.stem.rpartition("_")[2])):
                told.unlink(missing_ok=True)
        # Prometheus_client leaves it untyped.
        together = MultiProcessCollector(None, str(self._folder))  # type: ignore[no-untyped-call]
        collected: Iterable[Metric] = together.collect()  # type: ignore[no-untyped-call]  # so is this
        return collected


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
