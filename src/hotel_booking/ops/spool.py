"""What operations did while the database was down, kept on disk until it can be told to the audit log.

One file an act, `<its time, UTC>-<uuid>.json`, so that acts are told in the order in which they were done. It
is written beside, flushed to the disk and then renamed: a killed process leaves a whole file or none. The
file is the contract with `domains.audit.spooled`, which drains it; neither imports the other:

    {"id": "<uuid>", "at": "<RFC 3339>", "who": "<user>@<host>", "action": "restore", "object_kind":
    "database",
     "object_id": "production", "detail": {...}}
"""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

DEFAULT_FOLDER = "/var/lib/hotel-booking/spool"
_LONGEST = 200  # characters of a word, as `domains.audit.spooled` takes it


def folder(environ: Mapping[str, str]) -> Path:
    """Where acts are kept: HOTEL_SPOOL_DIR, or the default."""
    return Path(environ.get("HOTEL_SPOOL_DIR") or DEFAULT_FOLDER)


def note(
    where: Path,
    *,
    action: str,
    object_kind: str,
    object_id: str,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> Path:
    """Keep an act. Raises `OSError` where the folder cannot be written: an act that cannot be noted should
    not be done."""
    where.mkdir(parents=True, exist_ok=True, mode=0o700)
    act = {
        "id": str(uuid4()),
        "at": now.isoformat(),
        "who": f"{machine_user()}@{socket.gethostname()}",
        "action": action,
        "object_kind": object_kind,
        "object_id": object_id[:_LONGEST],
        "detail": dict(detail or {}),
    }
    path = where / f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}-{act['id']}.json"
    # What was typed in no UTF-8, which the audit log would not take, stands there as question marks.
    write_whole(path, json.dumps(act, ensure_ascii=False).encode(errors="replace"))
    return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, and on the disk when this returns. Raises `OSError`."""
    beside = path.with_suffix(".part")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    except OSError:  # a full disk: whoever tries again each minute would leave a file each time
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def machine_user() -> str:
    """Who runs this process, as the machine names them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        return str(os.getuid())


def _flush_folder(where: Path) -> None:
    # The rename itself is on the disk only once the folder is.
    handle = os.open(where, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
