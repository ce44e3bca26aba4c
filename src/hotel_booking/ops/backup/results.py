"""What backups, restores and drills came to, told to the database: the worker makes metrics of it, the status
page shows it, alerts look at it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import psycopg
from psycopg.types.json import Jsonb

from hotel_booking.ops.refusals import WrongUse
from hotel_booking.ops.spool import write_whole

ResultOf = Literal["backup", "verify", "restore", "drill"]


class Drill(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a drill that was begun `at` ended, with its figures: what its report file holds."""

    at: Annotated[datetime, msgspec.Meta(tz=True)]
    succeeded: bool
    detail: dict[str, int | float]

    def tell(self, url: str) -> bool:
        """See `tell`."""
        return tell(url, "drill", at=self.at, succeeded=self.succeeded, detail=self.detail)

    def write(self, path: Path) -> None:
        """To a file. Raises `WrongUse` where it cannot be written."""
        try:
            write_whole(path, msgspec.json.encode(self))
        except OSError as error:
            raise WrongUse(f"{path} cannot be written: {error.strerror or error}") from None

    @classmethod
    def read(cls, path: Path) -> Drill:
        """From a file. Raises `WrongUse` for what is none."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except OSError as error:
            raise WrongUse(f"{path} cannot be read: {error.strerror or error}") from None
        except msgspec.DecodeError as error:
            raise WrongUse(
                f"{path} is no report of a drill: {error}",
                "This makes one:",
                "  hotel-booking ops backup drill --report FILE",
            ) from None


def tell(url: str, kind: ResultOf, *, at: datetime, succeeded: bool, detail: Mapping[str, Any]) -> bool:
    """Keep it, once for each act and moment; False where the database does not take it: the act was done all
    the same."""
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            connection.execute(
                "INSERT INTO operations_result (kind, at, succeeded, detail)"
                " SELECT %(kind)s, %(at)s, %(succeeded)s, %(detail)s WHERE NOT EXISTS"
                "  (SELECT FROM operations_result WHERE kind = %(kind)s AND at = %(at)s)",
                {"kind": kind, "at": at, "succeeded": succeeded, "detail": Jsonb(dict(detail))},
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
