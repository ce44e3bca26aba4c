"""Backups of the application's state (daily, kept 7 days) and of its configuration (on every change, kept
90), and rows of the past (kept for good): a tar in a file of ours each, beside the database's. The store says
what was last kept; there is no other state, so whatever was killed is taken up by the next run."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from hotel_booking import __version__
from hotel_booking.core.schema import NEWEST
from hotel_booking.ops.backup import contents, one_file
from hotel_booking.ops.backup.engine import Backup, Say, chosen, id_of
from hotel_booking.ops.backup.files import SUFFIX, damaged, files, headers, own_second, remove_old
from hotel_booking.ops.backup.one_file import Header
from hotel_booking.ops.backup.store import Store
from hotel_booking.ops.refusals import Refused, WrongUse, plainly

Of = Literal["state", "configuration", "archive"]
RETENTION = {"state": timedelta(days=7), "configuration": timedelta(days=90)}


class TarBackups:
    """One of the three, in its folder of the store."""

    def __init__(
        self,
        of: Of,
        store: Store,
        *,
        url: str,
        key: str,
        environ: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        self.of = of
        self._files = files(store, of, clock)
        self._url, self._key, self._environ, self._clock = url, key, environ, clock

    def backups(self) -> list[Backup]:
        """Every one that is there, newest first."""
        return [
            Backup(
                stored.name[: -len(SUFFIX)], self.of, stored.name, head.made_at, head.made_at, stored.bytes
            )
            for stored, head in headers(self._files)
        ]

    def changed(self) -> bool:
        """Whether it is otherwise than the newest one, or there is none."""
        newest = next(headers(self._files), None)
        return newest is None or newest[1].fingerprint != contents.fingerprint(self._gathered)

    def backup(self, say: Say) -> Backup:
        """Make one, and remove those whose time is over."""
        if self.of == "archive":
            raise WrongUse(
                "rows of the past are no backup; what moves them to files:",
                "  ./deployment/scripts/db-maintenance.sh --archive 3y",
            )
        mark = contents.fingerprint(self._gathered) if self.of == "configuration" else ""
        made = self._keep(self._gathered, mark, say)
        remove_old(self._files, before=made.begun_at - RETENTION[self.of], keep=made.name, say=say)
        return made

    def put(self, name: str, content: bytes, say: Say) -> Backup:
        """Keep this one file, for good."""
        return self._keep(lambda: iter([(name, content)]), "", say)

    def get(self, backup_id: str) -> bytes:
        """What `put` kept under this id. Raises `Refused` where it is not there, or not whole."""
        with self._files.reading(chosen(self.backups(), backup_id, self.of).name) as file:
            one_file.verify(file, self._key)
            file.seek(0)
            parts = cast("Any", _Read(one_file.parts(file, self._key)))
            with tarfile.open(fileobj=parts, mode="r|gz") as tar:
                for member in tar:
                    if found := tar.extractfile(member):
                        return found.read()
        raise Refused(f"{backup_id} is empty")

    def verify(self, backup_id: str, say: Say) -> list[str]:
        """Read every file, or the one, to its end; what is wrong."""
        name = chosen(self.backups(), backup_id, self.of).name if backup_id else None
        return damaged(self._files, name, self._key, say)

    def unpack(self, backup_id: str, folder: Path, say: Say) -> int:
        """Write what one holds below an empty or new folder; how many files. Nothing is left there where it
        cannot be read to its end."""
        backup = chosen(self.backups(), backup_id, self.of)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise WrongUse(f"{folder} is not empty: name a new folder")
        with self._files.reading(backup.name) as file:
            one_file.verify(file, self._key)
            file.seek(0)
            say(f"writing to {folder}")
            made = not folder.exists()
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                parts = cast("Any", _Read(one_file.parts(file, self._key)))
                with tarfile.open(fileobj=parts, mode="r|gz") as tar:
                    count = 0
                    for member in tar:
                        _extract(tar, member, folder)
                        count += 1
            except (OSError, tarfile.TarError, Refused) as error:
                for path in folder.glob("*"):
                    shutil.rmtree(path, ignore_errors=True)
                if made:
                    shutil.rmtree(folder, ignore_errors=True)
                if isinstance(error, Refused):
                    raise
                raise Refused(
                    f"{folder} cannot be written: {plainly(error)}", "Nothing was left there."
                ) from None
        return count

    def _gathered(self) -> contents.Files:
        if self.of == "state":
            return contents.state(self._environ, self._key)
        return contents.configuration(self._url, self._environ, self._key)

    def _keep(self, gathered: Callable[[], contents.Files], mark: str, say: Say) -> Backup:
        now = own_second(self._files, self._clock)
        name = f"{id_of(now)}{SUFFIX}"
        say(f"writing {self._files}/{name}")
        header = Header(
            made_at=now, release=__version__, schema=NEWEST, database="", database_bytes=0, server=0,
            programs=0, holds=self.of, fingerprint=mark,
        )  # fmt: skip
        size = self._files.write(name, lambda file: self._write(file, header, gathered), self._key)
        return Backup(id_of(now), self.of, name, now, now, size)

    def _write(self, target: BinaryIO, header: Header, gathered: Callable[[], contents.Files]) -> Header:
        writing = one_file.Writing(target, header, self._key)
        with tarfile.open(fileobj=cast("Any", writing), mode="w|gz") as tar:
            for name, content in gathered():
                member = tarfile.TarInfo(name)
                member.size, member.mode = len(content), 0o600
                tar.addfile(member, io.BytesIO(content))
        writing.close()
        return header


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    """Write one file below the folder, and nothing anywhere else. tarfile's own `filter` does so too, which
    Debian 12's Python does not have."""
    path = folder / member.name
    content = tar.extractfile(member)
    if content is None or not path.resolve().is_relative_to(folder.resolve()):
        raise Refused(f"{member.name} is no file of a backup", "Nothing was left there.")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600, exist_ok=False)
    with path.open("wb") as file:
        shutil.copyfileobj(content, file)


class _Read:
    """Parts, read as a stream."""

    def __init__(self, parts: Any) -> None:
        self._parts, self._ahead = parts, b""

    def read(self, size: int) -> bytes:
        while len(self._ahead) < size:
            piece = next(self._parts, b"")
            if not piece:
                break
            self._ahead += piece
        answer, self._ahead = self._ahead[:size], self._ahead[size:]
        return answer
