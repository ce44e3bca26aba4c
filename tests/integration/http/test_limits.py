"""Token buckets: in memory, in Redis, and while Redis is gone. Time is passed in, or not needed."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from hotel_booking.core.db import Database
from hotel_booking.core.redis_link import RedisLink
from hotel_booking.http.client_address import Proxies, limited_as, networks
from hotel_booking.http.limits import Allowance, MemoryLimiter, RedisLimiter
from tests.clients.http_client import (
    api_key,
    bearer,
    client_of,
    running,
    settings_for,
)

SLOW = Allowance(burst=3, per_second=0.001)


class Clock:
    """Seconds that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """HOTEL_TEST_REDIS_URL, or a redis-server of our own."""
    given = os.environ.get("HOTEL_TEST_REDIS_URL")
    if given:
        yield given
        return
    server = shutil.which("redis-server")
    if server is None:
        pytest.skip("no Redis: set HOTEL_TEST_REDIS_URL or install redis-server")
    folder: Path = tmp_path_factory.mktemp("redis")
    path = folder / "redis.sock"
    process = subprocess.Popen(
        [server, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", str(folder)],
        stdout=subprocess.DEVNULL,
    )
    try:
        while not _answers(path):
            assert process.poll() is None, "redis-server did not start"
        yield f"unix://{path}"
    finally:
        process.terminate()
        process.wait()


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


async def test_a_bucket_empties_and_refills() -> None:
    clock = Clock()
    limiter = MemoryLimiter(clock)
    allowance = Allowance(burst=3, per_second=0.5)
    verdicts = [await limiter.take("a", allowance) for _ in range(4)]
    assert [(v.allowed, v.left) for v in verdicts] == [(True, 2), (True, 1), (True, 0), (False, 0)]
    assert verdicts[-1].retry_after == 2
    assert (await limiter.take("b", allowance)).allowed
    clock.now = 1.9
    assert not (await limiter.take("a", allowance)).allowed
    clock.now = 2.0
    assert (await limiter.take("a", allowance)).allowed
    clock.now = 1e9
    assert (await limiter.take("a", allowance)).left == 2


async def test_looking_costs_nothing() -> None:
    limiter = MemoryLimiter(Clock())
    for _ in range(10):
        assert (await limiter.take("a", SLOW, cost=0)).allowed
    for _ in range(3):
        await limiter.take("a", SLOW)
    assert not (await limiter.take("a", SLOW, cost=0)).allowed


async def test_redis_shares_a_bucket_between_processes(redis: Redis, redis_url: str) -> None:
    links = [RedisLink(redis_url), RedisLink(redis_url)]
    limiters = [RedisLimiter(link, MemoryLimiter()) for link in links]
    verdicts = await asyncio.gather(*(limiters[i % 2].take("a", SLOW) for i in range(20)))
    assert sum(verdict.allowed for verdict in verdicts) == 3
    assert all(verdict.retry_after > 0 for verdict in verdicts if not verdict.allowed)
    assert await redis.ttl("hotel-booking:limit:a") > 0
    await redis.flushdb()  # what the runbook does: costs nobody a request
    assert (await limiters[0].take("a", SLOW)).allowed
    for link in links:
        await link.close()


async def test_without_redis_the_memory_takes_over() -> None:
    nowhere = RedisLink("redis://127.0.0.1:1/0")
    limiter = RedisLimiter(nowhere, MemoryLimiter())
    verdicts = [await limiter.take("a", SLOW) for _ in range(4)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    await nowhere.close()


async def test_too_many_requests_are_told_when_to_come_back(db: Database, database_url: str) -> None:
    settings = settings_for(database_url, rate_limit_reads=3, rate_limit_writes=2)
    async with running(settings) as (app, client):
        key = bearer(await api_key(db))
        for left in (2, 1, 0):
            answer = await client.get("/api/v1/keys", headers=key)
            assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (200, str(left))
        answer = await client.get("/api/v1/keys", headers=key)
        assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
        assert 1 <= int(answer.headers["retry-after"]) <= 20
        assert [answer.headers[f"ratelimit-{part}"] for part in ("limit", "remaining")] == ["3", "0"]
        # Writes, other keys, other addresses and the probes are counted apart.
        assert (await client.post("/api/v1/keys", json={}, headers=key)).status_code == 400
        assert (await client.get("/api/v1/keys", headers=bearer(await api_key(db)))).status_code == 200
        assert (await client.get("/api/v1/keys")).status_code == 401
        for _ in range(5):
            assert (await client.get("/health/ready")).status_code == 200
        async with client_of(app, address="203.0.113.8") as elsewhere:
            assert (await elsewhere.get("/api/v1/keys")).status_code == 401


async def test_trying_keys_is_slowed_down_and_locks_no_good_key_out(db: Database, database_url: str) -> None:
    """A stale key polls from an address that good keys share."""
    settings = settings_for(database_url, rate_limit_reads=1000, rate_limit_writes=1000)
    async with running(settings) as (_, client):
        good = bearer(await api_key(db))
        stale = bearer("hbk_" + "x" * 43)
        for left in reversed(range(20)):
            answer = await client.get("/api/v1/keys", headers=stale)
            assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (401, str(left))
        for _ in range(3):
            answer = await client.get("/api/v1/keys", headers=stale)
            assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
            assert 1 <= int(answer.headers["retry-after"]) <= 5
            assert answer.headers["ratelimit-limit"] == "20"
            assert answer.headers["ratelimit-remaining"] == "0"
            assert int(answer.headers["ratelimit-reset"]) > 0
            assert (await client.get("/api/v1/keys", headers=good)).status_code == 200
        guest = bearer("a-guest-s-token")
        assert (await client.get("/api/v1/bookings/K7M2-9QXD", headers=guest)).status_code == 404


async def test_an_idempotent_replay_is_limited_too(db: Database, database_url: str) -> None:
    settings = settings_for(database_url, rate_limit_reads=9, rate_limit_writes=2)
    async with running(settings) as (_, client):
        headers = bearer(await api_key(db)) | {"Idempotency-Key": "one"}
        body = {"name": "x", "scopes": ["all"]}
        codes = [
            (await client.post("/api/v1/keys", json=body, headers=headers)).status_code for _ in range(3)
        ]
    assert codes == [201, 201, 429]


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # an untrusted peer is never believed
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["nonsense, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("::ffff:10.0.0.1", ["[2001:db8::1]:443"], "2001:db8::1"),
        ("10.0.0.1", ["198.51.100.1:55555"], "198.51.100.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_the_address_is_the_first_hop_that_is_not_ours(
    peer: str, forwarded: list[str], expected: str
) -> None:
    scope = {
        "client": (peer, 1) if peer else None,
        "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded],
    }
    # A scope of headers alone.
    assert Proxies(networks(["10.0.0.0/8"])).client_address(scope) == expected  # type: ignore[arg-type]


def test_an_ipv6_customer_is_one_caller() -> None:
    assert limited_as("2001:db8:1:2::1") == limited_as("2001:db8:1:2:ffff::9")
    assert limited_as("2001:db8:1:2::1") != limited_as("2001:db8:1:3::1")
    assert limited_as("198.51.100.1") == "198.51.100.1"
