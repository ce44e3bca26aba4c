"""What stands, as the worker tells it for the alerts: by one query that needs no right of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from hotel_booking.core.db import Transaction


class Figures(msgspec.Struct, frozen=True):
    """`reaped_at` is None where no reaper has ever looked."""

    standing: int
    expired: int
    reaped_at: datetime | None


async def figures(tx: Transaction, now: datetime) -> Figures:
    """How many grants stand, how many of them although their end has come (on the list, or as a role that may
    still log in or still has a session), and when the reaper last looked."""
    row = await tx.fetchrow(
        "WITH ours AS (SELECT r.rolname AS person, r.rolvaliduntil AS until FROM pg_roles r"
        "   JOIN pg_auth_members m ON m.member = r.oid"
        "   JOIN pg_roles g ON g.oid = m.roleid AND g.rolname = 'hotel_access'"
        "  WHERE r.rolvaliduntil IS NOT NULL"
        "    AND (r.rolcanlogin OR EXISTS (SELECT FROM pg_stat_activity a WHERE a.usename = r.rolname))),"
        " listed AS (SELECT person, until FROM access_grant WHERE ended_at IS NULL),"
        " together AS (SELECT person, min(until) AS until"
        "    FROM (TABLE ours UNION ALL TABLE listed) AS each GROUP BY person)"
        " SELECT count(*) AS standing, count(*) FILTER (WHERE until <= $1) AS expired,"
        "        (SELECT at FROM access_reaped) AS reaped_at FROM together",
        now,
    )
    assert row is not None  # noqa: S101  # an aggregate has a row
    return Figures(row["standing"], row["expired"], row["reaped_at"])


async def latest(tx: Transaction, limit: int) -> list[dict[str, Any]]:
    """The grants that stand, and those that ended, newest first."""
    rows = await tx.fetch("SELECT to_jsonb(g) AS grant FROM access_grant g ORDER BY id DESC LIMIT $1", limit)
    return [row["grant"] for row in rows]
