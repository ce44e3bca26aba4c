"""What is mended while guests book: leftovers dropped, indexes built anew beside the old ones, dead rows
reclaimed, statistics renewed.

What has to be done is read from the database each time, so a run that was interrupted is taken up by the
next one, and one that finds nothing does nothing. No step takes a lock that a booking waits for, and none
waits for a lock longer than some seconds: what is in use is left for the next time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import msgspec
import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus

from hotel_booking.ops.database.inspection import Index, Table, indexes, tables
from hotel_booking.ops.refusals import Busy

# One run at a time in this database, wherever it was started.
_ADVISORY_LOCK = 7_301_946_208
_CANCEL_SECONDS = 5
_TIDY_MILLISECONDS = 30_000
_LEAST_MILLISECONDS = 1_000

_WASTED = 0.5  # of an index
_WORTH = 1 << 20  # bytes of bloat below which building an index anew gains nothing
_DEAD, _CHANGED = 0.1, 0.1  # of a table's rows
_FEW = 1_000  # rows that nobody notices

_LOCKED = "is in use for long: left for the next time"
_OVER = "the time was over: left for the next time"


class Step(msgspec.Struct, frozen=True):
    """One statement. `why` is what was found; `builds`: interrupted it leaves an index that is not used."""

    statement: str
    why: str
    builds: bool = False


class StepResult(msgspec.Struct, frozen=True):
    """What became of a step: `outcome` is done, left or failed, in so many `seconds`."""

    statement: str
    outcome: str
    seconds: float
    reason: str = ""


def plan(found: Sequence[Index], rows: Sequence[Table]) -> list[Step]:
    """What has to be done, what is broken first. Names are quoted already."""
    leftovers = [
        Step(f"DROP INDEX CONCURRENTLY IF EXISTS {index.name}", "left by a REINDEX that was interrupted")
        for index in found
        if index.leftover
    ]
    broken = [
        Step(f"REINDEX INDEX CONCURRENTLY {index.name}", "invalid: it is kept up and never used", builds=True)
        for index in found
        if not index.valid and not index.leftover
    ]
    bloated = [
        Step(
            f"REINDEX INDEX CONCURRENTLY {table.name}",
            f"some {table.bloat >> 20} of {table.bytes >> 20} MiB are bloat",
            builds=True,
        )
        for table in found
        if table.valid and table.bloat >= _WORTH and table.bloat > _WASTED * table.bytes
    ]
    vacuums, analyses = list[Step](), list[Step]()
    for row in rows:
        if row.dead > _FEW + _DEAD * row.live:
            # It gives pages at a table's end back only where nobody holds them: that takes a lock of all.
            vacuums.append(
                Step(f"VACUUM (ANALYZE, TRUNCATE FALSE) {row.name}", f"{row.dead} dead rows of {row.live}")
            )
        elif row.changed > _FEW + _CHANGED * row.live:
            analyses.append(Step(f"ANALYZE {row.name}", f"{row.changed} of {row.live} rows changed"))
    return [*leftovers, *broken, *vacuums, *analyses, *bloated]


@contextmanager
def alone(db: psycopg.Connection) -> Iterator[None]:
    """No other run in this database meanwhile. Raises `Busy`; it ends with the session."""
    row = db.execute("SELECT pg_try_advisory_lock(%s)", (_ADVISORY_LOCK,)).fetchone()
    if row != (True,):
        raise Busy(
            "this database is being maintained already, perhaps from another machine",
            "Wait for it, and run this again.",
        )
    try:
        yield
    finally:
        if not db.closed and db.info.transaction_status == TransactionStatus.IDLE:
            db.execute("SELECT pg_advisory_unlock(%s)", (_ADVISORY_LOCK,))


def maintain(
    db: psycopg.Connection, *, seconds: float, tell: Callable[[int, int, Step, StepResult], None]
) -> list[StepResult]:
    """Do what has to be done within so many seconds, the rest next time. Each step is told of as it ends."""
    ends = monotonic() + seconds
    steps = plan(indexes(db), tables(db))
    results: list[StepResult] = []
    for number, step in enumerate(steps, 1):
        result = _do(db, step, ends)
        results.append(result)
        tell(number, len(steps), step, result)
    return results


def _do(db: psycopg.Connection, step: Step, ends: float) -> StepResult:
    began = monotonic()
    left = int(1000 * (ends - began))
    if left < _LEAST_MILLISECONDS:
        return StepResult(step.statement, "left", 0.0, _OVER)
    outcome, reason = "done", ""
    try:
        _run(db, step.statement, left)
    except psycopg.errors.LockNotAvailable:
        outcome, reason = "left", _LOCKED
    except psycopg.errors.QueryCanceled:
        outcome, reason = "left", _OVER
    except psycopg.OperationalError:
        raise
    except psycopg.Error as error:
        outcome, reason = "failed", " ".join(str(error.diag.message_primary or error).split())
    if outcome != "done" and step.builds:
        _tidy(db)
    return StepResult(step.statement, outcome, round(monotonic() - began, 3), reason)


def _run(db: psycopg.Connection, statement: str, milliseconds: int) -> None:
    db.execute("SELECT set_config('statement_timeout', %s, false)", (str(milliseconds),))
    try:
        # Made by `plan` of names that PostgreSQL quoted itself.
        db.execute(sql.SQL(statement))
    except psycopg.Error:
        raise
    except BaseException:
        # Ctrl-C or SIGTERM: the server goes on building unless it is told.
        if db.info.transaction_status == TransactionStatus.ACTIVE:
            db.cancel_safe(timeout=_CANCEL_SECONDS)
        raise


def _tidy(db: psycopg.Connection) -> None:
    """Drop what the interrupted build left, where that can be had at once; else the next run does."""
    for step in plan([one for one in indexes(db) if one.leftover], []):
        try:
            _run(db, step.statement, _TIDY_MILLISECONDS)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
            return
