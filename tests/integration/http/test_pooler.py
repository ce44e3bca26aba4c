"""The web servers' requests by way of a real PgBouncer that gives each transaction another session: what
guests do at once goes through two sessions, and nothing of one is found by another."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import asyncpg
import httpx
import pytest

from hotel_booking.app import Application
from hotel_booking.bench.catalogue import catalogue_of, fill, slug
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database, Origin
from hotel_booking.integrations.smtp import DemoMailer
from hotel_booking.ops.child_processes import free_port
from hotel_booking.ops.embedded import Cluster
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for
from tests.clients.jobs import run_jobs
from tests.clients.waiting import until
from tests.databases import copied, migrated, placed, template

SESSIONS, GUESTS = 2, 8
MAILS = "SELECT count(*) FROM mail_message WHERE status = $1"
TAKEN = "SELECT sum(taken) FROM room_night"
CONFIGURATION = """
[databases]
hotel = host={socket} user={user} dbname={name}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {sessions}
query_wait_timeout = 5
"""


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def pgbouncer(cluster: Cluster, name: str, port: int = 0) -> Iterator[str]:
    """The URL of the database of this name by way of a PgBouncer with two sessions."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("no PgBouncer: install pgbouncer")
    folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
    address = urlsplit(cluster.url(name))
    user, where = address.username, parse_qs(address.query)["host"][0]
    port = port or free_port()
    # As the user that PostgreSQL runs as: it refuses to run as root, and the socket is theirs.
    owner = Path(where).stat().st_uid
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        CONFIGURATION.format(socket=where, user=user, name=name, port=port, sessions=SESSIONS)
    )
    os.chown(folder, owner, -1)
    os.chown(configuration, owner, -1)
    with (folder / "pgbouncer.log").open("wb") as log:
        process = subprocess.Popen([program, str(configuration)], stdout=log, stderr=log, user=owner)
    try:
        while not listens(port):
            assert process.poll() is None, (folder / "pgbouncer.log").read_text()
        yield f"postgresql://{user}@127.0.0.1:{port}/hotel"
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def hotels(cluster: Cluster) -> str:
    """A template with thirty hotels."""
    made = catalogue_of(30, utc_now().date())
    return template(
        cluster,
        f"template_counts_{made.first:%Y%m%d}",
        lambda url: fill(url, made, nights=90),
        base=migrated(cluster),
    )


@asynccontextmanager
async def behind_pooler(
    cluster: Cluster, **changes: Any
) -> AsyncIterator[tuple[Application, httpx.AsyncClient, str, str]]:
    """The application behind the pooler, a client of it, and the database's two addresses: direct, pooled."""
    with copied(cluster, hotels(cluster)) as direct:
        database = direct.partition("@/")[2].partition("?")[0]
        with pgbouncer(cluster, database) as pooled:
            settings = settings_for(direct, pooled_database_url=pooled, pool_size=GUESTS, **changes)
            async with running(settings) as (app, client):
                yield app, client, direct, pooled


async def stays(client: httpx.AsyncClient, number: int) -> str:
    """One guest's way: searches, is told the price, holds, pays, changes, looks, cancels."""
    arrival = (utc_now() + timedelta(days=20 + number)).date()
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2))}
    found = await client.get("/api/v1/search", params={"place": 900_000_000, "adults": 2, **stay})
    assert found.json()["results"]
    room = {"room_type": "T4", "rate_plan": "FLEX", "adults": 2, "children": []}

    async def send(path: str, body: Any, token: str = "") -> Any:
        headers = {"Idempotency-Key": f"guest-{number}-{path}"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        answer = await client.post(f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, (path, answer.text)
        return answer.json()

    quote = await send("/quotes", {"property": slug(7), **stay, "rooms": [room]})
    guest = {"given_name": "Ana", "family_name": "Silva", "email": f"ana{number}@example.com"}
    held = await send("/bookings", {"quote": quote["id"], "guest": guest})
    token, path = held["access_token"], f"/bookings/{held['reference']}"
    await send(f"{path}/payments", {"token": "tok_success"}, token)
    await send(f"{path}/amend", {"departure": str(arrival + timedelta(days=3))}, token)
    shown = await client.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {token}"})
    assert shown.json()["status"] == "confirmed"
    page = await client.get(f"/en/hotels/{slug(7)}", params={"adults": 2, **stay})
    assert page.status_code == 200
    await send(f"{path}/cancel", {}, token)
    return str(held["reference"])


async def test_guests_who_share_two_sessions_get_what_they_ask_for(cluster: Cluster) -> None:
    async with behind_pooler(cluster) as (_, client, direct, _pooled):
        known = await asyncpg.connect(direct)
        before = await known.fetchval(TAKEN)
        references = await asyncio.gather(*(stays(client, number) for number in range(GUESTS)))
        assert len(set(references)) == GUESTS
        sessions = await known.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        states = await known.fetch("SELECT status, count(*) FROM booking GROUP BY status")
        actors = await known.fetch("SELECT DISTINCT actor_kind FROM audit_entry WHERE booking_id IS NOT NULL")
        taken = await known.fetchval(TAKEN)
        await known.close()
    assert sessions <= SESSIONS
    assert [tuple(row) for row in states] == [("cancelled", GUESTS)]
    assert taken == before
    assert {row[0] for row in actors} == {"anonymous", "guest"}


async def test_what_a_transaction_sets_ends_with_it(cluster: Cluster) -> None:
    async with (
        behind_pooler(cluster) as (_, _client, _direct, pooled),
        Database.open(pooled, size=4, statement_timeout_ms=1_234, pooled=True) as database,
        Database.open(pooled, size=4, statement_timeout_ms=4_321, pooled=True) as other,
    ):
        somebody = database.acting(Origin("staff", id="7"))

        async def told(of: Database) -> tuple[str, str, str]:
            async with of.transaction() as tx:
                row = await tx.fetchrow(
                    "SELECT current_setting('statement_timeout'), current_setting('timezone'),"
                    " current_setting('hotel.origin', true)"
                )
            assert row is not None
            return tuple(row)

        for _ in range(4):
            mine, its, theirs = await asyncio.gather(told(somebody), told(database), told(other))
            assert mine == ("1234ms", "UTC", '{"kind":"staff","id":"7"}')
            assert its[:2] == ("1234ms", "UTC")
            assert theirs[:2] == ("4321ms", "UTC")
            assert not its[2]
            assert not theirs[2]


async def test_what_stands_alone_has_the_limits_too_and_meets_nobody_elses(cluster: Cluster) -> None:
    async with (
        behind_pooler(cluster) as (_, _client, _direct, pooled),
        Database.open(pooled, size=GUESTS, statement_timeout_ms=1_234, pooled=True) as database,
    ):

        async def reads(number: int) -> None:
            for turn in range(25):
                async with database.reading() as tx:
                    assert await tx.fetchval(f"SELECT $1::int + {turn}", number) == number + turn
                    assert await tx.fetchval("SELECT $1::jsonb", {"of": number}) == {"of": number}
                    assert await tx.fetchval("SELECT current_setting('statement_timeout')") == "1234ms"

        await asyncio.gather(*(reads(number) for number in range(GUESTS)))


async def test_the_index_follows_and_jobs_are_done_while_requests_share_sessions(
    cluster: Cluster, tmp_path: Path
) -> None:
    """What a guest books is off the searches of a server that knows the pooler alone, and the worker, which
    connects directly, hands its mail over."""
    async with behind_pooler(
        cluster, search_index=True, search_index_dir=str(tmp_path / "index"), search_index_poll_ms=20
    ) as (app, client, direct, _pooled):
        await until(lambda: app.state.search_index.current(utc_now()) is not None)
        followed = app.state.search_index.applied
        await stays(client, 1)
        await until(lambda: app.state.search_index.applied > followed)
        async with Database.open(direct, size=4) as database:
            async with database.reading() as tx:
                assert await tx.fetchval(MAILS, "waiting") > 0
            mailer = DemoMailer()
            await run_jobs(
                database, direct, "mail", "bookings", "payments", gateways=app.state.gateways, mailer=mailer
            )
            async with database.reading() as tx:
                assert await tx.fetchval(MAILS, "waiting") == 0
                assert await tx.fetchval(MAILS, "sent") > 0


async def test_a_pooler_that_was_restarted_serves_again(cluster: Cluster) -> None:
    with copied(cluster, hotels(cluster)) as direct:
        database = direct.partition("@/")[2].partition("?")[0]
        port = free_port()
        with ExitStack() as first:
            pooled = first.enter_context(pgbouncer(cluster, database, port=port))
            settings = settings_for(direct, pooled_database_url=pooled, pool_size=GUESTS)
            async with running(settings) as (_, client):
                await stays(client, 1)
                first.close()
                away = await client.get(f"/api/v1/properties/{slug(7)}")
                assert away.status_code == 503
                assert "retry-after" in away.headers
                with pgbouncer(cluster, database, port=port):
                    await stays(client, 2)


def test_what_needs_sessions_of_its_own_refuses_a_pooler(cluster: Cluster) -> None:
    # With the places in it: to load them is not what this is about.
    with (
        copied(cluster, placed(cluster)) as direct,
        pgbouncer(cluster, direct.partition("@/")[2].partition("?")[0]) as pooled,
    ):
        for words in (("migrate",), ("migrate", "--check"), ("worker",), ("serve",), ("invariants", "check")):
            refused = command(*words, DATABASE_URL=pooled, HOTEL_ENVIRONMENT="demo", HOTEL_METRICS_PORT="0")
            assert refused.returncode == 2, words
            assert "HOTEL_POOLED_DATABASE_URL" in refused.stderr, words
            assert refused.stderr.count("\n") == 1, refused.stderr
        done = command("migrate", DATABASE_URL=direct, HOTEL_POOLED_DATABASE_URL=pooled)
        assert done.returncode == 0, done.stderr
