"""Processes die and the database restarts while guests book: what was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import time
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from hotel_booking import worker
from hotel_booking.app import build
from hotel_booking.core.db import Database, DatabaseUnavailable
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.queries import expired_holds
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.ops.embedded import Cluster
from tests.clients.http_client import settings_for
from tests.clients.processes import Forked
from tests.factories.invariants import differences
from tests.factories.small_hotel import (
    FIRST,
    GUEST,
    NOW,
    SLUG,
    make_quote,
    small_hotel,
    sold_from,
    stay,
    taken,
)

pytestmark = pytest.mark.postgresql


def working(url: str) -> None:
    """A worker, until its queues are empty."""
    asyncio.run(worker.run(url, lambda _: Gateways(SandboxGateway()), concurrency=2, wait=False))


async def test_a_worker_killed_at_any_step_gives_every_night_back_once(database_url: str) -> None:
    """Forty holds lapse while their worker is killed again and again, in the middle of whatever it does."""
    long_ago = datetime.now(UTC) - timedelta(days=1)
    async with Database.open(database_url, size=4) as db:
        rooms = await small_hotel(db, rooms=40)
        for _ in range(40):
            quote = await make_quote(db, stay(10, 3), now=NOW)
            async with db.transaction() as tx:
                await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
        async with db.transaction() as tx:
            # The jobs fall due now; the clock of these holds stands in 2030.
            await tx.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
            await tx.execute("UPDATE booking SET hold_expires_at = $1", long_ago)
        assert await taken(db, rooms["DBL"], stay(10, 3)) == [40, 40, 40]
        choice = random.Random(11)
        for _ in range(6):
            await asyncio.to_thread(_run_worker, database_url, kill_after=choice.uniform(0.0, 0.15))
        await asyncio.to_thread(_run_worker, database_url, kill_after=None)
        async with db.transaction() as tx:
            left = await expired_holds(tx, now=datetime.now(UTC), limit=100)
            for _, booking_id in left:  # jobs that a killed worker had in its hands are found by the sweep
                assert await service.lapse(tx, booking_id=booking_id, now=datetime.now(UTC))
        assert await taken(db, rooms["DBL"], stay(10, 3)) == [0, 0, 0]
        assert await differences(db) == []


def _run_worker(url: str, *, kill_after: float | None) -> None:
    """Run a worker until its queue is empty, or kill it some time after it began to work."""
    child = Forked(working, url)
    try:
        if kill_after is None:
            assert child.wait(timeout=60) == 0
            return
        _wait_until_working(url, child)
        time.sleep(kill_after)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()


def _wait_until_working(url: str, child: Forked) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        began = time.monotonic()
        while time.monotonic() - began < 30 and child.poll() is None:
            row = connection.execute(
                "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '5 s'"
            ).fetchone()
            if row and row[0]:
                return
            time.sleep(0.01)


class Guest:
    """Books with an Idempotency-Key and repeats each request until it is answered for good."""

    def __init__(self, client: httpx.AsyncClient, choice: random.Random, opens: date) -> None:
        self.client, self.choice, self.opens, self.repeats = client, choice, opens, 0

    async def send(
        self, path: str, body: dict[str, Any], key: str, token: str | None = None
    ) -> httpx.Response:
        headers = {"Idempotency-Key": key} | ({"Authorization": f"Bearer {token}"} if token else {})
        until = time.monotonic() + 150  # an abandoned claim is taken over after a minute
        while time.monotonic() < until:
            try:
                answer = await self.client.post(f"/api/v1{path}", json=body, headers=headers)
            except (httpx.HTTPError, OSError):
                answer = None
            assert answer is None or answer.status_code != 500, "a lost connection is said as 503"
            running = answer is not None and answer.json().get("code") in (
                "idempotency_in_progress",
                "payment_in_progress",
            )
            if answer is not None and answer.status_code < 500 and not running:
                return answer
            self.repeats += 1
            await asyncio.sleep(self.choice.uniform(0.02, 0.1))
        raise AssertionError("never answered")

    async def book(self) -> tuple[str, str] | None:
        """Reference and last status, or None where it was sold out."""
        arrival = self.opens + timedelta(days=self.choice.randrange(1, 40))
        wish = {
            "property": SLUG,
            "arrival": arrival.isoformat(),
            "departure": (arrival + timedelta(days=self.choice.randint(1, 4))).isoformat(),
            "rooms": [{"room_type": "DBL", "rate_plan": "FLEX", "adults": 2, "children": []}],
        }
        quote = await self.send("/quotes", wish, str(uuid4()))
        if quote.status_code == 409:
            return None
        assert quote.status_code == 201, quote.text
        guest = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com"}
        held = await self.send("/bookings", {"quote": quote.json()["id"], "guest": guest}, str(uuid4()))
        if held.status_code == 409:
            assert held.json()["code"] == "sold_out", held.text
            return None
        assert held.status_code == 201, held.text
        reference, token = held.json()["reference"], held.json()["access_token"]
        paid = await self.send(
            f"/bookings/{reference}/payments", {"token": "tok_success"}, str(uuid4()), token
        )
        assert paid.status_code == 200, paid.text
        return reference, paid.json()["status"]


async def test_a_database_restarted_under_load_loses_and_doubles_nothing(own_cluster: Cluster) -> None:
    url = own_cluster.url("hotel")
    today = datetime.now(UTC).date()
    async with Database.open(url, size=4) as db:
        rooms = await small_hotel(db, rooms=6)
        async with db.transaction() as tx:  # the house opens today, because the API's clock is real
            await sold_from(tx, today)
            await tx.execute("UPDATE cancellation_policy SET steps = '[]'")
    settings = settings_for(url, pool_size=8)
    results: list[tuple[str, str] | None] = []
    repeats = 0
    app = build(settings)
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # Litestar's own ASGI types
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://test") as client:

        async def guests(number: int) -> None:
            nonlocal repeats
            guest = Guest(client, random.Random(number), today)
            for _ in range(12):
                result = await guest.book()
                results.append(result)
            repeats += guest.repeats

        async def restarts() -> None:
            for _ in range(3):
                await asyncio.sleep(0.5)
                await asyncio.to_thread(own_cluster.restart, "immediate")

        async def sweeps() -> None:
            """What the worker's sweep does every minute, so that payments cut in two are decided."""
            while True:
                await asyncio.sleep(1)
                with contextlib.suppress(DatabaseUnavailable):
                    await service.finish_undecided(
                        app.state.database,
                        app.state.gateways,
                        now=datetime.now(UTC),
                        older_than=timedelta(seconds=5),
                    )
                    async with app.state.database.transaction() as tx:
                        # The minute after which an abandoned claim is taken over passes in five seconds.
                        await tx.execute(
                            "UPDATE idempotency_key SET claimed_at = claimed_at - interval '1 minute'"
                            " WHERE status IS NULL AND claimed_at < now() - interval '5 s'"
                        )

        sweeper = asyncio.create_task(sweeps())
        await asyncio.gather(restarts(), *(guests(number) for number in range(8)))
        sweeper.cancel()
    acknowledged = [result for result in results if result is not None]
    assert acknowledged
    assert repeats > 0, "the restarts hit nobody: the test proves nothing"
    async with Database.open(url, size=2) as db:
        async with db.transaction() as tx:
            rows = await tx.fetch("SELECT reference, status FROM booking")
            stored = {row["reference"]: row["status"] for row in rows}
        assert sorted(reference for reference, _ in acknowledged) == sorted(stored)
        assert set(stored.values()) == {"confirmed"}
        assert await differences(db) == []
        nights = await taken(db, rooms["DBL"], stay((today - FIRST).days, 60))
        assert max(nights) <= 6
