"""Tests share a database, one after the other: each finds it as the migrations leave it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import asyncpg
import psycopg
import pytest

from hotel_booking.core.db import Database
from hotel_booking.ops.embedded import Cluster
from tests.databases import Emptied, copied, migrated
from tests.factories.small_hotel import small_hotel
from tests.integration.http.test_access import contents


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Emptied]:
    emptied = Emptied(cluster)
    yield emptied
    emptied.close()


async def test_rows_and_numbers_are_those_of_a_new_one(cluster: Cluster, database: Emptied) -> None:
    used = []
    for _ in range(2):
        with database.use() as url:
            async with Database.open(url, size=1) as db:
                used.append((url, await contents(db), await small_hotel(db)))
                async with db.transaction() as tx:
                    await tx.execute("DELETE FROM procrastinate_schema")
    with copied(cluster, migrated(cluster)) as url:
        async with Database.open(url, size=1) as db:
            new = await contents(db), await small_hotel(db)
    assert [(found, ids) for _, found, ids in used] == [new, new]
    assert used[0][0] == used[1][0]


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE new ()",
        "ALTER TABLE guest DISABLE TRIGGER ALL",
        "ALTER TABLE guest ALTER email DROP NOT NULL",
        "CREATE INDEX ON guest (email)",
        "GRANT SELECT ON guest TO PUBLIC",
        "COMMENT ON TABLE guest IS 'x'",
        "TRUNCATE search_change",
        "ANALYZE",
        "ALTER DATABASE {name} SET work_mem = '1MB'",
        "CREATE OR REPLACE FUNCTION new() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ],
)
def test_who_changes_more_than_rows_has_had_it_alone(database: Emptied, statement: str) -> None:
    with database.use() as first, psycopg.connect(first, autocommit=True) as connection:
        connection.execute(statement.replace("{name}", connection.info.dbname).encode())
    with database.use() as second:
        assert first != second


async def test_connections_are_handed_on_as_they_left_the_server(database: Emptied) -> None:
    found: list[Any] = []
    for _ in range(2):
        with database.use() as url:
            async with Database.open(url, size=1) as db, db.reading() as tx:
                asked = "SELECT pg_backend_pid(), current_setting('work_mem'), pg_try_advisory_lock_shared(1)"
                found += await tx.fetch(asked)
                await tx.execute("SET work_mem = '1MB'")
                await tx.execute("SELECT pg_advisory_lock(1)")
    assert found[0] == found[1]
    with database.use() as url:
        async with Database.open(url, size=1, statement_timeout_ms=9_000) as db, db.reading() as tx:
            assert await tx.fetchval("SELECT pg_backend_pid()") != found[0][0]


async def test_who_still_works_when_its_test_is_over_is_ended(database: Emptied) -> None:
    with database.use() as url:
        left = await asyncpg.connect(url)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await left.execute("SELECT 1")
