"""The daily comparison: every payment in our books beside the gateway's own list, each difference by name.

Day by day, so that memory stays flat however long the list is. What is under way right now is looked at twice
before it is called a difference.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from hotel_booking.core.code_names import called
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.core.formats import english
from hotel_booking.domains.payments import steps
from hotel_booking.domains.payments.gateway import Gateway, Gateways, ListedPayment
from hotel_booking.domains.payments.service import finish_later
from hotel_booking.domains.payments.types import ComparisonRun

log = logging.getLogger(__name__)

WINDOW = timedelta(days=35)
_DAY = timedelta(days=1)
# Their clock and ours, and the time between our row and theirs.
_SLACK = timedelta(minutes=10)


class Difference(msgspec.Struct, frozen=True):
    """One thing that is not the same on both sides. `kind` is a word for machines: `unknown_to_us`,
    `unknown_to_gateway`, `amount`, `captured`, `reserved`, `refunded`, or `surplus` for a second thing in a
    payment's name. `let_go`: the gateway still holds money that we do not want; it is seen to by a job."""

    kind: str
    payment_id: UUID | None
    reference: str | None
    ours: str
    theirs: str
    let_go: bool = False


class _Ours(msgspec.Struct, frozen=True):
    """A payment in our books; `listed` where the list had to name it."""

    id: UUID
    status: str
    amount: int
    currency: str
    gateway_reference: str | None
    listed: bool
    captured: int
    refunded: int


class Comparison(msgspec.Struct, frozen=True):
    """What a comparison with one gateway found. `payments` were compared."""

    gateway: str
    since: datetime
    until: datetime
    payments: int
    differences: list[Difference]


def listing_gateways(gateways: Gateways) -> list[Gateway]:
    """The gateways that keep a list; of others there is only the bank's statement."""
    return [gateway for gateway in gateways.all if gateway.page not in ("none", "transfer")]


async def reconcile(
    db: Database, gateways: Gateways, *, since: datetime, until: datetime, now: datetime
) -> list[Comparison]:
    """Compare every payment made in the time with every gateway that keeps a list, and store what was
    found. Raises `GatewayUnavailable`."""
    return [
        await compare_one(db, gateway, since=since, until=until, now=now)
        for gateway in listing_gateways(gateways)
    ]


async def compare_one(
    db: Database, gateway: Gateway, *, since: datetime, until: datetime, now: datetime
) -> Comparison:
    """Compare with one gateway, store what was found, and have what it still holds without our wanting it let
    go. Raises `GatewayUnavailable`, and has stored nothing then."""
    until = min(until, now - _SLACK)
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
    return comparison


async def _compare(
    db: Database, gateway: Gateway, since: datetime, until: datetime
) -> tuple[int, list[Difference]]:
    theirs = await steps.listing(gateway, since=since - _SLACK, until=until + _SLACK)
    async with db.transaction() as tx:
        rows = await _ours(tx, gateway.name, since, until, theirs)
    return _matched(rows, theirs, since, until)


def _matched(
    rows: Sequence[_Ours], theirs: Sequence[ListedPayment], since: datetime, until: datetime
) -> tuple[int, list[Difference]]:
    """How many of ours the gateway lists too, and what differs."""
    by_reference = {row.gateway_reference: row for row in rows if row.gateway_reference}
    by_id = {row.id: row for row in rows}
    differences: list[Difference] = []
    compared = set()
    unmatched = []
    # By the gateway's own name first: a payment may have been asked for twice in our name.
    for seen in theirs:
        row = by_reference.get(seen.reference)
        if row is None:
            unmatched.append(seen)
            continue
        compared.add(row.id)
        differences += _differences(row, seen)
    # Money first: of what has only our id, that is the payment, and the rest came to nothing.
    for seen in sorted(unmatched, key=lambda each: not _has_money(each)):
        row = by_id.get(seen.payment_id) if seen.payment_id is not None else None
        if row is not None and row.id not in compared:
            compared.add(row.id)
            differences += _differences(row, seen)
        elif _has_money(seen) and row is not None:
            ours = f"{called(row.status, 'payment')}, {row.gateway_reference}"
            differences.append(Difference("surplus", row.id, seen.reference, ours, _said(seen), let_go=True))
        elif _has_money(seen) and since <= seen.created_at < until:
            ours = "no such payment"
            differences.append(
                Difference("unknown_to_us", seen.payment_id, seen.reference, ours, _said(seen))
            )
    differences += [
        Difference(
            "unknown_to_gateway",
            row.id,
            row.gateway_reference,
            f"{called(row.status, 'payment')}, {english(row.amount, row.currency)}",
            "no such payment",
        )
        for row in rows
        if row.id not in compared and row.listed and row.amount and row.status in ("captured", "reserved")
    ]
    return len(compared), differences


def _has_money(seen: ListedPayment) -> bool:
    return bool(seen.captured or (seen.status == "authorised" and seen.amount))


async def _ours(
    tx: Transaction, gateway: str, since: datetime, until: datetime, theirs: list[ListedPayment]
) -> list[_Ours]:
    """Our payments of the time, and those that the list speaks of (`listed` tells them apart)."""
    return await tx.fetch_as(
        _Ours,
        "SELECT p.id, p.status, p.amount, p.currency, p.gateway_reference,"
        "       p.created_at >= $2 AND p.created_at < $3 AS listed,"
        "       CASE WHEN p.status = 'captured' THEN coalesce(p.captured, p.amount) ELSE 0 END AS captured,"
        "       coalesce((SELECT sum(r.amount) FROM refund r"
        "                  WHERE r.payment_id = p.id AND r.status = 'done'), 0)::bigint AS refunded"
        "  FROM (SELECT * FROM payment WHERE gateway = $1 AND created_at >= $2 AND created_at < $3"
        "        UNION SELECT * FROM payment WHERE id = ANY ($4) AND gateway = $1"
        "        UNION SELECT * FROM payment WHERE gateway_reference = ANY ($5) AND gateway = $1) AS p",
        gateway,
        since,
        until,
        [seen.payment_id for seen in theirs if seen.payment_id is not None],
        [seen.reference for seen in theirs],
    )


def _differences(row: _Ours, seen: ListedPayment) -> Iterator[Difference]:
    def differs(kind: str, ours: str, theirs: str) -> Difference:
        return Difference(kind, row.id, seen.reference, ours, theirs)

    if (row.amount, row.currency) != (seen.amount, seen.currency):
        yield differs("amount", english(row.amount, row.currency), english(seen.amount, seen.currency))
    if row.captured != seen.captured:
        yield differs(
            "captured",
            f"{english(row.captured, row.currency)} ({called(row.status, 'payment')})",
            f"{english(seen.captured, seen.currency)} ({called(seen.status, 'payment')})",
        )
    elif row.status == "reserved" and seen.status != "authorised" and row.amount:
        yield differs("reserved", "reserved", called(seen.status, "payment"))
    elif row.status in ("voided", "declined", "failed") and seen.status == "authorised" and seen.amount:
        yield msgspec.structs.replace(
            differs("reserved", called(row.status, "payment"), "still reserved"), let_go=True
        )
    if row.refunded != seen.refunded:
        yield differs("refunded", english(row.refunded, row.currency), english(seen.refunded, seen.currency))


def _said(seen: ListedPayment) -> str:
    return f"{called(seen.status, 'payment')}, {english(seen.captured or seen.amount, seen.currency)}"


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
    for found in comparison.differences:
        if found.let_go and found.payment_id is not None:
            await finish_later(tx, payment_id=found.payment_id, seen=found.reference)


async def runs(tx: Transaction, *, limit: int = 30) -> list[ComparisonRun]:
    """The latest comparisons, newest first."""
    return await tx.fetch_as(
        ComparisonRun, "SELECT * FROM reconciliation ORDER BY ran_at DESC, id DESC LIMIT $1", limit
    )


async def run(tx: Transaction, run_id: int) -> ComparisonRun:
    """One comparison. Raises `NotFound`."""
    row = await tx.fetchrow_as(ComparisonRun, "SELECT * FROM reconciliation WHERE id = $1", run_id)
    if row is None:
        raise NotFound("there is no such comparison")
    return row
