"""The primary dies while guests book, and its replica is promoted: the application, which was told of both,
goes on without a restart; with commits that wait for the replica, no acknowledged booking is lost."""

from __future__ import annotations

import asyncio
import random
import re
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from hotel_booking import migrations
from hotel_booking.app import build
from hotel_booking.core.connections import Hosts
from hotel_booking.core.db import Database, DatabaseUnavailable
from hotel_booking.domains.bookings import service
from hotel_booking.ops.embedded import DURABLE, THROWAWAY, Cluster, throwaway
from hotel_booking.ops.promotion import promote
from hotel_booking.ops.refusals import Refused
from tests.clients.http_client import settings_for
from tests.clients.standby import kill, standby, value
from tests.clients.waiting import until
from tests.concurrency.test_faults import Guest
from tests.factories.invariants import differences
from tests.factories.small_hotel import small_hotel, sold_from

pytestmark = pytest.mark.postgresql


@pytest.fixture
def pair() -> Iterator[tuple[Cluster, Cluster]]:
    """A primary whose commits wait for its replica, and the replica; both may be crashed."""
    with throwaway({**DURABLE, "max_connections": "100"}) as primary:
        primary.create_database("hotel")
        migrations.upgrade(primary.url("hotel"))
        with psycopg.connect(primary.url("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            # The replica takes these over; it would archive by time in an hour only.
            archive = primary.home / "archive"
            archive.mkdir(mode=0o777)
            archive.chmod(0o777)
            connection.execute("ALTER SYSTEM SET archive_mode = 'on'")
            connection.execute("ALTER SYSTEM SET archive_timeout = '1h'")
            connection.execute(f"ALTER SYSTEM SET archive_command = 'cp %p {archive}/%f'".encode())
            connection.execute("SELECT pg_reload_conf()")
        with standby(primary) as replica:
            try:
                yield primary, replica
            finally:
                primary.restart()  # it gives its slot back


def folder_of(cluster: Cluster) -> str:
    return parse_qs(urlsplit(cluster.url("x")).query)["host"][0]


def both(primary: Cluster, replica: Cluster) -> str:
    """What DB_HOST=primary,replica is made into."""
    return (
        f"postgresql://hotel@/hotel?host={folder_of(primary)},{folder_of(replica)}"
        "&target_session_attrs=read-write"
    )


async def open_today(db: Database, rooms: int) -> None:
    """A house that sells from today on, because the API's clock is real."""
    await small_hotel(db, rooms=rooms)
    async with db.transaction() as tx:
        await sold_from(tx, datetime.now(UTC).date())
        await tx.execute("UPDATE cancellation_policy SET steps = '[]'")


@pytest.mark.nightly
async def test_guests_go_on_booking_on_the_promoted_replica_and_nothing_acknowledged_is_lost(
    pair: tuple[Cluster, Cluster],
) -> None:
    primary, replica = pair
    url = both(primary, replica)
    async with Database.open(url, size=4) as db:
        await open_today(db, rooms=400)
    acknowledged: list[tuple[float, str]] = []
    over = asyncio.Event()
    app = build(settings_for(url, pool_size=8))
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # Litestar's own ASGI types
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def guest(number: int) -> None:
            books = Guest(client, random.Random(number), datetime.now(UTC).date())
            while not over.is_set():
                if booked := await books.book():
                    acknowledged.append((time.monotonic(), booked[0]))

        async def sweeps() -> None:
            """What the worker does every minute, so that payments cut in two are decided."""
            while True:
                await asyncio.sleep(0.5)
                with suppress(DatabaseUnavailable):
                    now = datetime.now(UTC)
                    db, gateways = app.state.database, app.state.gateways
                    await service.finish_undecided(db, gateways, now=now, older_than=timedelta(seconds=5))
                    async with db.transaction() as tx:
                        # The minute after which an abandoned claim is taken over passes in five seconds.
                        await tx.execute(
                            "UPDATE idempotency_key SET claimed_at = claimed_at - interval '1 minute'"
                            " WHERE status IS NULL AND claimed_at < now() - interval '5 s'"
                        )

        sweeper = asyncio.create_task(sweeps())
        guests = [asyncio.create_task(guest(number)) for number in range(6)]
        await until(lambda: len(acknowledged) > 20)
        killed = time.monotonic()
        kill(primary)
        said: list[str] = []
        await asyncio.to_thread(promote, replica.url("postgres"), primary_is_stopped=False, say=said.append)
        before = len(acknowledged)
        await until(lambda: len(acknowledged) > before + 20)
        over.set()
        await asyncio.gather(*guests)
        sweeper.cancel()
    first = min(moment for moment, _ in acknowledged[before:])
    report = f"{len(acknowledged)} bookings; the next one {first - killed:.2f} s after kill -9"
    sys.stdout.write("\n".join(["", report, *said, ""]))
    async with Database.open(replica.url("hotel"), size=2) as db:
        async with db.transaction() as tx:
            stored = {row["reference"]: row["status"] for row in await tx.fetch("SELECT * FROM booking")}
        assert {reference for _, reference in acknowledged} - stored.keys() == set()
        assert await differences(db) == []
    # It was itself kept in step: without this, no commit on it would ever end.
    assert value(replica.url("postgres"), "SELECT current_setting('synchronous_standby_names')") == ""
    assert any("emptied" in line for line in said)
    # And what was booked until then is in the archive, though `archive_timeout` is far away.
    (archived,) = re.findall(r"WAL switched, and (\w{24}) is in the archive", said[-1])
    assert (primary.home / "archive" / archived).stat().st_size == 16 * 1024 * 1024


@pytest.mark.nightly
async def test_a_replica_that_still_follows_is_not_promoted(pair: tuple[Cluster, Cluster]) -> None:
    _, replica = pair
    with pytest.raises(Refused, match="still receives from its primary"):
        await asyncio.to_thread(
            promote, replica.url("postgres"), primary_is_stopped=False, say=lambda _line: None
        )
    assert value(replica.url("postgres"), "SELECT pg_is_in_recovery()") is True


async def test_a_machine_that_has_vanished_is_passed_over_and_noticed() -> None:
    """A host that refuses nothing and says nothing, as one whose zone is gone; and the other one."""
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.create_server(("127.0.0.1", 0)) as free:
        ports = silent.getsockname()[1], free.getsockname()[1]
        free.close()
        with throwaway({**THROWAWAY, "listen_addresses": "127.0.0.1", "port": str(ports[1])}):
            url = f"postgresql://hotel@127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/postgres"
            hosts = Hosts(url)
            first, second = await hosts.connect(), await hosts.connect()
            assert await second.fetchval("SELECT 1") == 1
            # asyncpg shows its socket in no other way.
            line = first._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # noqa: SLF001
            assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
            await first.close()
            await second.close()
        silent.settimeout(1)
        silent.accept()[0].close()
        with pytest.raises(TimeoutError):  # who answered is asked first: the silent one was asked once
            silent.accept()


async def test_where_no_host_takes_writes_that_is_said() -> None:
    with throwaway({**THROWAWAY, "default_transaction_read_only": "on"}) as cluster:
        folder = folder_of(cluster)
        with pytest.raises(ConnectionError, match="takes no writes"):
            await Hosts(f"postgresql://hotel@/postgres?host={folder},{folder}").connect()
        async with Database.open(cluster.url("postgres"), size=1) as db, db.reading() as tx:
            assert await tx.fetchval("SELECT 1") == 1  # one host alone is taken as it is
