"""The schema: it migrates from nothing, again without effect, and is what the code says."""

from __future__ import annotations

import asyncio

import pytest

from hotel_booking import migrations
from hotel_booking.core.db import Database
from hotel_booking.domains.inventory import tables as inventory
from hotel_booking.domains.properties import tables as properties
from hotel_booking.domains.properties.catalogue import CatalogueRow
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


_TABLES = [
    table
    for module in (properties, inventory, rates)
    for table in vars(module).values()
    if isinstance(table, properties.TableOf)
]


@pytest.mark.parametrize("table", _TABLES, ids=lambda table: table.name)
async def test_the_codes_tables_are_the_databases(
    db: Database, table: properties.TableOf[CatalogueRow]
) -> None:
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute"
            " WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped",
            table.name,
        )
    assert table.columns == {row["attname"]: row["type"] for row in rows}
    assert set(table.columns) == set(table.kind.__struct_fields__)


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
