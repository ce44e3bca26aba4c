"""Temporary folders that outlive a process that was killed: the next one removes them.

Who uses a folder holds a lock in it, which the kernel lets go of whatever ends the process: nothing else
tells a folder that was left from one that is in use.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hotel_booking.core.clock import utc_now

# A folder is made before it is locked, and let go of by one process before the next one takes it.
_QUIET = 3600.0  # seconds


@contextmanager
def temporary_folder(prefix: str) -> Iterator[Path]:
    """A folder for this process and those that it starts, removed at the end; where the end was killed, by
    the next one with this prefix."""
    remove_leftovers(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix) as made:
        held = os.open(made, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield Path(made)
        finally:
            os.close(held)


def remove_leftovers(prefix: str, *, lock: str = ".", but: Path | None = None) -> None:
    """Remove this user's folders whose names begin so, whose `lock` (a file in them, or they themselves)
    nobody holds, and in which nothing was written for an hour; `but` this one."""
    for folder in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        # Another user's, in use, or gone meanwhile: leave it.
        with suppress(OSError):
            if folder != but and _ours(folder) and utc_now().timestamp() - _newest(folder) > _QUIET:
                held = os.open(folder / lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                finally:
                    os.close(held)


def _ours(folder: Path) -> bool:
    return folder.is_dir() and not folder.is_symlink() and folder.lstat().st_uid == os.geteuid()


def _newest(folder: Path) -> float:
    return max(path.lstat().st_mtime for path in (folder, *folder.iterdir()))
