"""What has changed since the index was last in step, read from the database's change log.

A change is one row, seen from its commit on. Who has read all that one snapshot shows, next reads what a
later one shows besides: rows of transactions that began after it, and of those that were running then. So
nothing is missed and nothing read twice, in whatever order transactions commit, and over any loss of the
connection; only plain statements are used, which go through PgBouncer as they are.
"""

from __future__ import annotations

from datetime import date, datetime

import msgspec

from hotel_booking.core.db import Transaction

# The database, and its history: a restored or promoted one may use the numbers of transactions again.
_IDENTITY = """(SELECT system_identifier FROM pg_control_system())
       || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
       || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"""
_POSITION = f"SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin, {_IDENTITY} AS identity"

# $1: the transactions below were all seen, but for $2, which were running. Holds that expire change no row:
# they are those whose time has come between $3 and $4. Nights that lie together are one row.
_CHANGES = f"""
SELECT s.snapshot, s.identity, s.gap, c.what, c.key, c.plan, c.changes, c.first, c.until
  FROM (SELECT pg_current_snapshot()::text AS snapshot,
               {_IDENTITY} AS identity,
               EXISTS (SELECT FROM search_change_mark WHERE purged AND xid > $5::text::xid8) AS gap) AS s
  LEFT JOIN LATERAL (
        SELECT g.what, g.key, g.plan, g.changes, lower(one.nights) AS first, upper(one.nights) AS until
          FROM (SELECT a.what, a.key, a.plan, count(*) AS changes,
                       range_agg(CASE WHEN a.first < a.until THEN daterange(a.first, a.until) END) AS nights
                  FROM (SELECT n.what, n.key, n.plan, n.first, n.until FROM search_change n
                         WHERE n.xid >= $1::text::xid8
                         UNION ALL
                        SELECT n.what, n.key, n.plan, n.first, n.until FROM search_change n
                         WHERE n.xid = ANY ($2::text[]::xid8[]) AND n.xid < $1::text::xid8
                         UNION ALL
                        SELECT 'rooms', r.room_type_id, 0, lower(r.taken), upper(r.taken)
                          FROM booking b JOIN reservation r ON r.booking_id = b.id AND r.taken IS NOT NULL
                         WHERE b.status = 'held' AND b.hold_expires_at > $3 AND b.hold_expires_at <= $4) AS a
                 GROUP BY 1, 2, 3) AS g
          LEFT JOIN LATERAL unnest(g.nights) AS one(nights) ON true) AS c ON true
"""


class Seen(msgspec.Struct, frozen=True):
    """What a snapshot shows: all transactions below `xmax` that were not `running`. Everything below `xmin`
    was over. Holds that had expired by `at` were known to have."""

    xmin: int
    xmax: int
    running: tuple[int, ...]
    at: datetime

    @classmethod
    def below(cls, xmin: int, at: datetime) -> Seen:
        """What was seen for certain where only that is known."""
        return cls(xmin, xmin, (), at)


class Changes(msgspec.Struct):
    """What to read again: properties, and nights of room types and rates by their ordinals, from the first to
    before the last."""

    seen: Seen
    identity: str
    gap: bool = False
    everything: bool = False
    exchange: bool = False
    rows: int = 0
    properties: set[int] = msgspec.field(default_factory=set)
    rooms: set[tuple[int, int, int]] = msgspec.field(default_factory=set)
    rates: set[tuple[int, int, int, int]] = msgspec.field(default_factory=set)


async def position(tx: Transaction) -> tuple[int, str]:
    """The transactions below are all over; and which database this is."""
    (row,) = await tx.fetch(_POSITION)
    return int(row["xmin"]), row["identity"]


async def changes_since(tx: Transaction, seen: Seen, now: datetime) -> Changes:
    """Everything that was committed, and every hold that has expired, since what was seen. `gap` says that
    changes from before were forgotten meanwhile; `identity` is the database's, with its history."""
    rows = await tx.fetch(
        _CHANGES, str(seen.xmax), [str(xid) for xid in seen.running], seen.at, now, str(seen.xmin)
    )
    xmin, xmax, running = rows[0]["snapshot"].split(":")
    here = Seen(int(xmin), int(xmax), tuple(int(xid) for xid in running.split(",") if xid), now)
    changes = Changes(here, rows[0]["identity"], gap=rows[0]["gap"])
    changes.rows = sum({(row["what"], row["key"], row["plan"]): row["changes"] or 0 for row in rows}.values())
    for row in rows:
        match row["what"]:
            case "property":
                changes.properties.add(row["key"])
            case "rooms":
                changes.rooms.add((row["key"], _day(row["first"]), _day(row["until"])))
            case "rates":
                changes.rates.add((row["key"], row["plan"], _day(row["first"]), _day(row["until"])))
            case "exchange":
                changes.exchange = True
            case "all":
                changes.everything = True
    return changes


def _day(night: date) -> int:
    return night.toordinal()


_MARK = """
INSERT INTO search_change_mark (xid, made_at) VALUES (pg_snapshot_xmin(pg_current_snapshot()), $1)
ON CONFLICT (xid) DO UPDATE SET made_at = excluded.made_at
"""
_PURGE = """
WITH old AS (
    UPDATE search_change_mark SET purged = true
     WHERE xid = (SELECT max(xid) FROM search_change_mark WHERE made_at <= $1) RETURNING xid
)
DELETE FROM search_change_mark m USING old WHERE m.xid < old.xid
"""
_FORGET = """
DELETE FROM search_change WHERE (xid, id) IN (
    SELECT c.xid, c.id FROM search_change c
     WHERE c.xid < (SELECT max(xid) FROM search_change_mark WHERE purged) ORDER BY c.xid, c.id LIMIT $1)
"""


async def mark_purged(tx: Transaction, *, now: datetime, before: datetime) -> None:
    """Note how far transactions are now, and that changes of those that were over at `before` are forgotten:
    who has not followed since then has to load everything."""
    await tx.execute(_MARK, now)
    await tx.execute(_PURGE, before)


async def forget(tx: Transaction, *, limit: int) -> int:
    """Delete some of the changes that are to be forgotten; how many."""
    return await tx.execute(_FORGET, limit)
