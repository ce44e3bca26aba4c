"""The files of one kind of backup: a folder of the store, on a disk or in a bucket. A file is there whole or
not at all, and nothing is overwritten."""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO, Protocol, cast

import msgspec
import obstore
from obstore.exceptions import BaseError, NotFoundError, PermissionDeniedError, UnauthenticatedError

from hotel_booking.ops.backup.engine import id_of
from hotel_booking.ops.backup.one_file import Header, NotABackup, read_header, verify
from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.refusals import Refused, WrongUse

SUFFIX = ".backup"
_NAME = re.compile(r"[0-9]{8}-[0-9]{6}\.backup")
_ABANDONED = timedelta(hours=3)
_READ_AT_ONCE = 1 << 20
_PATIENCE = 3.0  # seconds
_AT_ONCE = 2  # parts of 10 MB that are on their way, and in memory


class StoredFile(msgspec.Struct, frozen=True):
    """A file that is there: its name and its bytes."""

    name: str
    bytes: int


class Files(Protocol):
    """What both do. Every method raises `Refused` where the store does not answer, or has no room."""

    def there(self) -> Sequence[StoredFile]:
        """Every file with the name of a backup, oldest first."""

    def write(self, name: str, content: Callable[[BinaryIO], Header], key: str) -> int:
        """Have `content` write the file, and read it back; its bytes."""

    def reading(self, name: str) -> AbstractContextManager[BinaryIO]:
        """The file, open meanwhile."""

    def remove(self, name: str) -> bool:
        """Have it gone; False where we may not: then the bucket's own rule removes it."""


def files(store: Store, kind: str, clock: Callable[[], datetime]) -> Folder | Bucket:
    """Those of this kind in the store. Raises `WrongUse` for a folder that is not there."""
    if store.bucket:
        return Bucket(store, kind)
    root = Path(store.path)
    if not root.is_dir():
        raise WrongUse(f"HOTEL_BACKUP_STORE={root} is no folder on this machine")
    return Folder(root / kind, clock)


class Folder:
    """On a disk of this machine."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self._path, self._clock = path, clock

    def __str__(self) -> str:
        return str(self._path)

    def there(self) -> Sequence[StoredFile]:
        """See `Files`."""
        found = (path for path in self._path.glob(f"*{SUFFIX}") if _NAME.fullmatch(path.name))
        return [StoredFile(path.name, path.stat().st_size) for path in sorted(found)]

    def write(self, name: str, content: Callable[[BinaryIO], Header], key: str) -> int:
        """See `Files`."""
        path = self._path / name
        with suppress(OSError):
            self._path.mkdir(mode=0o700)
        self._sweep()
        write_whole(path, content, key)
        return path.stat().st_size

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """See `Files`."""
        try:
            file = (self._path / name).open("rb")
        except OSError as error:
            raise Refused(f"{self._path / name} cannot be read: {error.strerror or error}") from None
        with file:
            yield file

    def remove(self, name: str) -> bool:
        """See `Files`."""
        (self._path / name).unlink(missing_ok=True)
        return True

    def _sweep(self) -> None:
        """Remove what a run that was killed has left half written."""
        for partial in self._path.glob(".*.partial"):
            with suppress(FileNotFoundError):
                if datetime.fromtimestamp(partial.stat().st_mtime, UTC) < self._clock() - _ABANDONED:
                    partial.unlink()


class Bucket:
    """In a bucket of S3, or of what speaks its language."""

    def __init__(self, store: Store, kind: str) -> None:
        self._said = f"{store}".rstrip("/") + f"/{kind}"
        self._bucket = store.below(kind)

    def __str__(self) -> str:
        return self._said

    def there(self) -> Sequence[StoredFile]:
        """See `Files`."""
        with self._asking("listed"):
            found = [entry for some in obstore.list(self._bucket) for entry in some]
        kept = [StoredFile(str(entry["path"]).rpartition("/")[2], int(entry["size"])) for entry in found]
        return sorted((stored for stored in kept if _NAME.fullmatch(stored.name)), key=lambda one: one.name)

    def write(self, name: str, content: Callable[[BinaryIO], Header], key: str) -> int:
        """See `Files`. It is sent as it is made: nothing of it lies on this machine."""
        with self._asking("written"):
            if self._is_there(name):
                raise Refused(f"{self}/{name} is there already", "Nothing is overwritten.")
            writer = obstore.open_writer(self._bucket, name, max_concurrency=_AT_ONCE)
            # Not as a context: that would complete the object whatever went wrong.
            content(cast("BinaryIO", _Sent(writer)))
            writer.close()
        with self.reading(name) as file:
            verify(file, key)
        with self._asking("read"):
            return int(obstore.head(self._bucket, name)["size"])

    @contextmanager
    def reading(self, name: str) -> Iterator[BinaryIO]:
        """See `Files`."""
        with self._asking("read"):
            yield cast("BinaryIO", _Fetched(obstore.open_reader(self._bucket, name)))

    def remove(self, name: str) -> bool:
        """See `Files`."""
        try:
            obstore.delete(self._bucket, name)
        except (PermissionDeniedError, UnauthenticatedError):
            return False
        except (NotFoundError, FileNotFoundError):
            return True
        except BaseError as error:
            raise self._unavailable("cleared", error) from None
        return True

    def _is_there(self, name: str) -> bool:
        try:
            obstore.head(self._bucket, name)
        except (NotFoundError, FileNotFoundError):
            return False
        return True

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, FileNotFoundError) as error:
            raise self._unavailable(what, error) from None

    def _unavailable(self, what: str, error: Exception) -> Refused:
        # Its text may hold what is secret; its kind is enough to begin with.
        return Refused(
            f"{self} cannot be {what}: the bucket does not answer, or refuses ({type(error).__name__})",
            "Nothing that serves was touched. Is the bucket there, and are HOTEL_S3_* right?",
        )


class _Sent:
    """What is written goes to the bucket, part by part."""

    def __init__(self, writer: obstore.WritableFile) -> None:
        self._writer = writer

    def write(self, piece: bytes) -> int:
        return int(self._writer.write(piece))


class _Fetched:
    """What is read is fetched from the bucket, a megabyte and more at a time."""

    def __init__(self, reader: obstore.ReadableFile) -> None:
        self._reader = reader
        self._ahead = b""

    def read(self, size: int) -> bytes:
        while len(self._ahead) < size:
            piece = bytes(self._reader.read(max(size - len(self._ahead), _READ_AT_ONCE)))
            if not piece:
                break
            self._ahead += piece
        answer, self._ahead = self._ahead[:size], self._ahead[size:]
        return answer

    def seek(self, position: int) -> int:
        self._ahead = b""
        return int(self._reader.seek(position))


def write_whole(path: Path, content: Callable[[BinaryIO], Header], key: str) -> Header:
    """Have `content` write the file at a path: whole, read back, and on the disk, or not there at all.
    Refused where the path is taken or cannot be written."""
    if path.exists():
        raise Refused(f"{path} is there already", "Name another file: nothing is overwritten.")
    beside = path.with_name(f".{path.name}.partial")
    try:
        with os.fdopen(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), "w+b") as file:
            header = content(cast("BinaryIO", file))
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            verify(file, key)
        os.link(beside, path)  # fails where somebody was quicker, and a rename would not
    except OSError as error:
        said = error.strerror or str(error)
        room = ("Make room, and run this again.",) if error.errno == errno.ENOSPC else ()
        raise Refused(f"{path} cannot be written: {said}", "Nothing was left.", *room) from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return header


def headers(there: Files) -> Iterator[tuple[StoredFile, Header]]:
    """What each file is of, newest first, as it is asked for; those that do not begin as a backup are left
    out."""
    for kept in reversed(there.there()):
        with suppress(NotABackup), there.reading(kept.name) as file:
            yield kept, read_header(file)


def own_second(there: Files, clock: Callable[[], datetime]) -> datetime:
    """Now, or as soon as no file has the name of this second: a run that was ended has just written one, or
    this one has."""
    taken = {kept.name for kept in there.there()}
    ends = time.monotonic() + _PATIENCE
    while f"{id_of(now := clock())}{SUFFIX}" in taken and time.monotonic() < ends:
        time.sleep(0.02)
    return now


def remove_old(there: Files, *, before: datetime, keep: str, say: Callable[[str], None]) -> None:
    """Remove what was made before then, but never `keep`, and nothing where we may not."""
    for kept in there.there():
        if kept.name != keep and kept.name < f"{id_of(before)}{SUFFIX}":
            if not there.remove(kept.name):
                say(f"{kept.name} is left: the bucket's own rule removes it, and nobody else may")
                return
            say(f"removing {kept.name}: its time is over")


def damaged(there: Files, name: str | None, key: str, say: Callable[[str], None]) -> list[str]:
    """Read every file, or the one of this name, to its end; what is wrong with which."""
    found = []
    for each in [name] if name else [kept.name for kept in there.there()]:
        say(f"reading {each}")
        try:
            with there.reading(each) as file:
                verify(file, key)
        except Refused as refusal:
            found.append(f"{each[: -len(SUFFIX)]}: {refusal.detail}")
    return found
