"""What probes found: told once or twice, at once or after the database was down; counted once, by days."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hotel_booking.core.db import Transaction
from hotel_booking.domains.incidents.status_types import FAILURES_OF_AN_OUTAGE, ComponentState, Day, Round

# A first failure may be the probe's own; it counts as slow until a second one follows.
_STATE = (
    "CASE WHEN excluded.failures = 0 THEN excluded.state"
    f"     WHEN c.failures + 1 >= {FAILURES_OF_AN_OUTAGE} THEN 'down' ELSE 'slow' END"
)


async def record(tx: Transaction, looked: Round) -> int:
    """Keep a round, and count it in its day; how many of its probes were new. A component's last word is only
    changed by a probe that is younger, so rounds that waited may be told later."""
    at = looked.at.astimezone(UTC)
    return int(
        await tx.fetchval(
            "WITH fresh AS (INSERT INTO status_probe (at, component, outcome, milliseconds, reason)"
            "     SELECT $1, p.component, p.outcome, p.milliseconds, p.reason"
            "       FROM unnest($2::text[], $3::text[], $4::int[], $5::text[])"
            "            AS p(component, outcome, milliseconds, reason)"
            "     ON CONFLICT DO NOTHING RETURNING component, outcome),"
            " counted AS (INSERT INTO status_day AS d (day, component, up, slow, down)"
            "     SELECT $6, component, (outcome = 'up')::int, (outcome = 'slow')::int,"
            "            (outcome = 'down')::int FROM fresh"
            "     ON CONFLICT (day, component) DO UPDATE"
            "        SET up = d.up + excluded.up, slow = d.slow + excluded.slow,"
            "            down = d.down + excluded.down),"
            " told AS (INSERT INTO status_component AS c (component, state, since, checked_at, failures)"
            "     SELECT component, CASE outcome WHEN 'down' THEN 'slow' ELSE outcome END, $1, $1,"
            "            (outcome = 'down')::int FROM fresh"
            f"     ON CONFLICT (component) DO UPDATE SET state = {_STATE},"
            "            checked_at = excluded.checked_at,"
            "            failures = CASE WHEN excluded.failures = 0 THEN 0 ELSE c.failures + 1 END,"
            f"            since = CASE WHEN c.state = {_STATE} THEN c.since ELSE excluded.since END"
            "      WHERE c.checked_at < excluded.checked_at)"
            " SELECT count(*) FROM fresh",
            at,
            [probe.component for probe in looked.probes],
            [probe.outcome for probe in looked.probes],
            [probe.milliseconds for probe in looked.probes],
            [probe.reason for probe in looked.probes],
            at.date(),
        )
    )


async def last_words(tx: Transaction) -> list[ComponentState]:
    """The last word on each component that was ever looked at."""
    return await tx.fetch_as(
        ComponentState, "SELECT component, state, since, checked_at FROM status_component ORDER BY component"
    )


async def days(tx: Transaction, *, since: date) -> list[Day]:
    """The days from `since` on of every component; one that was not looked at has none."""
    return await tx.fetch_as(
        Day,
        "SELECT day, component, up, slow, down FROM status_day WHERE day >= $1 ORDER BY day, component",
        since,
    )


async def purge(tx: Transaction, *, before: datetime, limit: int) -> int:
    """Forget single probes from before an instant, the oldest first; their days stay. How many went."""
    return await tx.execute(
        "DELETE FROM status_probe WHERE (at, component) IN"
        " (SELECT at, component FROM status_probe WHERE at < $1 ORDER BY at LIMIT $2)",
        before,
        limit,
    )
