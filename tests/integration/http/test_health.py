"""What load balancers are told, whatever hangs, is gone, or is of another release."""

from __future__ import annotations

import asyncio
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from hotel_booking.core.db import Database
from hotel_booking.core.pulse import NoPulse, Pulse
from hotel_booking.core.schema import NEWEST, OLDEST
from tests.clients.http_client import running, settings_for
from tests.clients.waiting import until
from tests.doubles.wire import Wire

pytestmark = pytest.mark.postgresql


async def ready(client: httpx.AsyncClient) -> tuple[int, dict[str, Any]]:
    answer = await client.get("/health/ready")
    return answer.status_code, answer.json()


async def set_schema(db: Database, revision: str) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE alembic_version SET version_num = $1", revision)


async def test_ready_says_what_was_checked_and_takes_one_statement(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url)) as (app, client):
        assert await ready(client) == (
            200,
            {"status": "ok", "mode": "normal", "checks": {"database": "ok", "schema": NEWEST}},
        )
        assert (await client.get("/health/live")).json() == {"status": "ok", "checks": {}}
        # Neither takes a connection that guests could have: however many hold them all, it is ready.
        async with asyncio.timeout(20):
            works = [app.state.database.work() for _ in range(app.state.database.size)]
            for work in works:
                await work.begin()
            assert (await ready(client))[0] == 200
            for work in works:
                await work.undo()
        async with db.transaction() as tx:
            asked = await tx.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hotel-booking health'"
                " AND datname = current_database()"
            )
        assert asked == 1


async def test_maintenance_is_told_and_keeps_nobody_out(database_url: str) -> None:
    async with running(settings_for(database_url, mode="maintenance")) as (_, client):
        status, body = await ready(client)
    assert (status, body["status"], body["mode"]) == (200, "ok", "maintenance")


async def test_a_window_of_maintenance_is_told_while_it_lasts(db: Database, database_url: str) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO maintenance_window"
            " (starts_at, ends_at, title, body, components, created_at, updated_at)"
            " VALUES (now(), now() + interval '1 hour', 'a', 'b', '{site}', now(), now())"
        )
    async with running(settings_for(database_url)) as (app, client):
        await until(lambda: app.state.mode == "maintenance")
        status, body = await ready(client)
    assert (status, body["status"], body["mode"]) == (200, "ok", "maintenance")


async def test_a_schema_of_the_next_release_is_fine_and_one_too_old_is_not(
    db: Database, database_url: str
) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for revision, status in ((OLDEST, 200), (NEWEST, 200), ("9999", 200), ("0001", 503)):
            await set_schema(db, revision)
            found, body = await ready(client)
            assert (found, revision in body["checks"]["schema"]) == (status, True), revision
            assert body["status"] == ("ok" if status == 200 else "unavailable")
        async with db.transaction() as tx:
            await tx.execute("DROP TABLE alembic_version CASCADE")
        assert (await ready(client))[0] == 503


async def test_a_database_that_hangs_is_told_in_time_and_it_is_ready_again_after(database_url: str) -> None:
    at = urlsplit(database_url)
    folder = parse_qs(at.query)["host"][0]
    async with Wire.to(f"{folder}/.s.PGSQL.5432") as wire:
        through = f"postgresql://{at.username}@127.0.0.1:{wire.port}{at.path}"
        async with running(settings_for(through)) as (_, client):
            assert (await ready(client))[0] == 200
            wire.silent(True)
            for _ in range(2):  # on the connection that it has, and on one that it would make
                async with asyncio.timeout(5):
                    assert await ready(client) == (
                        503,
                        {"status": "unavailable", "mode": "normal", "checks": {"database": "unreachable"}},
                    )
                    assert (await client.get("/health/live")).status_code == 200
            async with asyncio.timeout(5):  # many at once wait for the same, and none after the other
                assert {found for found, _ in await asyncio.gather(*(ready(client) for _ in range(10)))} == {
                    503
                }
            wire.silent(False)
            assert (await ready(client))[0] == 200


async def test_a_server_that_takes_connections_and_says_nothing_gives_no_pulse() -> None:
    async with Wire.to("/nothing listens here") as wire:
        wire.silent(True)
        async with Pulse.kept(f"postgresql://nobody@127.0.0.1:{wire.port}/none") as pulse:
            began = time.monotonic()
            with pytest.raises(NoPulse):
                await pulse.ask("SELECT 1", within=0.2)
            assert time.monotonic() - began < 5  # not for ever


async def test_without_redis_it_is_degraded_and_ready(database_url: str) -> None:
    async with Wire.to("/nothing listens here") as silent, Wire.to("/nothing listens here") as gone:
        silent.silent(True)
        for port in (silent.port, gone.port):
            settings = settings_for(
                database_url,
                redis_url=f"redis://127.0.0.1:{port}/0",
                rate_limit_reads=1000,
                rate_limit_writes=1000,
            )
            async with running(settings) as (_, client), asyncio.timeout(5):
                status, body = await ready(client)
            assert (status, body["status"], body["checks"]["redis"]) == (200, "degraded", "unreachable")


async def test_who_drains_gets_no_more_requests(database_url: str) -> None:
    async with running(settings_for(database_url)) as (app, client):
        app.state.draining = True
        assert await ready(client) == (503, {"status": "draining", "mode": "normal", "checks": {}})
