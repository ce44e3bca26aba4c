"""What backups, restores and drills came to, told to the database: the worker makes metrics of it, the status
page shows it, alerts look at it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg.types.json import Jsonb

ResultOf = Literal["backup", "verify", "restore", "drill"]


def tell(url: str, kind: ResultOf, *, at: datetime, succeeded: bool, detail: Mapping[str, Any]) -> bool:
    """Keep it; False where the database does not take it: the act was done all the same."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.execute(
                "INSERT INTO operations_result (kind, at, succeeded, detail) VALUES (%s, %s, %s, %s)",
                (kind, at, succeeded, Jsonb(dict(detail))),
            )
    except psycopg.Error:
        return False
    return True


def still(url: str, of: str, *, at: datetime) -> None:
    """The newest backup of this is what there is as of now: somebody has looked. A database that does not
    take it misses it, and an alert says so."""
    with suppress(psycopg.Error), psycopg.connect(url, connect_timeout=10) as connection:
        connection.execute(
            "UPDATE operations_result SET at = %s WHERE id = (SELECT id FROM operations_result"
            " WHERE kind = 'backup' AND succeeded AND detail->>'of' = %s ORDER BY at DESC LIMIT 1)",
            (at, of),
        )
