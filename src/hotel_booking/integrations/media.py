"""Uploaded files in a folder on disk. Names are our own: hexadecimal digits, a width, `.webp`."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from hotel_booking.core.errors import DomainError

log = logging.getLogger(__name__)
_NAME = re.compile(r"[0-9a-f]{32}-[1-9][0-9]{1,3}\.webp", re.ASCII)
# What a crash leaves half written; swept like everything that no photo knows of.
_UNFINISHED = re.compile(_NAME.pattern + r"\.[0-9a-f]{32}\.part", re.ASCII)


class MediaUnavailable(DomainError):
    """The storage of photos does not answer."""

    code = "media_unavailable"
    passes = True
    retry_after = 5


def is_our_name(name: str) -> bool:
    """Whether a file of this name may be there at all."""
    return _NAME.fullmatch(name) is not None


class DiskMedia:
    """A folder with 256 folders in it, one for each beginning of a name. Any process may share it. Where it
    is full, closed to us or gone, `MediaUnavailable` is raised, and the log says why."""

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    async def put(self, name: str, body: bytes) -> None:
        """Keep a file: whole or not at all, and on the disk when this returns."""
        path = self._path(name)
        with self._telling():
            await asyncio.to_thread(self._put, path, body)

    async def get(self, name: str) -> bytes | None:
        """The file; None where there is none of this name, or it is no name of ours."""
        if _NAME.fullmatch(name) is None:
            return None
        with self._telling():
            return await asyncio.to_thread(_read, self._path(name))

    async def remove(self, names: Sequence[str]) -> None:
        """Remove files; those that are gone already do not matter."""
        await asyncio.to_thread(self._remove, [self._path(name) for name in names])

    async def names(self, *, older_than: datetime) -> Sequence[str]:
        """The names of all files that were kept before an instant; what a crash left half written too."""
        return await asyncio.to_thread(self._names, older_than.timestamp())

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            said = {"folder": str(self._folder), "reason": error.strerror}
            log.error("the folder of photos (HOTEL_MEDIA_DIR) cannot be used", extra=said)
            raise MediaUnavailable(
                "the storage of photos cannot be used at the moment",
                fix="try again, or ask who runs this site",
            ) from error

    def _path(self, name: str) -> Path:
        if _NAME.fullmatch(name) is None and _UNFINISHED.fullmatch(name) is None:
            raise ValueError("no name of a file of ours")
        return self._folder / name[:2] / name

    def _put(self, path: Path, body: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.{uuid4().hex}.part")
        try:
            with unfinished.open("xb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            unfinished.unlink(missing_ok=True)  # on a full disk the half of a file is the last straw
            raise
        unfinished.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _remove(self, paths: Sequence[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)

    def _names(self, before: float) -> list[str]:
        found: list[str] = []
        for folder in sorted(self._folder.glob("[0-9a-f][0-9a-f]")):
            with os.scandir(folder) as entries:
                found += [
                    entry.name
                    for entry in entries
                    if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < before
                ]
        return found


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
