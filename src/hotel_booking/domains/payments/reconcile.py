"""The daily comparison: every payment in our books beside the gateway's own list, each difference by name.

Day by day, so that memory stays flat however long the list is. What is under way right now is looked at twice
before it is called a difference.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from hotel_booking.core.db import Database, Row, Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.domains.payments.gateway import Gateway, Gateways, Seen

log = logging.getLogger(__name__)

WINDOW = timedelta(days=35)
_DAY = timedelta(days=1)
# Their clock and ours, and the time between our row and theirs.
_SLACK = timedelta(minutes=10)


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not the same on both sides. `kind` is a word for machines: `unknown_to_us`,
    `unknown_to_gateway`, `amount`, `captured`, `reserved` or `refunded`."""

    kind: str
    payment_id: UUID | None
    reference: str | None
    ours: str
    theirs: str


class Comparison(msgspec.Struct, frozen=True):
    """What a comparison with one gateway found. `payments` were compared."""

    gateway: str
    since: datetime
    until: datetime
    payments: int
    differences: list[Difference]


async def reconcile(
    db: Database, gateways: Gateways, *, since: datetime, until: datetime, now: datetime
) -> list[Comparison]:
    """Compare every payment made in the time with every gateway that keeps a list, and store what was
    found."""
    until = min(until, now - _SLACK)
    result = []
    for gateway in gateways.all:
        if gateway.page in ("none", "transfer"):
            continue  # no list but the bank's statement
        payments = 0
        differences: list[Difference] = []
        start = since
        while start < until:
            end = min(start + _DAY, until)
            compared, found = await _compare(db, gateway, start, end)
            if found:  # something may just have been under way
                compared, found = await _compare(db, gateway, start, end)
            payments += compared
            differences += found
            start = end
        comparison = Comparison(gateway.name, since, until, payments, differences)
        async with db.transaction() as tx:
            await _store(tx, comparison, now)
        if differences:
            log.error("payments differ from the gateway's", extra={"differences": len(differences)})
        result.append(comparison)
    return result


async def _compare(
    db: Database, gateway: Gateway, since: datetime, until: datetime
) -> tuple[int, list[Difference]]:
    theirs = {}
    strangers = []
    async for seen in gateway.listing(since=since - _SLACK, until=until + _SLACK):
        if seen.payment_id is not None:
            theirs[seen.payment_id] = seen
        elif since <= seen.created_at < until:
            strangers.append(seen)
    async with db.transaction() as tx:
        ours = await _ours(tx, gateway.name, since, until, list(theirs))
    found: list[Difference] = []
    compared = 0
    for payment_id, seen in theirs.items():
        row = ours.pop(payment_id, None)
        if row is not None:
            compared += 1
            found += _differences(row, seen)
        elif since <= seen.created_at < until:
            strangers.append(seen)
    found += [
        Difference("unknown_to_us", seen.payment_id, seen.reference, "no such payment", _said(seen))
        for seen in strangers
        if seen.captured or seen.status == "authorised"
    ]
    found += [
        Difference(
            "unknown_to_gateway",
            payment_id,
            row["gateway_reference"],
            f"{row['status']}, {row['amount']} {row['currency']}",
            "no such payment",
        )
        for payment_id, row in ours.items()
        if row["amount"] and row["status"] in ("captured", "reserved")
    ]
    return compared, found


async def _ours(
    tx: Transaction, gateway: str, since: datetime, until: datetime, ids: list[UUID]
) -> dict[UUID, Row]:
    rows = await tx.fetch(
        "SELECT p.id, p.status, p.amount, p.currency, p.gateway_reference,"
        "       CASE WHEN p.status = 'captured' THEN coalesce(p.captured, p.amount) ELSE 0 END AS captured,"
        "       coalesce((SELECT sum(r.amount) FROM refund r"
        "                  WHERE r.payment_id = p.id AND r.status = 'done'), 0)::bigint AS refunded"
        "  FROM (SELECT * FROM payment WHERE gateway = $1 AND created_at >= $2 AND created_at < $3"
        "        UNION SELECT * FROM payment WHERE id = ANY ($4) AND gateway = $1) AS p",
        gateway,
        since,
        until,
        ids,
    )
    return {row["id"]: row for row in rows}


def _differences(row: Row, seen: Seen) -> Iterator[Difference]:
    def differs(kind: str, ours: object, theirs: object) -> Difference:
        return Difference(kind, row["id"], seen.reference, str(ours), str(theirs))

    if (row["amount"], row["currency"]) != (seen.amount, seen.currency):
        yield differs("amount", f"{row['amount']} {row['currency']}", f"{seen.amount} {seen.currency}")
    if row["captured"] != seen.captured:
        yield differs("captured", f"{row['captured']} ({row['status']})", f"{seen.captured} ({seen.status})")
    elif row["status"] == "reserved" and seen.status != "authorised" and row["amount"]:
        yield differs("reserved", "reserved", seen.status)
    elif row["status"] in ("voided", "declined", "failed") and seen.status == "authorised" and seen.amount:
        yield differs("reserved", row["status"], "still reserved")
    if row["refunded"] != seen.refunded:
        yield differs("refunded", row["refunded"], seen.refunded)


def _said(seen: Seen) -> str:
    return f"{seen.status}, {seen.captured or seen.amount} {seen.currency}"


async def _store(tx: Transaction, comparison: Comparison, now: datetime) -> None:
    run = await tx.fetchval(
        "INSERT INTO reconciliation (gateway, since, until, ran_at, payments, differences)"
        " VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
        comparison.gateway,
        comparison.since,
        comparison.until,
        now,
        comparison.payments,
        len(comparison.differences),
    )
    await tx.copy(
        "reconciliation_difference",
        ("reconciliation_id", "position", "kind", "payment_id", "reference", "ours", "theirs"),
        [
            (run, position, found.kind, found.payment_id, found.reference, found.ours, found.theirs)
            for position, found in enumerate(comparison.differences[:10_000], start=1)
        ],
    )


async def runs(tx: Transaction, *, limit: int = 30) -> list[Row]:
    """The latest comparisons, newest first: id, gateway, since, until, ran_at, payments, differences."""
    return await tx.fetch("SELECT * FROM reconciliation ORDER BY ran_at DESC, id DESC LIMIT $1", limit)


async def run(tx: Transaction, run_id: int) -> Row:
    """One comparison. Raises `NotFound`."""
    row = await tx.fetchrow("SELECT * FROM reconciliation WHERE id = $1", run_id)
    if row is None:
        raise NotFound("there is no such comparison")
    return row


async def differences(tx: Transaction, run_id: int, *, limit: int = 500) -> list[Row]:
    """What one comparison found: kind, payment_id, reference, ours, theirs, and `booking`, its reference."""
    return await tx.fetch(
        "SELECT d.*, b.reference AS booking FROM reconciliation_difference d"
        "  LEFT JOIN payment p ON p.id = d.payment_id LEFT JOIN booking b ON b.id = p.booking_id"
        " WHERE d.reconciliation_id = $1 ORDER BY d.position LIMIT $2",
        run_id,
        limit,
    )
