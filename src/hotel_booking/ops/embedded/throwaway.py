"""A cluster for data that can be made again: tests and replays."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from hotel_booking.ops.embedded.cluster import DURABLE, Cluster
from hotel_booking.ops.embedded.programs import EmbeddedError

# In the folder of a throwaway cluster: whoever finds it abandoned may remove it.
_MARKER = "throwaway"
_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of a random name is made in it
_PLENTY = 8 * 2**30  # bytes

THROWAWAY = {
    **DURABLE,
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum_naptime": "10s",
    "max_wal_size": "8GB",
}


@contextmanager
def throwaway(settings: Mapping[str, str] = THROWAWAY) -> Iterator[Cluster]:
    """A started cluster in a temporary folder, in memory where there is plenty, removed at the end whatever
    happens; where even the end was killed, the next one removes it."""
    _remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix="hotel-", dir=_temporary()[0]))
    folder.chmod(0o711)  # what is inside is closed; the server's user has to pass
    cluster = Cluster(folder, settings)
    try:
        cluster.start()
        (folder / _MARKER).touch()  # not before the lock is held: see _remove_abandoned
        yield cluster
    finally:
        cluster.remove()
        shutil.rmtree(folder, ignore_errors=True)


def _temporary() -> list[Path]:
    """Where throwaway clusters may lie. A copied database is 400 files: ten times as fast in memory."""
    usual = Path(tempfile.gettempdir())
    plenty = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _PLENTY
    return [_MEMORY, usual] if plenty else [usual]


def _remove_abandoned() -> None:
    for marker in (found for parent in _temporary() for found in parent.glob(f"hotel-*/{_MARKER}")):
        # Another user's, one that is in use, or one that somebody else is just removing: leave it.
        with suppress(EmbeddedError, OSError):
            if marker.stat().st_uid == os.geteuid():
                Cluster(marker.parent).remove()
                shutil.rmtree(marker.parent)
