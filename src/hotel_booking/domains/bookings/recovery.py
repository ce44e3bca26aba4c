"""After a restore that lost time: closed for sale until what was lost is seen to, by name.

A restore rewinds the database, and neither the gateway, nor sent mail, nor guests' memories. `begin` is run
on the restored database before anything else works on it; `recovery_matching` compares with the gateways;
`open_again` ends it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from hotel_booking.core import heartbeat
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Conflict
from hotel_booking.core.formats import english
from hotel_booking.core.names import FULL_NAME
from hotel_booking.domains.bookings.service import put_off, take_up
from hotel_booking.domains.incidents import closure
from hotel_booking.domains.incidents import parking as told_outside
from hotel_booking.domains.notifications import parking as mail

_CLOSED_FOR = timedelta(hours=12)
_SLACK = timedelta(seconds=35)  # the heartbeat's own interval, and a slow commit

_COUNTED = ("property", "room", "booking", "reservation", "payment", "ledger_entry", "guest", "audit_entry")
_OPEN_POINT = "SELECT id, backup, until, restored_at, matched_at FROM restore_point WHERE opened_at IS NULL"


class RestorePoint(msgspec.Struct, frozen=True):
    """The database is as of `until`; it was restored from `backup` at `restored_at`. `matched_at`: the
    gateways' books were compared to their end."""

    id: int
    backup: str
    until: datetime
    restored_at: datetime
    matched_at: datetime | None


class Affected(msgspec.Struct, frozen=True):
    """Somebody whom the loss touches. `subject` is what it is about (a payment at the gateway, a booking),
    `reference` the booking's, `became` what was done, or is to be done by staff."""

    subject: str
    kind: str
    reference: str | None
    guest: str | None
    amount: int | None
    currency: str | None
    became: str


class RecoveryStart(msgspec.Struct, frozen=True):
    """How a restored database begins: what was closed, and how much is not told again."""

    point: RestorePoint
    mails: int
    others: int


class NotMatched(Conflict):
    """The gateways' books have not been compared yet: money may be there for rooms that nobody has."""

    code = "recovery_not_matched"


async def open_restore_point(tx: Transaction) -> RestorePoint | None:
    """The restore that the platform is closed for; None where there is none."""
    return await tx.fetchrow_as(RestorePoint, _OPEN_POINT)


async def begin(tx: Transaction, *, backup: str, now: datetime) -> RecoveryStart:
    """Close for sale, note the restore, and have nothing told outside again that may have been told. Run
    again, it changes nothing more."""
    found = await open_restore_point(tx)
    if found is not None:
        return RecoveryStart(found, 0, 0)
    until = await newest(tx) or now
    point = await tx.fetchrow_as(
        RestorePoint,
        "INSERT INTO restore_point (backup, until, restored_at) VALUES ($1, $2, $3)"
        " RETURNING id, backup, until, restored_at, matched_at",
        backup,
        min(until, now),
        now,
    )
    assert point is not None  # noqa: S101  # an INSERT gives its row
    was = await closure.reopen(tx, now=now)
    if was is not None:  # of the time before: its holds go on with what they had left
        await take_up(tx, closed_at=was.closed_at, now=now)
    closed = await closure.close(tx, until=now + _CLOSED_FOR, now=now)
    # Holds that lived at the moment that was lost, and not at this one.
    await put_off(tx, closed_at=min(point.until, closed.closed_at))
    return RecoveryStart(point, await mail.park(tx, now=now), await told_outside.park(tx, now=now))


async def newest(tx: Transaction) -> datetime | None:
    """The newest moment that the database knows: its heartbeat, else what was last booked or logged."""
    moment: datetime | None = await tx.fetchval(
        "SELECT greatest($1, (SELECT max(created_at) FROM booking), (SELECT max(at) FROM audit_entry))",
        await heartbeat.newest(tx),
    )
    return moment


async def counted(tx: Transaction) -> dict[str, int]:
    """Rows of the tables whose number a person compares; the others are too many to read."""
    return {table: await tx.fetchval(f"SELECT count(*) FROM {table}") for table in _COUNTED}


async def uneven(tx: Transaction) -> list[str]:
    """Currencies in which the ledger holds another sum than was taken and not given back, in words."""
    rows = await tx.fetch(
        "SELECT p.currency, sum(p.captured - p.refunded) AS money, sum(p.ledger) AS ledger FROM"
        " (SELECT p.currency, CASE WHEN p.status = 'captured' THEN coalesce(p.captured, p.amount) ELSE 0 END"
        "             AS captured,"
        "         coalesce((SELECT sum(amount) FROM refund r WHERE r.payment_id = p.id"
        "                      AND r.status = 'done'), 0) AS refunded,"
        "         coalesce((SELECT sum(amount) FROM ledger_entry e WHERE e.payment_id = p.id), 0) AS ledger"
        "    FROM payment p) AS p"
        " GROUP BY 1 HAVING sum(p.captured - p.refunded) <> sum(p.ledger)"
    )
    found = []
    for row in rows:
        code = str(row["currency"])
        taken, kept = (english(int(row[name]), code) for name in ("money", "ledger"))
        found.append(f"ledger of {code}: {taken} taken, {kept} in it")
    return found


async def note(
    tx: Transaction, point: RestorePoint, affected: Affected, *, now: datetime, unless_known: bool = False
) -> None:
    """Name somebody; what is known of the subject already is written anew, or stays (`unless_known`): a
    second look finds done what the first one did."""
    await tx.execute(
        "INSERT INTO restore_affected (restore_point_id, subject, kind, reference, guest, amount, currency,"
        "                              became, noted_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        " ON CONFLICT (restore_point_id, subject) DO UPDATE SET became = excluded.became,"
        "  noted_at = excluded.noted_at WHERE NOT $10",
        point.id,
        affected.subject,
        affected.kind,
        affected.reference,
        affected.guest,
        affected.amount,
        affected.currency,
        affected.became,
        now,
        unless_known,
    )


async def lost_bookings(old: Transaction, *, until: datetime) -> list[Affected]:
    """Bookings in the database before, where it can still be read, that were made or changed after the
    moment that was restored; and those whose guest was erased since, and is here again."""
    lost = await old.fetch_as(
        Affected,
        "SELECT 'booking ' || b.reference AS subject,"
        "       CASE WHEN b.created_at > $1 THEN 'booking' ELSE 'changed booking' END AS kind,"
        f"       b.reference, {FULL_NAME} || ' <' || g.email || '>' AS guest,"
        "       b.total AS amount, b.currency, 'was ' || b.status || ' in the database before' AS became"
        "  FROM booking b JOIN guest g ON g.id = b.guest_id"
        " WHERE b.created_at > $1 OR b.confirmed_at > $1 OR b.cancelled_at > $1 ORDER BY b.created_at",
        until - _SLACK,
    )
    return lost + await old.fetch_as(
        Affected,
        "SELECT 'erasure ' || b.reference AS subject, 'erased guest' AS kind, b.reference, NULL AS guest,"
        "       NULL::bigint AS amount, NULL AS currency,"
        "       'was erased in the database before: hotel-booking guest erase' AS became"
        "  FROM booking b JOIN guest g ON g.id = b.guest_id WHERE g.erased_at > $1 ORDER BY b.created_at",
        until - _SLACK,
    )


async def report(tx: Transaction) -> tuple[RestorePoint | None, list[Affected]]:
    """The last restore, and everybody whom its loss touches."""
    point = await tx.fetchrow_as(
        RestorePoint,
        "SELECT id, backup, until, restored_at, matched_at FROM restore_point ORDER BY id DESC LIMIT 1",
    )
    if point is None:
        return None, []
    return point, await tx.fetch_as(
        Affected,
        "SELECT a.subject, a.kind, a.reference, a.guest, a.amount, a.currency,"
        "       a.became || coalesce(', now ' || b.status, '') AS became"
        "  FROM restore_affected a LEFT JOIN booking b ON b.reference = a.reference"
        " WHERE a.restore_point_id = $1 ORDER BY a.id",
        point.id,
    )


async def open_again(tx: Transaction, *, now: datetime, unmatched: bool) -> RestorePoint | None:
    """Sell again; None where nothing was restored. Raises `NotMatched`, unless it may stay `unmatched`."""
    point = await open_restore_point(tx)
    if point is None:
        return None
    if point.matched_at is None and not unmatched:
        raise NotMatched(
            "the gateways' books have not been compared with the restored database",
            fix="let a worker run for a minute: hotel-booking recovery report says when it is done",
        )
    await tx.execute("UPDATE restore_point SET opened_at = $2 WHERE id = $1", point.id, now)
    was = await closure.reopen(tx, now=now)
    if was is not None:
        await take_up(tx, closed_at=min(point.until, was.closed_at), now=now)
    return point


async def booking_of(tx: Transaction, reference: str) -> tuple[UUID, str] | None:
    """A booking's id and status, by its reference."""
    row = await tx.fetchrow("SELECT id, status FROM booking WHERE reference = $1", reference)
    return None if row is None else (row["id"], row["status"])


async def matched(tx: Transaction, point: RestorePoint, *, now: datetime) -> None:
    """The gateways' books were compared to their end."""
    await tx.execute("UPDATE restore_point SET matched_at = $2 WHERE id = $1", point.id, now)
