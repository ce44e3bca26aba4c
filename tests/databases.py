"""The tests' PostgreSQL: one cluster for all workers, templates that are filled once, and copies of them.

A test that writes has a copy of its own, made in a thirtieth of a second and dropped after it; where all it
needs is the schema, it has the one of the test before, emptied in a sixth of that (`Emptied`).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from hotel_booking import migrations
from hotel_booking.core.db import Database
from hotel_booking.demo.loader import load
from hotel_booking.domains.properties.place_data import load_places, read_places
from hotel_booking.ops.embedded import THROWAWAY, Cluster
from tests import warm_connections

T = TypeVar("T")

# Nobody tidies up meanwhile: rows stand in the order in which a test wrote them, in emptied tables too.
SETTINGS = {**THROWAWAY, "max_connections": "600", "shared_buffers": "128MB", "autovacuum": "off"}
_FILLED: set[tuple[Path, str]] = set()  # what this process knows to be there


class Kept(Cluster):
    """A running cluster whose databases are made and dropped over one connection of this process: each test
    does both, and a connection takes seven milliseconds of the processor."""

    _connection: psycopg.Connection[Any] | None = None

    def _administer(self, statement: sql.Composed) -> None:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.url("postgres"), autocommit=True)
        self._connection.execute(statement)


def migrated(cluster: Cluster) -> str:
    """A template with the schema and nothing in it."""
    return template(cluster, "template_hotel", migrations.upgrade)


def placed(cluster: Cluster) -> str:
    """A template with all the places of the world, which every chain begins with."""

    async def fill(url: str) -> None:
        data = read_places()
        assert len(data.places) > 30_000
        opened = Database.open(url, size=1, statement_timeout_ms=0)  # as whoever loads them
        async with opened as database, database.transaction() as tx:
            await load_places(tx, data)

    return template(cluster, "template_places", lambda url: asyncio.run(fill(url)), base=migrated(cluster))


def placed_without_names(cluster: Cluster, shared: Cluster) -> str:
    """The same for a cluster of a test's own, copied from the one of all tests: without most names of the
    places, which only who looks for places needs, and whose reading and indexing is most of the work."""

    def fill(url: str) -> None:
        with copied(shared, placed(shared)) as source:
            _copy_places(source, url)

    return template(cluster, "template_places", fill, base=migrated(cluster))


def _copy_places(source: str, url: str) -> None:
    names = "SELECT * FROM place_name WHERE place_id IN (SELECT id FROM place WHERE kind = 'country')"
    with psycopg.connect(source) as one, psycopg.connect(url) as other:
        for table, rows in (("place", "SELECT * FROM place"), ("place_name", names)):
            with (
                one.cursor().copy(f"COPY ({rows}) TO STDOUT".encode()) as read,
                other.cursor().copy(f"COPY {table} FROM STDIN".encode()) as written,
            ):
                for block in read:
                    written.write(block)
        edition = one.execute("SELECT obj_description('place_name'::regclass)").fetchone()
        assert edition is not None
        other.execute(sql.SQL("COMMENT ON TABLE place_name IS {}").format(edition[0]))


def chained(cluster: Cluster, name: str, **options: Any) -> str:
    """A template with hotels of the demo chain: options of `demo.load`."""

    def fill(url: str) -> None:
        asyncio.run(load(url, seed=1, progress=lambda _what, _share: None, **options))

    return template(cluster, name, fill, base=placed(cluster))


def template(cluster: Cluster, name: str, fill: Callable[[str], object], *, base: str | None = None) -> str:
    """A database to copy or to read, filled by whichever process asks for it first; the others wait."""
    if (cluster.home, name) in _FILLED:
        return name
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as lock:
        lock.execute("SELECT pg_advisory_lock(hashtext(%s))", (name,))
        if not cluster.has_database(name):
            unfinished = f"{name}_{uuid.uuid4().hex}"
            cluster.create_database(unfinished, template=base)
            fill(cluster.url(unfinished))
            cluster.rename_database(unfinished, name)
    _FILLED.add((cluster.home, name))
    return name


@contextmanager
def copied(cluster: Cluster, source: str | None) -> Iterator[str]:
    """The URL of a fresh copy of a template (None: an empty database), which is dropped in the end."""
    name = f"test_{uuid.uuid4().hex}"
    cluster.create_database(name, template=source)
    try:
        yield cluster.url(name)
    finally:
        cluster.drop_database(name)


class Emptied:
    """A database with the schema and nothing in it, for one test of a process after the other: a copy of the
    template that is emptied after each, until somebody has changed more than rows or has left many dead ones.
    The connection that empties it stays meanwhile, and those of a test are handed on."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._name: str | None = None
        self._connection: psycopg.Connection[Any] | None = None

    @contextmanager
    def use(self) -> Iterator[str]:
        """Its URL."""
        name = self._name or self._copy()
        self._name = None
        try:
            yield self._cluster.url(name)
        finally:
            if self._empty(name):
                self._name = name
            else:
                self._drop(name)

    def close(self) -> None:
        """Drop it."""
        if self._name is not None:
            self._drop(self._name)
            self._name = None

    def _copy(self) -> str:
        name = f"test_{uuid.uuid4().hex}"
        self._cluster.create_database(name, template=migrated(self._cluster))
        self._connection = psycopg.connect(self._cluster.url(name), autocommit=True)
        # Rows go without triggers and without a look at who refers to them.
        self._connection.execute("SET session_replication_role = replica")
        self._schema = self._connection.execute(_SCHEMA).fetchone()
        self._rows = [
            (sql.Identifier(table), self._all(sql.Identifier(table)))
            for table in self._used(self._connection)
        ]
        warm_connections.keep(self._cluster.url(name))
        return name

    def _all(self, table: sql.Identifier) -> str:
        assert self._connection is not None
        query = sql.SQL("SELECT json_agg(t)::text FROM {} t").format(table)
        return str(self._connection.execute(query).fetchall()[0][0])

    def _drop(self, name: str) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        warm_connections.forget(self._cluster.url(name))
        self._cluster.drop_database(name)

    def _empty(self, name: str) -> bool:
        """Whether it is as it was, to whoever asks for rows."""
        try:
            return self._connection is not None and self._emptied(self._connection, name)
        except psycopg.Error:  # ended, renamed or made anew by the test
            return False

    def _emptied(self, connection: psycopg.Connection[Any], name: str) -> bool:
        connection.execute(_END_OTHERS, (warm_connections.idle(self._cluster.url(name)),))
        if connection.execute(_SCHEMA).fetchone() != self._schema:
            return False
        used = self._used(connection)
        if sum(used.values()) > _MOST_DEAD:
            return False
        gone = [sql.SQL("DELETE FROM {}").format(sql.Identifier(table)) for table in used]
        back = [
            sql.SQL("INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, {1})").format(
                table, rows
            )
            for table, rows in self._rows
        ]
        connection.execute(sql.SQL("; ").join([*gone, *back, sql.SQL(_BEGIN_AGAIN)]))
        return True

    def _used(self, connection: psycopg.Connection[Any]) -> dict[str, int]:
        """Tables that have, or had, rows, and their bytes."""
        return dict(connection.execute(_USED).fetchall())


_MOST_DEAD = 2 << 20
_END_OTHERS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND pid <> ALL(%s)
"""
# What changes with any statement about tables, functions, triggers, rights, comments, settings or statistics.
_SCHEMA = """
SELECT (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_class),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_attribute),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_constraint),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_trigger),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_index),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_namespace),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_proc WHERE oid >= 16384),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_description WHERE objoid >= 16384),
       (SELECT (count(*), sum(xmin::text::bigint))::text FROM pg_statistic WHERE starelid >= 16384),
       (SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase
        WHERE d.datname = current_database())
"""
_USED = """
SELECT relname, pg_relation_size(oid) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0
"""
_BEGIN_AGAIN = """
SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
FROM pg_sequences WHERE last_value IS NOT NULL
"""


@contextmanager
def filled(cluster: Cluster, fill: Callable[[Database], Awaitable[T]]) -> Iterator[tuple[str, T]]:
    """The URL of a fresh migrated database that `fill` has filled, and what that returned: for many cases
    that only read the same, or are all refused."""
    with copied(cluster, migrated(cluster)) as url:

        async def filling() -> T:
            async with Database.open(url, size=5) as db:
                return await fill(db)

        yield url, asyncio.run(filling())
