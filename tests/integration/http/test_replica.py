"""Reads of a real replica, made by pg_basebackup: it streams, stands still, lags, is away, or has gone its
own way; and whatever it does, the search index is the primary's and no sale is decided by it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import psycopg
import pytest
from prometheus_client import REGISTRY

from hotel_booking.core.clock import utc_now
from hotel_booking.core.config import Settings
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.replica import Replica, ReplicaBehind
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.search.index.follow import Follower
from hotel_booking.domains.search.index.load import load
from hotel_booking.ops.embedded import Cluster, throwaway
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import signed_in
from tests.clients.standby import pause, standby, streams, value
from tests.clients.waiting import until, wait_until
from tests.databases import SETTINGS, chained, copied, placed_without_names
from tests.factories.search_index import told

pytestmark = pytest.mark.postgresql
PRICES = "UPDATE rate_night SET price = price + 100 WHERE night = current_date + ($1::int % 300)"


class Two:
    """A database on the primary and on its replica."""

    def __init__(self, cluster: Cluster, replica: Cluster, url: str) -> None:
        self.cluster, self.replica, self.url = cluster, replica, url
        self.name = url.partition("@/")[2].partition("?")[0]
        self.read_url = replica.url(self.name)

    def settings(self, **changes: Any) -> Settings:
        return settings_for(self.url, read_database_url=self.read_url, mfa_required=False, **changes)


@pytest.fixture(scope="module")
def servers(cluster: Cluster) -> Iterator[tuple[Cluster, Cluster]]:
    with throwaway(SETTINGS) as primary:
        placed_without_names(primary, cluster)
        chained(primary, "template_chain", properties=3)
        with standby(primary) as replica:
            yield primary, replica


@pytest.fixture
def two(servers: tuple[Cluster, Cluster]) -> Iterator[Two]:
    """Both, in step."""
    primary, replica = servers
    with copied(primary, "template_chain") as url:
        both = Two(primary, replica, url)
        wait_until(lambda: replica.has_database(both.name))
        yield both


@asynccontextmanager
async def replica_of(two: Two, *, lag: float = 60) -> AsyncIterator[tuple[Database, Replica]]:
    async with (
        Database.open(two.url, size=5) as primary,
        Replica.open(primary, two.settings(read_lag_seconds=lag)) as replica,
    ):
        assert replica is not None
        yield primary, replica


def reads() -> dict[str, float]:
    """How many were answered by whom, until now."""
    return {
        by: REGISTRY.get_sample_value("hotel_booking_replica_reads_total", {"by": by}) or 0
        for by in ("replica", "primary")
    }


async def where(tx: Transaction) -> str:
    """Who answers."""
    return "replica" if await tx.fetchval("SELECT pg_is_in_recovery()") else "primary"


async def changing(primary: Database, stop: asyncio.Event) -> None:
    """Prices change, in a transaction each; some of them take longer, so that later ones commit before."""
    number = 0

    async def one(number: int) -> None:
        async with primary.transaction() as tx:
            await tx.execute(PRICES, number)
            await asyncio.sleep(0.3 if number % 3 == 0 else 0)

    async with asyncio.TaskGroup() as group:
        while not stop.is_set():
            number += 1
            group.create_task(one(number))
            await asyncio.sleep(0.1)


@pytest.mark.nightly
async def test_an_index_loaded_of_a_replica_that_lags_becomes_the_primary_s(two: Two, tmp_path: Path) -> None:
    """What it reads is a second old, while prices change; what changed since is followed on the primary."""
    with psycopg.connect(two.read_url, autocommit=True) as admin:
        admin.execute("ALTER SYSTEM SET recovery_min_apply_delay = '1s'")
        admin.execute("SELECT pg_reload_conf()")
        try:
            async with replica_of(two) as (primary, replica):
                stop = asyncio.Event()
                task = asyncio.create_task(changing(primary, stop))
                await asyncio.sleep(1.5)
                before = [row["price"] for row in await prices(primary)]
                writer = await load(primary, tmp_path / "1", now=utc_now(), replica=replica)
                stop.set()
                await task
                assert [row["price"] for row in await prices(primary)] != before
                now = utc_now()
                whole = told((await load(primary, tmp_path / "2", now=now)).arrays)
                assert told(writer.arrays) != whole, "it was not read of the replica"
                follower = Follower(primary, writer)
                assert await follower.follow(now) > 0
                assert told(writer.arrays) == whole
        finally:
            admin.execute("ALTER SYSTEM RESET recovery_min_apply_delay")
            admin.execute("SELECT pg_reload_conf()")


async def test_nothing_that_is_loaded_is_read_of_the_primary(two: Two, tmp_path: Path) -> None:
    """Whoever loads may not read there what is for sale, so one statement too many would be refused."""
    closed = "property, room_type, rate_plan, room_night, rate_night, exchange_rate"
    with psycopg.connect(two.url, autocommit=True) as admin:
        admin.execute("CREATE ROLE loader LOGIN")
        try:
            admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO loader")
            admin.execute(f"REVOKE SELECT ON {closed} FROM loader")
            await until(lambda: shown(two, "SELECT true FROM pg_roles WHERE rolname = 'loader'"))
            as_loader = re.sub("//[^@]*@", "//loader@", two.url)
            async with (
                Database.open(two.url, size=2) as primary,
                Database.open(as_loader, size=2) as loader,
                Replica.open(loader, two.settings(read_lag_seconds=60)) as replica,
            ):
                assert replica is not None
                writer = await load(loader, tmp_path / "1", now=utc_now(), replica=replica)
                assert told(writer.arrays) == told(
                    (await load(primary, tmp_path / "2", now=utc_now())).arrays
                )
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await load(loader, tmp_path / "3", now=utc_now())
        finally:
            admin.execute("DROP OWNED BY loader")
            admin.execute("DROP ROLE loader")


async def shown(two: Two, question: str) -> bool:
    """Whether the replica says so already."""
    with psycopg.connect(two.read_url, autocommit=True) as replica:
        return bool((replica.execute(question).fetchone() or (False,))[0])


async def prices(primary: Database) -> Any:
    async with primary.reading() as tx:
        return await tx.fetch("SELECT price FROM rate_night ORDER BY room_type_id, rate_plan_id, night")


@pytest.mark.nightly
async def test_what_was_committed_before_a_beat_is_read_with_it(two: Two) -> None:
    async with replica_of(two) as (primary, replica):
        for number in range(20):
            async with primary.transaction() as tx:
                await tx.execute("UPDATE property SET stars = $1", number % 5 + 1)
            async with replica.since(await replica.beat(), within=30) as tx:
                assert await where(tx) == "replica"
                assert await tx.fetchval("SELECT max(stars) FROM property") == number % 5 + 1


@asynccontextmanager
async def serving(two: Two, folder: Path, **changes: Any) -> AsyncIterator[tuple[Any, httpx.AsyncClient]]:
    async with running(
        two.settings(search_index=True, search_index_dir=str(folder), search_index_poll_ms=20, **changes)
    ) as (app, client):
        await until(lambda: app.state.search_index.current(utc_now()) is not None)
        yield app, client


async def right(app: Any, two: Two, folder: Path) -> bool:
    """Whether the index says what the primary does."""
    async with Database.open(two.url, size=2) as primary:
        writer = await load(primary, folder / "compared", now=utc_now())
    view = app.state.search_index.current(utc_now())
    return view is not None and told(view.arrays) == told(writer.arrays)


async def test_the_server_s_index_is_read_of_the_replica_and_right(two: Two, tmp_path: Path) -> None:
    before = reads()
    async with serving(two, tmp_path / "index", read_lag_seconds=30) as (app, _):
        assert reads() == {"replica": before["replica"] + 1, "primary": before["primary"]}
        async with app.state.database.transaction() as tx:
            await tx.execute(PRICES, 7)
        await until(lambda: right(app, two, tmp_path))


@pytest.mark.parametrize(
    "state",
    [
        "paused",
        pytest.param("stopped", marks=pytest.mark.nightly),
        pytest.param("gone its own way", marks=pytest.mark.nightly),
    ],
)
async def test_without_a_usable_replica_the_index_is_read_of_the_primary(
    two: Two, tmp_path: Path, state: str
) -> None:
    before = reads()
    with away(two, state) as changed:
        async with serving(changed, tmp_path / "index", read_lag_seconds=1) as (app, _):
            assert reads() == {"replica": before["replica"], "primary": before["primary"] + 1}
            assert await right(app, two, tmp_path)


@contextmanager
def away(two: Two, state: str) -> Iterator[Two]:
    """With a replica that is paused or stopped, or with another one that was promoted."""
    if state == "paused":
        pause(two.read_url, paused=True)
        yield two
    elif state == "stopped":
        two.replica.stop()
        try:
            yield two
        finally:
            two.replica.start()
    else:
        with standby(two.cluster) as other:
            with psycopg.connect(other.url("postgres"), autocommit=True) as connection:
                connection.execute("SELECT pg_promote()")
            yield Two(two.cluster, other, two.url)


@pytest.fixture(autouse=True)
def _no_leftovers(servers: tuple[Cluster, Cluster]) -> Iterator[None]:
    yield
    primary, replica = servers
    pause(replica.url("postgres"), paused=False)
    wait_until(lambda: streams(primary))


@pytest.mark.nightly
async def test_reports_are_of_the_replica_within_the_limit_and_of_the_primary_beyond(two: Two) -> None:
    async with replica_of(two, lag=2) as (_primary, replica):
        assert await replica.read(where) == "replica"
        pause(two.read_url, paused=True)
        assert await replica.read(where) == "replica", "what it showed is not too old yet"
        await asyncio.sleep(2.5)
        assert await replica.read(where) == "primary"
        pause(two.read_url, paused=False)
    async with replica_of(two, lag=2) as (_primary, replica):
        assert await replica.read(where) == "replica"


@pytest.mark.nightly
async def test_a_query_that_the_replica_ends_is_answered_by_the_primary(two: Two) -> None:
    """As it does where its replay has to go on."""
    async with replica_of(two) as (_primary, replica):

        async def slow(tx: Transaction) -> str:
            found = await where(tx)
            if found == "replica":
                await tx.fetchval("SELECT pg_terminate_backend(pg_backend_pid())")
            return found

        async def cancelled(tx: Transaction) -> str:
            found = await where(tx)
            if found == "replica":
                await tx.fetchval("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(5)")
            return found

        assert await replica.read(slow) == "primary"
        assert await replica.read(cancelled) == "primary"


@pytest.mark.nightly
async def test_a_replica_answers_again_after_it_was_away(two: Two) -> None:
    async with replica_of(two, lag=1) as (_primary, replica):
        two.replica.stop()
        with pytest.raises(Exception, match=r".") as raised:
            async with replica.since(await replica.beat(), within=0.2):
                pass
        assert not isinstance(raised.value, asyncpg.InternalClientError)
        with psycopg.connect(two.url, autocommit=True) as admin:
            for _ in range(2):  # what it missed is in segments that a primary would not keep for itself
                admin.execute("SELECT pg_switch_wal()")
                admin.execute("CHECKPOINT")
        two.replica.start()
        beat = await replica.beat()
        async with replica.since(beat, within=30) as tx:
            assert await where(tx) == "replica"
        pause(two.read_url, paused=True)
        with pytest.raises(ReplicaBehind):
            async with replica.since(await replica.beat(), within=0.2):
                pass


@pytest.mark.nightly
async def test_the_group_s_day_is_read_of_the_replica_and_the_desk_s_of_the_primary(two: Two) -> None:
    async with (
        running(two.settings(read_lag_seconds=300)) as (app, _),
        Database.open(two.url, size=2) as primary,
        signed_in(app, primary, (Role.OWNER, None)) as owner,
    ):
        before = reads()
        async with primary.reading() as tx:
            slug = await tx.fetchval("SELECT slug FROM property ORDER BY id LIMIT 1")
        assert (await owner.get("/admin/today")).status_code == 200
        assert reads()["replica"] == before["replica"] + 1
        assert (await owner.get("/admin/today", params={"property": slug})).status_code == 200
        assert reads()["replica"] == before["replica"] + 1
        two.replica.stop()
        try:
            page = await owner.get("/admin/today")
            assert page.status_code == 200
            assert re.search("arriv", page.text, re.IGNORECASE)
            assert reads()["primary"] == before["primary"] + 1
        finally:
            two.replica.start()


async def test_a_stale_replica_sells_nothing(two: Two) -> None:
    """Rooms that were sold after it stood still are sold for quotes, holds and searches."""
    async with running(two.settings(read_lag_seconds=300)) as (app, client):
        pause(two.read_url, paused=True)
        async with app.state.database.transaction() as tx:
            slug = await tx.fetchval("SELECT slug FROM property ORDER BY id LIMIT 1")
            await tx.execute("UPDATE room_night SET closed = true")
        arrival = utc_now().date() + timedelta(days=30)
        stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2))}
        answer = await client.get(f"/api/v1/properties/{slug}/offers", params={"adults": 2, **stay})
        assert answer.status_code == 200, answer.text
        assert answer.json()["offers"] == []
        assert value(two.read_url, "SELECT bool_and(closed) FROM room_night") is False


async def test_commands_that_only_read_run_on_it(two: Two) -> None:
    result = await asyncio.to_thread(command, "audit-log", "verify", DATABASE_URL=two.read_url)
    assert result.returncode == 0, result.stderr
