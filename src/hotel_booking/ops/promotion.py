"""A replica of PostgreSQL is made the primary, and what a new primary needs at once is done to it.

For servers of one's own; RDS promotes by its API (`ops/dr`). Measured on PostgreSQL 15: after a promotion
`archive_timeout` may be ignored until the next checkpoint, so that what was booked in the first minutes
stands in no archive; and commits on a server that was itself kept in step (`synchronous_standby_names`)
wait for a replica that no longer exists. Hence the reload, the switch of the WAL, and the backup after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg

from hotel_booking.ops.refusals import Refused, plainly

_PROMOTES_WITHIN = 60  # seconds; it has to replay what it received
_ARCHIVES_WITHIN = 60.0
_LOOK_EVERY = 0.2
_COPIES = """
SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"""
_RECEIVING = "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'"
_BEHIND = """
SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::bigint,
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())"""


def promote(url: str, *, primary_is_stopped: bool, say: Callable[[str], None]) -> bool:
    """Make the replica at `url` (a superuser's) the primary, and settle it; whether it was none before. Can
    be repeated: a server that takes writes already is settled only.

    Raises `Refused` while it still receives from its primary (both would take bookings), unless the caller
    says that this one is stopped; and where it does not become one in a minute.
    """
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            return _promote(connection, primary_is_stopped=primary_is_stopped, say=say)
    except psycopg.OperationalError as error:
        reason = plainly(error)
        raise Refused(
            f"the replica cannot be reached, or went away: {reason}",
            "Nothing else was touched. Check HOTEL_STANDBY_URL, and run this again.",
        ) from None
    except psycopg.errors.InsufficientPrivilege as error:
        raise Refused(
            f"HOTEL_STANDBY_URL names a user who may not do this: {error.diag.message_primary}",
            "Name a superuser of PostgreSQL there, and run this again.",
        ) from None


def _promote(connection: psycopg.Connection, *, primary_is_stopped: bool, say: Callable[[str], None]) -> bool:
    began = time.monotonic()
    was_replica = bool(_value(connection, "SELECT pg_is_in_recovery()"))
    if was_replica:
        if _value(connection, _RECEIVING) and not primary_is_stopped:
            raise Refused(
                "this replica still receives from its primary: promoted now, both would take bookings",
                "Stop the primary first (or cut it off), for good. Where it is stopped, say so:",
                "  hotel-booking ops dr promote --primary-is-stopped",
            )
        row = connection.execute(_BEHIND).fetchone()
        unplayed, age = row or (None, None)
        say(
            f"the replica has {unplayed or 0} bytes to replay; what it replayed last was committed"
            + (f" {float(age):.0f} s ago" if age is not None else " before it started")
        )
        if not _value(connection, f"SELECT pg_promote(true, {_PROMOTES_WITHIN})"):
            raise Refused(
                f"the replica did not become the primary in {_PROMOTES_WITHIN} s",
                "Look into its log (is replay paused? SELECT pg_wal_replay_resume()), and run this again.",
            )
        say(f"promoted after {time.monotonic() - began:.1f} s: bookings are taken from here")
    else:
        say("it takes writes already: it is settled only")
    _settle(connection, say)
    return was_replica


def _settle(connection: psycopg.Connection, say: Callable[[str], None]) -> None:
    """Nobody waits for a replica that is not there, and what was booked so far is in the archive."""
    waits_for = _value(connection, "SELECT current_setting('synchronous_standby_names')")
    if waits_for and not _value(connection, _COPIES):
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = ''")
        say(
            f"synchronous_standby_names was {waits_for!r}, and no replica follows: emptied, or no commit"
            " would end. Set it again when the next replica follows"
        )
    connection.execute("SELECT pg_reload_conf()")
    before = _value(connection, "SELECT now()")
    segment = _value(connection, "SELECT pg_walfile_name(pg_switch_wal())")
    if _value(connection, "SELECT current_setting('archive_mode')") == "off":
        say("settings read again, WAL switched; this server archives nothing (archive_mode = off)")
        return
    until = time.monotonic() + _ARCHIVES_WITHIN
    while time.monotonic() < until:
        row = connection.execute(
            "SELECT coalesce(last_archived_wal >= %s AND last_archived_time >= %s, false)"
            " FROM pg_stat_archiver",
            (segment, before),
        ).fetchone()
        if row and row[0]:
            say(f"settings read again, WAL switched, and {segment} is in the archive")
            return
        time.sleep(_LOOK_EVERY)
    raise Refused(
        f"it takes bookings, but {segment} did not reach the archive in {_ARCHIVES_WITHIN:.0f} s",
        "Until it does, a second loss would lose them. Look why (pg_stat_archiver, the server's log), and run"
        " this again.",
    )


def _value(connection: psycopg.Connection, statement: str) -> object:
    row = connection.execute(statement.encode()).fetchone()
    return row[0] if row else None
