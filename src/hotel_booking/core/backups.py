"""How the last backup, restore and drill ended, as operations have told the database, and how far the archive
of the write-ahead log is behind."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction


class Drilled(msgspec.Struct, frozen=True):
    """The last drill of a restore: when it was begun, and its figures where it came to its end: acknowledged
    bookings that were lost, seconds that were lost, seconds until bookings worked again."""

    at: datetime
    succeeded: bool
    lost: int | None
    rpo: float | None
    rto: float | None


class BackupState(msgspec.Struct, frozen=True):
    """`database_at`, `state_at`, `configuration_at`: when the last whole backup of each was begun.
    `archive_lag`: by how many seconds the archive is later than `archive_timeout` lets it be; None where this
    server keeps none."""

    database_at: datetime | None
    state_at: datetime | None
    configuration_at: datetime | None
    archive_lag: float | None


async def drilled(tx: Transaction) -> Drilled | None:
    """The last drill; None where there was none."""
    return await tx.fetchrow_as(
        Drilled,
        "SELECT at, succeeded, (detail->>'lost')::int AS lost, (detail->>'rpo_seconds')::float8 AS rpo,"
        "       (detail->>'rto_seconds')::float8 AS rto"
        "  FROM operations_result WHERE kind = 'drill' ORDER BY at DESC LIMIT 1",
    )


async def state(tx: Transaction) -> BackupState:
    """As it is now."""
    found = await tx.fetchrow_as(
        BackupState,
        "SELECT b.database_at, b.state_at, b.configuration_at,"
        "       CASE WHEN current_setting('archive_mode') <> 'off' THEN"
        "           greatest(0, extract(epoch FROM now() - coalesce(a.last_archived_time, a.stats_reset,"
        "                                                           now()))"
        "                       - (SELECT setting::int FROM pg_settings"
        "                           WHERE name = 'archive_timeout'))::float8 END AS archive_lag"
        "  FROM pg_stat_archiver a CROSS JOIN"
        "       (SELECT max(at) FILTER (WHERE coalesce(detail->>'of', 'database') = 'database')"
        "                 AS database_at,"
        "               max(at) FILTER (WHERE detail->>'of' = 'state') AS state_at,"
        "               max(at) FILTER (WHERE detail->>'of' = 'configuration') AS configuration_at"
        "          FROM operations_result WHERE kind = 'backup' AND succeeded) b",
    )
    assert found is not None  # noqa: S101  # pg_stat_archiver has one row
    return found
