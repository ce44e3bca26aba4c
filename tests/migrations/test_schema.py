"""The schema: it migrates from nothing, again without effect, and is what the code says."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from hotel_booking import migrations
from hotel_booking.core.db import Database
from hotel_booking.domains.inventory import tables as inventory
from hotel_booking.domains.properties import tables as properties
from hotel_booking.domains.rates import tables as rates
from hotel_booking.ops.embedded import Cluster
from tests.databases import copied

pytestmark = pytest.mark.postgresql


def test_migrating_again_does_nothing(database_url: str) -> None:
    assert migrations.current(database_url) == migrations.head()
    assert migrations.pending(database_url) == []
    assert migrations.upgrade(database_url) == []


async def test_two_migrators_at_once_do_it_once(cluster: Cluster) -> None:
    with copied(cluster, None) as url:
        both = await asyncio.gather(*(asyncio.to_thread(migrations.upgrade, url) for _ in range(2)))
        assert sorted(bool(steps) for steps in both) == [False, True]
        assert migrations.pending(url) == []


@pytest.mark.parametrize(
    "table",
    [table for each in (properties, inventory, rates) for table in each.metadata.tables.values()],
    ids=lambda table: table.name,
)
async def test_the_codes_tables_are_the_databases(db: Database, table: sa.Table) -> None:
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute"
            " WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
            table.name,
        )
    short = {"smallint": "SMALLINT", "character(2)": "CHAR(2)", "character(3)": "CHAR(3)"}
    names = {"text": "TEXT", "integer": "INTEGER", "bigint": "BIGINT", "boolean": "BOOLEAN", "date": "DATE"}
    more = {
        "double precision": "DOUBLE PRECISION",
        "integer[]": "INTEGER[]",
        "bigint[]": "BIGINT[]",
        "jsonb": "JSONB",
        "time without time zone": "TIME WITHOUT TIME ZONE",
    }
    stored = {row["attname"]: (short | names | more)[row["type"]] for row in rows}
    dialect = sa.dialects.postgresql.dialect()  # type: ignore[no-untyped-call]
    assert {column.name: column.type.compile(dialect) for column in table.columns} == stored


async def test_the_guards_are_in_the_database(db: Database) -> None:
    """Each invariant of the design has its constraint; a migration that drops one turns this red."""
    async with db.transaction() as tx:
        rows = await tx.fetch("SELECT conname FROM pg_constraint UNION SELECT tgname FROM pg_trigger")
    names = {row["conname"] for row in rows}
    assert names >= {
        "no_night_is_oversold",
        "one_stay_per_room_and_night",
        "a_live_reservation_has_its_nights",
        "a_dead_reservation_has_none",
        "append_only",
    }
