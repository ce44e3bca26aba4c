"""How the last backup, restore and drill ended, as operations have told the database, and how far the archive
of the write-ahead log is behind."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hotel_booking.core.db import Transaction


class BackupState(msgspec.Struct, frozen=True):
    """`database_at`, `state_at`, `configuration_at`: when the last whole backup of each was begun;
    `drill_at`: when the last drill was, with its figures. `archive_lag`: by how many seconds the archive is
    later than `archive_timeout` lets it be; None where this server keeps none."""

    database_at: datetime | None
    state_at: datetime | None
    configuration_at: datetime | None
    drill_at: datetime | None
    drill_succeeded: bool | None
    drill_lost: int | None
    drill_rpo: float | None
    drill_rto: float | None
    archive_lag: float | None


async def state(tx: Transaction) -> BackupState:
    """As it is now."""
    found = await tx.fetchrow_as(
        BackupState,
        "SELECT b.database_at, b.state_at, b.configuration_at,"
        "       d.at AS drill_at, d.succeeded AS drill_succeeded,"
        "       (d.detail->>'lost')::int AS drill_lost, (d.detail->>'rpo_seconds')::float8 AS drill_rpo,"
        "       (d.detail->>'rto_seconds')::float8 AS drill_rto,"
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
        "          FROM operations_result WHERE kind = 'backup' AND succeeded) b LEFT JOIN LATERAL"
        "       (SELECT at, succeeded, detail FROM operations_result WHERE kind = 'drill'"
        "         ORDER BY at DESC LIMIT 1) d ON true",
    )
    assert found is not None  # noqa: S101  # pg_stat_archiver has one row
    return found
