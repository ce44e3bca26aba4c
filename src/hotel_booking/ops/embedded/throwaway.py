"""Folders for data that can be made again, and clusters in them: tests, replays, benches, drills.

They are gone in the end. Where even that end was killed, their servers live on (they are nobody's child), and
the next that anybody makes ends these and removes the folder. Who made it holds a lock on a file in it, and
the lock dies with that process: nothing else tells a folder that was left from one that is in use.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from hotel_booking.ops import postmaster
from hotel_booking.ops.embedded.cluster import DURABLE, Cluster
from hotel_booking.ops.embedded.programs import EmbeddedError

_MARKER = "throwaway"
_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder of a random name is made in it
_PLENTY = 8 * 2**30  # bytes
_REMOVED_SECONDS = 5.0
_INSTANCES = "*/instances/*"  # data folders of `ops.backup.servers`

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
    happens."""
    with throwaway_folder("hotel-", memory=True) as folder:
        cluster = Cluster(folder, settings)
        try:
            cluster.start()
            yield cluster
        finally:
            cluster.remove()


@contextmanager
def throwaway_folder(prefix: str, *, memory: bool = False) -> Iterator[Path]:
    """A temporary folder that everybody can pass, whose name begins with `prefix` (`hotel-…`): removed at the
    end whatever happens, by the next one where the end was killed. Who makes it ends what runs in it."""
    _remove_abandoned()
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_temporary()[0 if memory else -1]))
    folder.chmod(0o711)  # what is inside is closed; the server's user has to pass
    with _claimed(folder):
        try:
            yield folder
        finally:
            _remove(folder)


def _temporary() -> list[Path]:
    """Where they may lie. A copied database is 400 files: ten times as fast in memory."""
    usual = Path(tempfile.gettempdir())
    plenty = os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _PLENTY
    return [_MEMORY, usual] if plenty else [usual]


@contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """Its marker, which is locked before it has its name: nobody finds one that is not locked yet."""
    fresh = folder / f"{_MARKER}.new"
    with fresh.open("w") as marker:
        fcntl.flock(marker, fcntl.LOCK_EX)
        fresh.rename(folder / _MARKER)
        yield


@contextmanager
def _unclaimed(marker: Path) -> Iterator[IO[str] | None]:
    """The marker, locked; None where its maker lives, or somebody else is just removing the folder."""
    with marker.open() as found:
        try:
            fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
        else:
            yield found


def _remove_abandoned() -> None:
    for marker in (found for parent in _temporary() for found in parent.glob(f"hotel-*/{_MARKER}")):
        # Another user's, or one that is gone meanwhile: leave it.
        with suppress(EmbeddedError, OSError):
            if marker.stat().st_uid == os.geteuid():
                with _unclaimed(marker) as ours:
                    if ours is not None:
                        _end(marker.parent)
                        _remove(marker.parent)


def _end(folder: Path) -> None:
    """What runs in it, with what a cluster has elsewhere."""
    Cluster(folder).remove()
    for data in folder.glob(_INSTANCES):
        postmaster.end(data)


def _remove(folder: Path) -> None:
    """What was interrupted in it may write for a moment yet. The marker goes last: what cannot be removed now
    is found by the next one."""
    deadline = time.monotonic() + _REMOVED_SECONDS
    while not _removed(folder) and time.monotonic() < deadline:
        time.sleep(0.1)


def _removed(folder: Path) -> bool:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != _MARKER:
            path.unlink(missing_ok=True)
    if [path.name for path in folder.iterdir()] in ([_MARKER], []):
        shutil.rmtree(folder, ignore_errors=True)
        return True
    return False
