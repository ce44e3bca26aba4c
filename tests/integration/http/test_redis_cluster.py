"""Limits in a Redis Cluster of real servers, with TLS and a password: keys on all nodes, keys that move,
nodes that die, hang, are flushed or replaced, while guests go on."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from redis import RedisCluster

from hotel_booking.core.environment import read_settings
from hotel_booking.http.limits import Allowance, MemoryLimiter, RedisLimiter
from tests.clients.command_line import command
from tests.clients.http_client import running, settings_for
from tests.clients.redis_cluster import PASSWORD, LocalRedisCluster, redis_cluster
from tests.clients.waiting import until

SLOW = Allowance(burst=3, per_second=0.001)
MANY = 60  # buckets: none of three nodes is without some


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRedisCluster]:
    with redis_cluster(tmp_path_factory.mktemp("redis")) as cluster:
        yield cluster


@pytest.fixture
def nodes(shared: LocalRedisCluster) -> LocalRedisCluster:
    """It, empty."""
    flush(shared)
    return shared


def flush(nodes: LocalRedisCluster) -> None:
    """FLUSHDB on every node that takes it."""
    for node in nodes.nodes:
        with node.client() as client:
            if client.info("replication")["role"] == "master":
                client.flushdb()


@asynccontextmanager
async def limiter_of(url: str) -> AsyncIterator[RedisLimiter]:
    """One that has reached all nodes."""
    async with RedisLimiter.open(url, MemoryLimiter()) as limiter:
        await until(lambda: limiter.answers(within=5))
        yield limiter


async def spend(limiter: RedisLimiter, times: int = 1) -> int:
    """Take from each bucket; how often it was allowed."""
    allowed = 0
    for _ in range(times):
        for number in range(MANY):
            allowed += (await limiter.take(f"{number}", SLOW)).allowed
    return allowed


async def test_processes_share_buckets_that_lie_on_all_nodes(nodes: LocalRedisCluster) -> None:
    async with limiter_of(nodes.url) as one, limiter_of(nodes.url) as other:
        assert await spend(one, 2) + await spend(other, 2) == 3 * MANY
    held = nodes.keys("hotel-booking:limit:*")
    assert all(held)
    assert sum(map(len, held)) == MANY


async def test_elasticache_s_settings_are_an_address_a_password_and_tls(
    nodes: LocalRedisCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = nodes.environment()
    monkeypatch.setenv("SSL_CERT_FILE", environ["SSL_CERT_FILE"])
    settings = read_settings({"HOTEL_ENVIRONMENT": "test", "DATABASE_URL": "postgresql://x/x"} | environ)
    assert settings.redis_url is not None
    async with limiter_of(settings.redis_url) as limiter:
        assert await spend(limiter) == MANY
    assert sum(map(len, nodes.keys("hotel-booking:limit:*"))) == MANY
    for wrong in ({"REDIS_PASSWORD": "no"}, {"REDIS_TLS": "false"}, {"REDIS_PASSWORD": ""}):
        refused = read_settings(
            {"HOTEL_ENVIRONMENT": "test", "DATABASE_URL": "postgresql://x/x"} | environ | wrong
        )
        assert refused.redis_url is not None
        async with RedisLimiter.open(refused.redis_url, MemoryLimiter()) as limiter:
            assert not await limiter.answers(within=5), wrong


async def test_a_bucket_is_followed_to_where_its_slot_moves(nodes: LocalRedisCluster) -> None:
    async with limiter_of(nodes.url) as limiter:
        assert await spend(limiter) == MANY
        moving = asyncio.create_task(asyncio.to_thread(nodes.move, 300, *nodes.nodes[:2]))
        while not moving.done():  # MOVED and ASK, meanwhile: nobody is refused for it
            assert (await limiter.take("somebody", Allowance(100_000, 1000))).allowed
            assert await limiter.answers(within=5)
        await moving
        assert await spend(limiter, 3) == 2 * MANY
    await asyncio.to_thread(nodes.move, 300, nodes.nodes[1], nodes.nodes[0])


def test_clearing_removes_ours_on_every_node_and_nothing_else(nodes: LocalRedisCluster) -> None:
    with nodes.nodes[0].client() as client:
        assert client.info("cluster")["cluster_enabled"] == 1
    with RedisCluster.from_url(nodes.url) as client:
        for number in range(1500):
            client.set(f"hotel-booking:limit:{number}", "1")
        for number in range(30):
            client.set(f"somebody:{number}", "1")
    assert all(nodes.keys("hotel-booking:*"))
    result = command("cache", "clear", seconds=60, **nodes.environment())
    assert (result.returncode, result.stdout) == (0, "1,500 keys were removed.\n"), result.stderr
    assert nodes.keys("hotel-booking:*") == [set()] * len(nodes.nodes)
    assert sum(map(len, nodes.keys("somebody:*"))) == 30
    assert command("cache", "clear", REDIS_URL=nodes.url).stdout == "0 keys were removed.\n"
    wrong = command("cache", "clear", seconds=60, **nodes.environment() | {"REDIS_PASSWORD": "no"})
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)
    wrong = command("cache", "clear", REDIS_URL=nodes.url.replace("/0?", "/3?"))
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


async def guests(client: httpx.AsyncClient, stop: asyncio.Event) -> list[int]:
    """What guests of many addresses are answered until it is enough."""
    codes: list[int] = []
    while not stop.is_set():
        codes += [answer.status_code for answer in await asyncio.gather(*(look(client) for _ in range(3)))]
        await asyncio.sleep(0.02)
    return codes


async def look(client: httpx.AsyncClient) -> httpx.Response:
    return await client.get("/api/v1/places", params={"q": "Par"})


@pytest.mark.postgresql
@pytest.mark.nightly
async def test_flushing_under_load_costs_nobody_a_request(
    nodes: LocalRedisCluster, database_url: str
) -> None:
    settings = settings_for(
        database_url, redis_url=nodes.url, rate_limit_reads=100_000, rate_limit_writes=1000
    )
    async with running(settings) as (app, client):
        assert (await look(client)).status_code == 200
        stop = asyncio.Event()
        going = asyncio.create_task(guests(client, stop))
        for _ in range(5):
            await asyncio.to_thread(flush, nodes)
        # The line that the runbook was planned with, on each node as on one.
        for node in nodes.nodes:
            done = await asyncio.create_subprocess_exec(
                *("redis-cli", "--tls", "--cacert", nodes.certificate, "-p", str(node.port), "FLUSHDB"),
                env={"REDISCLI_AUTH": PASSWORD, "PATH": "/usr/bin:/bin"},
                stdout=subprocess.PIPE,
            )
            assert (await done.communicate())[0] == b"OK\n"
        cleared = await asyncio.to_thread(command, "cache", "clear", REDIS_URL=nodes.url)
        assert cleared.returncode == 0, cleared.stderr
        assert await app.state.limiter.answers(within=5)
        stop.set()
        codes = await going
        assert codes
        assert set(codes) == {200}


@pytest.mark.postgresql
@pytest.mark.parametrize(
    "hangs", [pytest.param(True, marks=pytest.mark.nightly), False], ids=["hangs", "dies"]
)
async def test_with_a_node_away_guests_are_served_and_it_says_that_it_is_degraded(
    tmp_path_factory: pytest.TempPathFactory, database_url: str, *, hangs: bool
) -> None:
    with redis_cluster(tmp_path_factory.mktemp("redis")) as cluster:
        settings = settings_for(
            database_url, redis_url=cluster.url, rate_limit_reads=100_000, rate_limit_writes=1000
        )
        async with running(settings) as (_, client):

            async def checked(word: str) -> bool:
                answer = await client.get("/health/ready")
                return answer.status_code == 200 and answer.json()["checks"]["redis"] == word

            await until(lambda: checked("ok"))
            lost = cluster.nodes[2]
            if hangs:
                lost.stop(True)
            else:
                lost.kill()
            stop = asyncio.Event()
            going = asyncio.create_task(guests(client, stop))
            await until(lambda: checked("unreachable"))
            failed = await asyncio.to_thread(command, "cache", "clear", REDIS_URL=cluster.url)
            assert (failed.returncode, failed.stderr.count("\n")) == (2, 1), failed.stderr
            await asyncio.to_thread(lost.stop, False) if hangs else await asyncio.to_thread(lost.start)
            await until(lambda: checked("ok"))
            stop.set()
            codes = await going
            assert codes
            assert set(codes) == {200}


@pytest.mark.nightly
async def test_after_a_failover_the_replica_keeps_the_buckets(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with redis_cluster(tmp_path_factory.mktemp("redis")) as cluster:
        # Of the node that the settings name, too.
        replica = await asyncio.to_thread(cluster.replicate, cluster.nodes[0])
        async with limiter_of(cluster.url) as limiter, limiter_of(cluster.url) as other:
            assert await spend(limiter, 3) == 3 * MANY
            with replica.client() as client:
                await until(lambda: client.dbsize() > 10)
            await asyncio.to_thread(cluster.nodes[0].kill)
            with replica.client() as client:
                await until(lambda: client.info("replication")["role"] == "master")
            await until(lambda: other.answers(within=2))
            # The buckets are as empty as they were, and the new node has learned the script.
            assert await spend(other) == 0
