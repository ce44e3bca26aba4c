"""What operations noted on disk while the database was down (the format is `ops.spool`'s) goes into the
audit log, each act once."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import msgspec

from hotel_booking.core.db import Database, Origin

log = logging.getLogger(__name__)

_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class _Act(msgspec.Struct, frozen=True):
    id: UUID
    at: Annotated[datetime, msgspec.Meta(tz=True)]
    who: _Word
    action: _Word
    object_kind: _Word
    object_id: _Word
    detail: dict[str, Any] = {}


async def drain(db: Database, folder: Path, *, limit: int = 1_000) -> int:
    """Move acts from the folder into the log; how many were new. A file that cannot be read is left where it
    is and spoken of; one that was stored but not removed is removed the next time, and not stored again."""
    stored = 0
    for path in await asyncio.to_thread(_files, folder, limit):
        try:
            act = msgspec.json.decode(await asyncio.to_thread(path.read_bytes), type=_Act)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error(
                "an act of operations cannot be read",
                extra={"file": path.name, "error": type(error).__name__},
            )
            continue
        # Its own transaction, committed before the file goes: a crash in between stores nothing twice.
        async with db.acting(Origin("ops", name=act.who)).transaction() as tx:
            if await tx.fetchval(
                "INSERT INTO audit_spooled (id) VALUES ($1) ON CONFLICT DO NOTHING RETURNING true", act.id
            ):
                await tx.execute(
                    "SELECT audit_write($1, $2, $3, NULL, NULL, NULL, $4)",
                    act.action,
                    act.object_kind,
                    act.object_id,
                    {**act.detail, "happened_at": act.at.isoformat()},
                )
                stored += 1
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return stored


def _files(folder: Path, limit: int) -> list[Path]:
    """The earliest acts first: a file's name begins with its act's time."""
    return sorted(folder.glob("*.json"))[:limit] if folder.is_dir() else []
