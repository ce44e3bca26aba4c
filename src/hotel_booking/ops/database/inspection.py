"""How the database is: dead rows, indexes, connections, and what runs for long. Reads catalogues alone, so it
costs the same however much is stored."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import msgspec
import psycopg
from psycopg.rows import class_row

from hotel_booking.ops.refusals import Refused, plainly

_CONNECT_SECONDS = 10
_LOOK_MILLISECONDS = 30_000
_WAITED = (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled)
_ANY = timedelta(0)
# What a look shows at most of each kind; the worst come first.
_MOST = 200

# A B-tree's entries: the columns' mean widths, 8 bytes of header and 4 of pointer, on pages that are filled
# to nine tenths. PostgreSQL stores equal keys once, so an index of few values is smaller than expected, and
# its bloat is not seen: the estimate errs towards leaving an index alone.
_INDEXES = """
WITH found AS (
    SELECT i.indexrelid, i.indrelid, n.nspname, c.relname, t.relname AS parent, i.indisvalid, i.indisunique,
           pg_relation_size(c.oid) AS bytes, c.reltuples, coalesce(s.idx_scan, 0) AS scans,
           EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid) AS constrains,
           m.amname, (i.indrelid, i.indkey::text, i.indclass::text, i.indcollation::text, i.indoption::text,
            coalesce(pg_get_expr(i.indexprs, i.indrelid), ''),
            coalesce(pg_get_expr(i.indpred, i.indrelid), ''))::text AS shape,
           (SELECT sum(coalesce(p.avg_width, 8))
              FROM pg_attribute a
              LEFT JOIN pg_stats p ON p.schemaname = n.nspname AND p.attname = CASE
                        WHEN i.indkey[a.attnum - 1] = 0 THEN a.attname
                        ELSE (SELECT b.attname FROM pg_attribute b
                               WHERE b.attrelid = i.indrelid AND b.attnum = i.indkey[a.attnum - 1]) END
                   AND p.tablename = CASE WHEN i.indkey[a.attnum - 1] = 0 THEN c.relname ELSE t.relname END
             WHERE a.attrelid = i.indexrelid) AS width
      FROM pg_index i
      JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
      JOIN pg_class t ON t.oid = i.indrelid
      JOIN pg_am m ON m.oid = c.relam
      JOIN pg_namespace n ON n.oid = c.relnamespace
      LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = i.indexrelid
     WHERE n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema')
)
SELECT quote_ident(nspname) || '.' || quote_ident(relname) AS name,
       quote_ident(nspname) || '.' || quote_ident(parent) AS parent, bytes, scans, indisvalid AS valid,
       relname ~ '_cc(new|old)[0-9]*$' AND NOT indisvalid AS leftover,
       NOT indisunique AND NOT constrains AND scans = 0 AS unused,
       coalesce((SELECT quote_ident(min(o.relname)) FROM found o WHERE o.shape = found.shape
           AND o.indexrelid < found.indexrelid AND o.indisvalid AND found.indisvalid), '') AS same_as,
       CASE WHEN amname = 'btree' AND reltuples > 0 THEN greatest(0, bytes - (
           2 + ceil(reltuples * (width + 12) / (0.9 * 8168))) * 8192)::bigint ELSE 0 END AS bloat
  FROM found ORDER BY bloat DESC, bytes DESC, name LIMIT 2000
"""
_TABLES = """
SELECT quote_ident(s.schemaname) || '.' || quote_ident(s.relname) AS name,
       pg_total_relation_size(s.relid) AS bytes,
       s.n_live_tup AS live, s.n_dead_tup AS dead, s.n_mod_since_analyze AS changed,
       greatest(s.last_vacuum, s.last_autovacuum) AS vacuumed,
       greatest(s.last_analyze, s.last_autoanalyze) AS analysed, age(c.relfrozenxid) AS age
  FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
 ORDER BY s.n_dead_tup DESC, name LIMIT 2000
"""
# Texts and numbers are left out of what is shown: a statement may carry a guest's name.
_RUNNING = r"""
SELECT pid, coalesce(usename, '') AS "user", coalesce(application_name, '') AS program,
       coalesce(state, '') AS state, query_start AS since,
       xact_start AS transaction_since, coalesce(wait_event_type, '') AS waits_for,
       pg_blocking_pids(pid) AS blocked_by,
       left(regexp_replace(regexp_replace(query, '''[^'']*''|\m\d+\M', '?', 'g'), '\s+', ' ', 'g'), 80)
           AS query
  FROM pg_stat_activity
 WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


class Index(msgspec.Struct, frozen=True):
    """`bytes` and `bloat`, an estimate, in bytes. `leftover`: left by an interrupted REINDEX."""

    name: str
    parent: str
    bytes: int
    scans: int
    valid: bool
    leftover: bool
    unused: bool
    same_as: str
    bloat: int


class Table(msgspec.Struct, frozen=True):
    """`live` and `dead` rows by the statistics, `changed` since it was analysed; `bytes` with its indexes."""

    name: str
    bytes: int
    live: int
    dead: int
    changed: int
    vacuumed: datetime | None
    analysed: datetime | None
    age: int


class Running(msgspec.Struct, frozen=True):
    """A client's session that does something, or keeps a transaction open."""

    pid: int
    user: str
    program: str
    state: str
    since: datetime | None
    transaction_since: datetime | None
    waits_for: str
    blocked_by: list[int]
    query: str


class Connections(msgspec.Struct, frozen=True):
    """Of clients: `taken` of all databases of the server, `here` of this one, out of `allowed`."""

    taken: int
    here: int
    allowed: int


class Report(msgspec.Struct, frozen=True):
    """The worst first. `locked`: somebody holds a lock that sizes wait for, so tables and indexes are empty;
    who it is stands among the `long`."""

    tables: list[Table]
    indexes: list[Index]
    long: list[Running]
    connections: Connections
    locked: bool


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection]:
    """A session of its own, in which each statement is a transaction. Raises `Refused` where it is lost."""
    try:
        with psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=_CONNECT_SECONDS,
            application_name="hotel-booking ops database",
            options=f"-c statement_timeout={_LOOK_MILLISECONDS} -c lock_timeout=5000",
        ) as db:
            yield db
    except psycopg.OperationalError as error:
        reason = plainly(error)
        if isinstance(error, _WAITED):
            raise Refused(
                f"the database gave it up: {reason}",
                "Who holds it up:",
                "  hotel-booking ops database report",
            ) from None
        raise Refused(f"the database went away: {reason}", "Run it again when it answers.") from None


def tables(db: psycopg.Connection) -> list[Table]:
    """All tables, those with most dead rows first."""
    with db.cursor(row_factory=class_row(Table)) as rows:
        return rows.execute(_TABLES).fetchall()


def indexes(db: psycopg.Connection) -> list[Index]:
    """All indexes, those with most bloat first."""
    with db.cursor(row_factory=class_row(Index)) as rows:
        return rows.execute(_INDEXES).fetchall()


def connections(db: psycopg.Connection) -> Connections:
    """How many are taken."""
    with db.cursor(row_factory=class_row(Connections)) as rows:
        row = rows.execute(
            "SELECT count(*) AS taken, count(*) FILTER (WHERE datname = current_database()) AS here,"
            "       current_setting('max_connections')::int AS allowed"
            "  FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ).fetchone()
    return row or Connections(0, 0, 0)  # an aggregate always has a row


def long_transactions(db: psycopg.Connection, *, longer_than: timedelta) -> list[Running]:
    """Transactions that are open for long, and whoever waits for a lock, those open longest first."""
    return _running(db, "(xact_start < now() - %s OR wait_event_type = 'Lock')", "xact_start", longer_than)


def long_queries(db: psycopg.Connection, *, longer_than: timedelta) -> list[Running]:
    """Statements of clients of this database that run for long: no replica, no base backup, no vacuum."""
    return _running(db, "state = 'active' AND query_start < now() - %s", "query_start", longer_than)


def _running(db: psycopg.Connection, which: str, oldest: str, longer_than: timedelta) -> list[Running]:
    with db.cursor(row_factory=class_row(Running)) as rows:
        query = f"{_RUNNING} AND {which} ORDER BY {oldest}, pid LIMIT {_MOST}"
        return rows.execute(query.encode(), (longer_than,)).fetchall()


def end_query(db: psycopg.Connection, one: Running) -> bool:
    """End the session, where it still runs just that statement; whether it was. Raises `Refused` where this
    role may not."""
    try:
        row = db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid = %s AND query_start = %s AND state = 'active' AND datname = current_database()"
            "   AND backend_type = 'client backend' AND pid <> pg_backend_pid()",
            (one.pid, one.since),
        ).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        raise Refused(
            f"{db.info.user} may not end a session of {one.user} (process {one.pid})",
            "Ask for access as dba: ./deployment/scripts/grant-access.sh --user YOU --role dba --duration 1h",
        ) from None
    return bool(row and row[0])


def report(db: psycopg.Connection, *, longer_than: timedelta) -> Report:
    """All of it. What it is opened for at night is who blocks whom: a lock does not keep that back."""
    long, taken = long_transactions(db, longer_than=longer_than), connections(db)
    try:
        return Report(tables(db), indexes(db), long, taken, locked=False)
    except psycopg.errors.LockNotAvailable:
        # Whoever holds it may have begun less than so long ago.
        return Report([], [], long_transactions(db, longer_than=_ANY), connections(db), locked=True)
