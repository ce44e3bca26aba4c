"""The panel on a database with years of history: no page reads a table that grows from its beginning."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.panel import pages, values_of

from hotel_booking.core.db import Database, Transaction
from hotel_booking.demo.loader import load
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.ops.embedded import Cluster
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.databases import copied, placed
from tests.factories.invariants import differences

pytestmark = pytest.mark.postgresql

BOOKINGS = 8_000
GROWING = frozenset(
    "booking reservation guest payment refund ledger_entry room_night rate_night audit_entry mail_message"
    " room_use quote booking_entry booking_words booking_note ledger_charge dispute saved_card"
    " reconciliation_difference".split()
)
# What reading a page of a table in order costs here, where it is 1 in life: as if the tables were so much
# larger in comparison with what a page of the panel needs of them.
_DEARER = 50
# Tables with fewer rows here are too small for any price: what has an index must be able to use it.
_FEW = 1_000


@pytest.fixture(scope="module")
def history_url(cluster: Cluster) -> Iterator[str]:
    """A few properties with three years of bookings, made as the large demo is."""
    with copied(cluster, placed(cluster)) as url:
        asyncio.run(load(url, seed=1, progress=lambda _what, _share: None, properties=4, bookings=BOOKINGS))
        yield url


async def test_the_history_is_true_to_every_invariant_and_as_large_as_asked_for(history_url: str) -> None:
    async with Database.open(history_url, size=2) as db:
        assert await differences(db) == []
        async with db.transaction() as tx:
            made = await tx.fetchval("SELECT count(*) FROM booking")
            assert 0.97 * BOOKINGS < made < 1.03 * BOOKINGS
            references = await tx.fetch("SELECT reference FROM booking ORDER BY created_at LIMIT 500")
            assert all(normalise(row["reference"]) == row["reference"] for row in references)
            states = {row["status"] for row in await tx.fetch("SELECT DISTINCT status FROM booking")}
            assert states == {"confirmed", "cancelled", "no_show", "checked_in", "checked_out"}
            days = await tx.fetchval("SELECT max(arrival) - min(arrival) FROM reservation")
            assert days > 3 * 365
            odd = await tx.fetchval(
                "SELECT count(*) FROM booking b JOIN reservation r ON r.booking_id = b.id"
                " WHERE b.confirmed_at < b.created_at OR b.cancelled_at < b.created_at"
                "    OR r.checked_in_at < b.created_at OR r.checked_out_at < r.checked_in_at"
                "    OR b.cancelled_at::date > r.arrival"
            )
            assert odd == 0


async def test_the_loader_leaves_every_index_and_constraint_as_it_found_it(
    history_url: str, db: Database
) -> None:
    async def described(database: Database) -> set[tuple[str, ...]]:
        async with database.transaction() as tx:
            rows = await tx.fetch(
                "SELECT conrelid::regclass::text AS owner, conname::text, pg_get_constraintdef(oid)"
                "  FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
                " UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
                " UNION ALL SELECT tgrelid::regclass::text, tgname::text, tgenabled::text FROM pg_trigger"
                "  WHERE NOT tgisinternal"
            )
        return {tuple(row) for row in rows}

    async with Database.open(history_url, size=1) as loaded:
        assert await described(loaded) == await described(db)


async def test_the_listing_that_the_loader_writes_is_the_one_of_the_bookings(history_url: str) -> None:
    async with Database.open(history_url, size=1) as db, db.transaction() as tx:
        kept = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY booking_id)) FROM {} t"
        before = [
            tuple(await tx.fetchrow(kept.format(name)) or ()) for name in ("booking_entry", "booking_words")
        ]
        await tx.execute("TRUNCATE booking_entry, booking_words")
        await tx.execute("SELECT booking_entries_fill()")
        after = [
            tuple(await tx.fetchrow(kept.format(name)) or ()) for name in ("booking_entry", "booking_words")
        ]
        await tx.execute("ANALYZE booking_entry, booking_words")
        assert before == after


async def test_no_page_of_the_panel_scans_a_table_that_grows(
    history_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, tuple[str, tuple[Any, ...]]] = {}
    asked = ""

    def recording(name: str) -> None:
        original = getattr(Transaction, name)

        async def record(self: Transaction, statement: Any, *args: Any) -> Any:
            if isinstance(statement, str) and statement.lstrip()[:6].upper() in ("SELECT", "WITH C"):
                seen.setdefault(statement, (asked, args))
            return await original(self, statement, *args)

        monkeypatch.setattr(Transaction, name, record)

    async with (
        Database.open(history_url, size=2) as db,
        running(settings_for(history_url, mfa_required=False)) as (app, _),
        signed_in(app, db, (Role.OWNER, None)) as client,
    ):
        async with db.transaction() as tx:
            run_id = await tx.fetchval(
                "INSERT INTO reconciliation (gateway, since, until, ran_at, payments, differences)"
                " VALUES ('sandbox', now(), now(), now(), 1, 0) RETURNING id"
            )
        values = {**await values_of(db), "run_id": str(run_id)}
        for name in ("fetch", "fetchrow", "fetchval"):
            recording(name)
        for asked in pages(app, values):
            assert (await client.get(asked)).status_code < 500, asked
        monkeypatch.undo()
        assert len(seen) > 20
        async with db.transaction() as tx:
            rows = await tx.fetch("SELECT relname::text FROM pg_class WHERE reltuples >= $1", float(_FEW))
            many = {row["relname"] for row in rows}
            assert many >= {"booking", "reservation", "guest", "payment", "booking_entry", "room_night"}
            scans = [
                (table, page, " ".join(sql.split()))
                for sql, (page, given) in seen.items()
                for args in alike(given)
                for table in await scanned(tx, sql, args, many)
            ]
        assert not scans, "\n".join(map(str, scans))


def alike(args: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """What a statement was given; where it was asked for all properties (None), also for a single one."""
    return [args, ([1], *args[1:])] if args[:1] == (None,) else [args]


async def scanned(tx: Transaction, sql: str, args: tuple[Any, ...], many: set[str]) -> set[str]:
    """The growing tables that a statement reads from their beginning."""
    await tx.execute(f"SET LOCAL seq_page_cost = {_DEARER}")
    found = _sequential(await plan(tx, sql, args)) & many
    await tx.execute("SET LOCAL enable_seqscan = off")
    found |= _sequential(await plan(tx, sql, args)) - many
    await tx.execute("SET LOCAL enable_seqscan = on")
    return found & GROWING


async def plan(tx: Transaction, sql: str, args: tuple[Any, ...]) -> dict[str, Any]:
    """What PostgreSQL would do."""
    (text,) = (await tx.fetch(f"EXPLAIN (FORMAT JSON) {sql}", *args))[0]
    return dict(json.loads(text)[0]["Plan"])


def _sequential(node: dict[str, Any]) -> set[str]:
    own = {node["Relation Name"]} if node["Node Type"] == "Seq Scan" else set()
    return own.union(*(_sequential(child) for child in node.get("Plans", ())))


async def test_a_scan_would_be_found(history_url: str) -> None:
    async with Database.open(history_url, size=1) as db, db.transaction() as tx:
        found = await scanned(tx, "SELECT id FROM booking WHERE requests = $1 LIMIT 5", ("x",), {"booking"})
        assert found == {"booking"}
        assert await scanned(tx, "SELECT FROM quote WHERE total = $1", (1,), set()) == {"quote"}
        assert await scanned(tx, "SELECT FROM booking WHERE reference = $1", ("x",), {"booking"}) == set()
