"""What every engine of backups does, and what it is asked for."""

from __future__ import annotations

from datetime import UTC, datetime

_FORMAT = "%Y%m%d-%H%M%S"


def id_of(moment: datetime) -> str:
    """The id of a backup that was begun then: `YYYYMMDD-HHMMSS`, UTC."""
    return moment.astimezone(UTC).strftime(_FORMAT)
