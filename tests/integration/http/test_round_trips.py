"""What a request costs the database: a GET that needs no statement sends none, and one that needs one sends
that alone; a change is one transaction, which begins with its first statement."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from litestar import get, post
from litestar.enums import MediaType

from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.http.access import public
from tests.clients.http_client import api_key, bearer, client_of, running, settings_for


@get("/api/v1/needs-none", opt=public(), media_type=MediaType.JSON)
async def needs_none(tx: Transaction) -> dict[str, bool]:
    """Asks for the transaction, and does not use it."""
    return {"unused": isinstance(tx, Transaction)}


@get("/api/v1/reads-twice", opt=public(), media_type=MediaType.JSON)
async def reads_twice(tx: Transaction) -> dict[str, int]:
    """Two statements."""
    return {"sum": await tx.fetchval("SELECT 1") + await tx.fetchval("SELECT 2")}


@post("/api/v1/changes-nothing", opt=public())
async def changes_nothing(tx: Transaction) -> None:
    """A change that turned out to be none."""


@post("/api/v1/changes", opt=public())
async def changes(tx: Transaction) -> None:
    """Two statements that stay together."""
    await tx.execute("CREATE TABLE mark (id int)")
    await tx.execute("INSERT INTO mark VALUES (1)")


@post("/api/v1/fails", opt=public())
async def fails(tx: Transaction) -> None:
    """A change that is refused after its first statement."""
    await tx.execute("CREATE TABLE never (id int)")
    raise NotFound("no")


# Tables that the application looks into by itself, one of them each second.
LOOKED_FOR = ("group_page", "maintenance_window", "site_closure")
HANDLERS = (needs_none, reads_twice, changes_nothing, changes, fails)


@asynccontextmanager
async def listened(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[str]]:
    """Everything that requests send to the database meanwhile, a text for every round trip."""
    sent: list[str] = []
    run = asyncpg.Connection._do_execute  # type: ignore[attr-defined]  # noqa: SLF001  # where all meet
    simple = asyncpg.Connection.execute

    async def prepared(self: Any, query: str, *args: Any, **more: Any) -> Any:
        if not any(name in query for name in LOOKED_FOR):
            sent.append(query)
        return await run(self, query, *args, **more)

    async def plain(self: Any, query: str, *args: Any, **more: Any) -> Any:
        if not args:
            sent.append(query)
        return await simple(self, query, *args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(asyncpg.Connection, "_do_execute", prepared)
        patch.setattr(asyncpg.Connection, "execute", plain)
        yield sent


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/api/v1/needs-none", []),
        ("GET", "/api/v1/reads-twice", ["SELECT 1", "SELECT 2"]),
        ("GET", "/health/live", []),
        ("GET", "/api/v1/nothing-here", []),
        ("POST", "/api/v1/changes-nothing", []),
        (
            "POST",
            "/api/v1/changes",
            ["BEGIN", "CREATE TABLE mark (id int)", "INSERT INTO mark VALUES (1)", "COMMIT"],
        ),
        ("POST", "/api/v1/fails", ["BEGIN", "CREATE TABLE never (id int)", "ROLLBACK"]),
    ],
)
async def test_a_request_sends_no_statement_that_it_does_not_need(
    database_url: str, monkeypatch: pytest.MonkeyPatch, method: str, path: str, expected: list[str]
) -> None:
    settings = settings_for(database_url, rate_limit_reads=600, rate_limit_writes=600)
    async with running(settings, *HANDLERS) as (_, client):
        await client.get("/api/v1/reads-twice")  # a connection is there, and knows its types
        async with listened(monkeypatch) as sent:
            await client.request(method, path)
    # Who acts is said in the message that begins.
    assert [text.partition(";")[0] for text in sent] == expected


async def test_who_shows_a_key_is_found_by_one_statement(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await api_key(db)
    async with running(settings_for(database_url), *HANDLERS) as (app, _), client_of(app) as client:
        client.headers.update(bearer(key))
        await client.get("/api/v1/needs-none")
        async with listened(monkeypatch) as sent:
            assert (await client.get("/api/v1/needs-none")).json() == {"unused": True}
    assert ["api_key" in text for text in sent] == [True]


async def test_a_read_is_repeated_where_its_connection_is_found_dead(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url, pool_size=3), *HANDLERS) as (_, client):
        assert (await client.get("/api/v1/reads-twice")).json() == {"sum": 3}
        async with db.transaction() as tx:
            gone = await tx.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert gone >= 1
        assert (await client.get("/api/v1/reads-twice")).json() == {"sum": 3}


async def test_reads_have_no_savepoint_for_they_undo_nothing(db: Database) -> None:
    async with db.reading() as tx:
        with pytest.raises(RuntimeError):
            async with tx.savepoint():
                pass


async def test_a_refused_change_leaves_nothing(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url), *HANDLERS) as (_, client):
        assert (await client.post("/api/v1/fails")).status_code == 404
        assert (await client.post("/api/v1/changes")).status_code == 201
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT to_regclass('never')") is None
        assert await tx.fetchval("SELECT count(*) FROM mark") == 1
