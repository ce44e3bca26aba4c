"""Files of somebody's that a command writes anew: whole, or as they were."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that has its name only once it is whole: a full disk or Ctrl-C leaves the one before. Who
    may read that stays, and where the name is a link its file is written. Raises `OSError`."""
    path = Path(os.path.realpath(path))
    mode: int | None = None
    with suppress(FileNotFoundError):
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or not os.access(path.parent, os.W_OK):
            path.write_bytes(content)  # a terminal, a pipe; or nothing can stand beside it
            return
        mode = stat.S_IMODE(found.st_mode)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(16)}")
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else mode)
    try:
        with os.fdopen(opened, "wb") as file:
            if mode is not None:
                os.fchmod(opened, mode)
            file.write(content)
            file.flush()
            os.fsync(opened)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
