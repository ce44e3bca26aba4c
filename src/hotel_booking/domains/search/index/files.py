"""The folder of the index on one machine: one writer, a pointer to the file that counts, and the files.

Who holds the lock file's lock writes; it is let go of by the kernel whatever ends the process. The pointer is
replaced at once, so that others see the old file or the new one. A file is of no use after the machine was
started again: what of it had reached the disk by then, nobody knows.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

import msgspec

from hotel_booking.core.leftovers import remove_leftovers
from hotel_booking.domains.search.index.layout import (
    COMPLETE,
    FORMAT,
    FORMAT_AT,
    VERSION,
    Arrays,
)

_LOCK = "lock"
_SPARE = 256 * 2**20  # bytes that the disk keeps free: a mapped page that finds no room ends the process


class FolderRefused(Exception):  # caught where the index is run
    """The folder cannot be used, or its disk is full; the text says why."""


class Pointer(msgspec.Struct, frozen=True):
    """Which file counts, and what it was made from."""

    generation: int
    identity: str  # of the database
    boot: str  # of the machine
    format: int = FORMAT

    @property
    def file(self) -> str:
        """Its name in the folder."""
        return f"{self.generation}.index"


class Folder:
    """The folder of one database's index. Raises `FolderRefused` where it cannot be had, or others could
    write into it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = path.lstat()
        except OSError as error:
            raise FolderRefused(f"{path} cannot be made: {error.strerror}") from None
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise FolderRefused(f"{path} must be a folder that only this user may enter (chmod 700)")

    def become_writer(self) -> bool:
        """Whether this process writes from now on, until `leave`; never two at a time."""
        if self._lock is None:
            lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return False
            self._lock = lock
        return True

    def leave(self) -> None:
        """Let another process write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def pointer(self) -> Pointer | None:
        """Which file counts; None where there is none, or none that this release can read."""
        try:
            found = msgspec.json.decode((self.path / "current").read_bytes(), type=Pointer)
        except (OSError, msgspec.DecodeError):
            return None
        return found if found.format == FORMAT and found.boot == _boot() else None

    def open(self, pointer: Pointer, *, writable: bool = False) -> Arrays | None:
        """The file's arrays; None where they are not all there."""
        try:
            arrays = Arrays(self.path / pointer.file, writable=writable)
        except (OSError, ValueError):
            return None
        header = arrays["header"]
        whole = header[FORMAT_AT] == FORMAT and header[COMPLETE] == 1
        return arrays if whole and (header[VERSION] % 2 == 0 or not writable) else None

    def next_file(self) -> tuple[int, Path]:
        """The number and the path of a file that is to be made; what others left unfinished is removed. The
        writer's alone."""
        pointer = self.pointer()
        kept = pointer.file if pointer else ""
        numbers = [0]
        for file in self.path.glob("*.index"):
            with suppress(ValueError):
                numbers.append(int(file.stem))
            if file.name != kept:
                file.unlink(missing_ok=True)
        number = max(numbers) + 1
        return number, self.path / f"{number}.index"

    def publish(self, generation: int, identity: str) -> Pointer:
        """From now on this file counts. The ones before go when the last process has let go of them."""
        pointer = Pointer(generation, identity, _boot())
        new = self.path / "current.new"
        new.write_bytes(msgspec.json.encode(pointer))
        new.replace(self.path / "current")
        for file in self.path.glob("*.index"):
            if file.name != pointer.file:
                file.unlink(missing_ok=True)
        return pointer

    def withdraw(self) -> None:
        """No file counts any more, and none takes room: empty ones keep their numbers from others."""
        (self.path / "current").unlink(missing_ok=True)
        for file in self.path.glob("*.index"):
            file.unlink(missing_ok=True)
            file.touch()

    def check_room(self) -> None:
        """Raises `FolderRefused` where the disk is nearly full."""
        if shutil.disk_usage(self.path).free < _SPARE:
            raise FolderRefused(f"the disk of {self.path} is nearly full")


def default_folder(database_url: str) -> Path:
    """Where a database's index is kept on this machine, where no setting says so. Those of databases that
    nobody asks any more are removed: each is as large as its hotels are many."""
    prefix = f"hotel-booking-search-{os.geteuid()}-"
    name = hashlib.sha256(database_url.encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"{prefix}{name}"
    remove_leftovers(prefix, lock=_LOCK, but=folder)
    return folder


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
