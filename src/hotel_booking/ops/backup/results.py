"""What backups, restores and drills came to, told to the database: the worker makes metrics of it, the status
page shows it, alerts look at it."""

from __future__ import annotations

from collections.abc import Mapping
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
