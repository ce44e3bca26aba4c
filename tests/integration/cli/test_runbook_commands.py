"""What the runbook has operators run does what it says, and nothing besides."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import psycopg
from redis.asyncio import Redis

from hotel_booking.core.db import Database
from hotel_booking.domains.incidents.checklists import CHECKLISTS, END_LONG_QUERIES, LONG_QUERIES, command_of
from tests.clients.command_line import command
from tests.clients.http_client import settings_for
from tests.integration.http.test_limits import redis_url as redis_url  # a fixture

# The line that the runbook was planned with.
PLANNED = (
    "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query_start < now() - interval '5 minutes'"
)


def aged(sql: str) -> str:
    """The statement, as it would be five minutes from now."""
    return sql.replace("interval '5 minutes'", "interval '0 seconds'")


@asynccontextmanager
async def replica(url: str) -> AsyncIterator[int]:
    """A replica that streams; the process that serves it."""
    connection = psycopg.connect(f"{url}{'&' if '?' in url else '?'}replication=true", autocommit=True)
    try:
        where = connection.pgconn.exec_(b"IDENTIFY_SYSTEM").get_value(0, 2)
        assert where is not None
        started = connection.pgconn.exec_(b"START_REPLICATION PHYSICAL " + where)
        assert started.status == psycopg.pq.ExecStatus.COPY_BOTH
        yield connection.pgconn.backend_pid
    finally:
        connection.close()


async def test_ending_long_queries_spares_replicas_which_the_planned_line_did_not(
    db: Database, database_url: str
) -> None:
    reader = await asyncpg.connect(database_url)
    sleeping = asyncio.create_task(reader.execute("SELECT pg_sleep(60)"))
    async with replica(database_url) as sender, db.reading() as tx:
        while True:
            active = {
                row["pid"]: row["backend_type"]
                for row in await tx.fetch(
                    "SELECT pid, backend_type FROM pg_stat_activity WHERE state = 'active'"
                )
            }
            if {sender, reader.get_server_pid()} <= active.keys():
                break
            await asyncio.sleep(0.05)
        assert active[sender] == "walsender"
        planned = {row["pid"] for row in await tx.fetch(aged(PLANNED))}
        assert {sender, reader.get_server_pid()} <= planned, "it would have ended the replica's sender"
        listed = {row["pid"] for row in await tx.fetch(aged(LONG_QUERIES))}
        assert reader.get_server_pid() in listed
        assert sender not in listed
        # The clusters of tests are shared: of all others' work nothing is ended here.
        ours = aged(END_LONG_QUERIES).replace(";", f" AND pid IN ({sender}, {reader.get_server_pid()})")
        ended = {row["pid"]: row["pg_terminate_backend"] for row in await tx.fetch(ours)}
        assert ended == {reader.get_server_pid(): True}
        assert await tx.fetchval("SELECT true FROM pg_stat_activity WHERE pid = $1", sender)
    (result,) = await asyncio.gather(sleeping, return_exceptions=True)
    assert isinstance(result, asyncpg.PostgresError | asyncpg.InterfaceError | ConnectionError)


async def test_every_statement_of_the_checklists_runs(db: Database) -> None:
    found = [
        sql
        for checklist in CHECKLISTS
        for step in checklist.steps
        for command in (step.command, step.in_cluster)
        for sql in re.findall(r'psql .* -c "(.*)"', command)
    ]
    assert len(found) == 14
    async with db.reading() as tx:
        for sql in found:
            await tx.fetch(sql if "terminate" not in sql else sql.replace(";", " AND false"))


def test_in_a_cluster_the_lines_are_those_of_its_own_namespace() -> None:
    """What is copied from staging's panel must not run in production."""
    here = settings_for("postgresql://x/x", kubernetes_namespace="hotel-booking-staging")
    outside = settings_for("postgresql://x/x")
    steps = [step for checklist in CHECKLISTS for step in checklist.steps]
    typed = [command_of(step, here, {"REDIS_HOST": "cache"}) for step in steps if step.in_cluster]
    assert len(typed) > 8
    assert all(line.startswith("kubectl ") and "-n hotel-booking-staging" in line for line in typed)
    assert not any("production" in line or "$REDIS_HOST" in line for line in typed)
    assert not any("kubectl" in command_of(step, outside, {}) for step in steps)


async def test_clearing_the_cache_removes_what_is_ours_and_nothing_else(redis_url: str) -> None:
    if not redis_url.startswith("unix:"):  # one that is shared: others are counted in theirs meanwhile
        redis_url = redis_url.rpartition("/")[0] + "/15"
    async with Redis.from_url(redis_url) as redis:
        for number in range(1200):
            await redis.set(f"hotel-booking:limit:{number}", "1")
        await redis.set("somebody:else", "theirs")
        await redis.set("hotel-bookings", "theirs too")
        result = command("cache", "clear", REDIS_URL=redis_url)
        assert (result.returncode, result.stdout) == (0, "1,200 keys were removed.\n"), result.stderr
        assert sorted(await redis.keys("*")) == [b"hotel-bookings", b"somebody:else"]
        assert command("cache", "clear", REDIS_URL=redis_url).stdout == "0 keys were removed.\n"
        await redis.flushdb()


def test_a_redis_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    result = command("cache", "clear", REDIS_URL=f"unix://{tmp_path}/none.sock")
    assert result.returncode == 2
    assert result.stderr.startswith("hotel-booking: Redis cannot be asked: ")
    assert result.stderr.count("\n") == 1
    assert "no Redis" in command("cache", "clear", REDIS_URL="", REDIS_HOST="").stderr
