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
    before: os.stat_result | None = None
    with suppress(FileNotFoundError):
        before = path.stat()
        # A terminal, a pipe; nothing can stand beside it; or what stands there would be somebody else's.
        if not stat.S_ISREG(before.st_mode) or not os.access(path.parent, os.W_OK) or not _may_give(before):
            path.write_bytes(content)
            return
    beside = path.with_name(f".{path.name}.{secrets.token_hex(16)}")
    opened = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if before else 0o666)
    try:
        with os.fdopen(opened, "wb") as file:
            if before is not None:
                if (before.st_uid, before.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(opened, before.st_uid, before.st_gid)
                os.fchmod(opened, stat.S_IMODE(before.st_mode))
            file.write(content)
            file.flush()
            os.fsync(opened)
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _may_give(before: os.stat_result) -> bool:
    """Whether a new file can be given to who has this one."""
    own_group = before.st_gid in (os.getegid(), *os.getgroups())
    return os.geteuid() == 0 or (before.st_uid == os.geteuid() and own_group)
