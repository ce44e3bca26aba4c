"""What hangs holds only its own lane, and the worker outlives its database."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from prometheus_client import REGISTRY

from hotel_booking import worker
from hotel_booking.core import job_queue
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.jobs import PATIENT
from hotel_booking.domains.bookings import service
from hotel_booking.domains.notifications.types import Delivery, Rendered
from hotel_booking.domains.payments.gateway import Gateways, Refunded
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.ops.embedded import Cluster
from hotel_booking.worker.abandoned import take_up
from tests.clients.jobs import run_jobs
from tests.clients.processes import Forked
from tests.clients.waiting import until, wait_until
from tests.factories.paying import DAY, held, one
from tests.factories.paying import hotel as hotel
from tests.factories.small_hotel import status_of


def in_a_process(url: str) -> None:
    """A worker, until it is told to stop."""
    asyncio.run(worker.run(url, lambda _: Gateways(SandboxGateway())))


class Hanging(SandboxGateway):
    """A gateway that takes every refund and never says a word."""

    def __init__(self, books: Database) -> None:
        super().__init__(books)
        self.asked: set[UUID] = set()

    async def refund(self, *, refund_id: UUID, reference: str, amount: int) -> Refunded:
        del reference, amount
        self.asked.add(refund_id)
        await asyncio.sleep(3600)
        raise AssertionError


class Post:
    """A mail server that takes everything."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, *, message_id: str, recipient: str, rendered: Rendered) -> Delivery:
        del message_id, recipient
        self.sent.append(rendered.subject)
        return Delivery("sent")


@contextlib.asynccontextmanager
async def working(url: str, gateways: Callable[[Database], Gateways], **more: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run(url, gateways, **more))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_forty_refunds_that_hang_keep_nothing_else_waiting(
    hotel: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail goes out, holds lapse, the audit log is sealed while a gateway is silent."""
    monkeypatch.setattr(worker, "_LETS_END", 0.2)  # what hangs in the end is not waited for
    async with hotel.transaction() as tx:
        await tx.execute("UPDATE room_night SET physical = 100")
    gateway = Hanging(hotel)
    for _ in range(40):
        booking = await held(hotel, "PRE")
        await service.pay(hotel, gateway, booking_id=booking.id, token="tok_success", now=utc_now())
        async with hotel.transaction() as tx:
            await service.cancel(tx, booking_id=booking.id, now=utc_now())
    late = await held(hotel, "NRF", first=30)
    async with hotel.transaction() as tx:
        await tx.execute("DELETE FROM mail_message")
        await tx.execute("DELETE FROM procrastinate_jobs WHERE queue_name <> 'payments'")
    post = Post()
    async with working(database_url, lambda _: Gateways(gateway), mailer=post):
        await until(lambda: len(gateway.asked) >= 4)  # every slot of the money's lane hangs
        async with hotel.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() WHERE id = $1", late.id)
            await tx.execute(
                "SELECT enqueue('bookings', 'bookings:lapse', jsonb_build_object('booking_id', $1::uuid),"
                " NULL)",
                late.id,
            )
            await tx.execute("SELECT enqueue('identity', 'identity:seal', '{\"timestamp\": 0}', NULL)")
        other = await held(hotel, "FLEX", first=35)
        async with hotel.transaction() as tx:
            await service.guarantee(tx, booking_id=other.id, now=utc_now())
        await until(lambda: post.sent)

        async def lapsed() -> bool:
            return await status_of(hotel, late.id) == "expired"

        async def sealed() -> bool:
            waiting = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'identity:seal'"
            return bool(await one(hotel, waiting + " AND status <> 'failed'") == 0)

        await until(lapsed)
        await until(sealed)
        assert await one(hotel, "SELECT count(*) FROM refund WHERE status = 'due'") == 40


async def test_a_gateway_that_never_answers_is_left_alone_and_asked_again(hotel: Database) -> None:
    """Five in a row open the breaker: the sixth guest is told at once, and the hold stays."""
    from hotel_booking.domains.payments.errors import GatewayPaused, GatewayUnavailable

    class Silent(SandboxGateway):
        name = "silent"
        calls = 0

        async def authorise(self, charge: Any, *, token: str | None) -> Any:
            del charge, token
            Silent.calls += 1
            raise GatewayUnavailable("no answer")

    gateway = Silent(hotel)
    for _ in range(5):
        booking = await held(hotel, "NRF", first=20)
        paid = await service.pay(hotel, gateway, booking_id=booking.id, token="tok_success", now=utc_now())
        assert paid.status == "pending"
        async with hotel.transaction() as tx:
            await service.lapse(tx, booking_id=booking.id, now=utc_now() + DAY)
    booking = await held(hotel, "NRF", first=20)
    with pytest.raises(GatewayPaused):
        await service.pay(hotel, gateway, booking_id=booking.id, token="tok_success", now=utc_now())
    assert Silent.calls == 5
    assert await status_of(hotel, booking.id) == "held"
    last = "SELECT status FROM payment WHERE booking_id = $1"
    assert await one(hotel, last, booking.id) == "declined"  # the guest may try again, in any way
    assert REGISTRY.get_sample_value("hotel_booking_breaker_state", {"party": "silent"}) == 2
    other = SandboxGateway(hotel)
    done = await service.pay(hotel, other, booking_id=booking.id, token="tok_success", now=utc_now())
    assert done.status == "confirmed"


def _done(url: str, sql: str) -> bool:
    """Whether the database answers that there is none left."""
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql).fetchone() == (0,)
    return False


@pytest.mark.parametrize("mode", ["immediate", pytest.param("fast", marks=pytest.mark.nightly)])
def test_a_database_that_restarts_does_not_end_the_worker(own_cluster: Cluster, mode: Any) -> None:
    url = own_cluster.url("hotel")
    waiting = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'bookings:purge_quotes'"
    child = Forked(in_a_process, url)
    try:
        for round_ in range(3):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(
                    "SELECT enqueue('bookings', 'bookings:purge_quotes', '{\"timestamp\": 0}', NULL)"
                )
            wait_until(lambda: _done(url, waiting), child=child)
            if round_ < 2:
                own_cluster.restart(mode)
        child.send_signal(signal.SIGTERM)
        assert child.wait(timeout=60) == 0
    finally:
        child.kill()
        child.wait()


def test_what_waiting_does_not_mend_ends_the_worker_with_an_error(
    own_cluster: Cluster, tmp_path: Path
) -> None:
    child = Forked(in_a_process, own_cluster.url("nowhere"), out=tmp_path / "said")
    try:
        assert child.wait(timeout=90) != 0
    finally:
        child.kill()
    assert "nowhere" in (tmp_path / "said").read_text()


async def test_a_mail_server_that_is_down_is_left_alone_and_no_try_is_counted(
    hotel: Database, database_url: str
) -> None:
    class Down:
        tried = 0

        async def send(self, *, message_id: str, recipient: str, rendered: Rendered) -> Delivery:
            del message_id, recipient, rendered
            self.tried += 1
            return Delivery("again", "ConnectionRefusedError", unreachable=True)

    async with hotel.transaction() as tx:
        await tx.execute("UPDATE room_night SET physical = 100")
    for _ in range(12):
        booking = await held(hotel, "FLEX")
        async with hotel.transaction() as tx:
            await service.guarantee(tx, booking_id=booking.id, now=utc_now())
    down = Down()
    await worker.run(
        database_url, lambda _: Gateways(SandboxGateway(hotel)), mailer=down, wait=False, concurrency=1
    )
    assert down.tried == 5
    assert await one(hotel, "SELECT count(*) FROM mail_message WHERE attempts = 0") == 7
    assert await one(hotel, "SELECT count(*) FROM mail_message WHERE status = 'waiting'") == 12
    later = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'notifications:deliver'"
    assert await one(hotel, later + " AND scheduled_at > now() - interval '1 minute'") == 12


async def _begun_by_a_worker_that_died(hotel: Database, queue: str, task: str, *, ago: str) -> int:
    """A job that is running, as a worker leaves it that is killed; its id."""
    async with hotel.transaction() as tx:
        await tx.execute("SELECT enqueue($1, $2, '{\"timestamp\": 0}', NULL)", queue, task)
        # As one that comes by the clock.
        await tx.execute(
            "UPDATE procrastinate_jobs SET queueing_lock = $1 WHERE status = 'todo' AND task_name = $1", task
        )
        dead = await tx.fetchval("SELECT procrastinate_register_worker_v1()")
        job: int = await tx.fetchval(
            "SELECT id FROM procrastinate_fetch_job_v2($1::varchar[], $2)", [queue], dead
        )
        await tx.execute(
            "UPDATE procrastinate_events SET at = at - $2::text::interval WHERE job_id = $1", job, ago
        )
    return job


async def _jobs(hotel: Database) -> dict[int, str]:
    async with hotel.reading() as tx:
        return {
            row["id"]: row["status"] for row in await tx.fetch("SELECT id, status FROM procrastinate_jobs")
        }


@pytest.fixture
async def empty_queue(hotel: Database) -> None:
    async with hotel.transaction() as tx:
        await tx.execute("DELETE FROM procrastinate_jobs")


@pytest.mark.usefixtures("empty_queue")
async def test_a_job_whose_worker_was_killed_runs_again(hotel: Database, database_url: str) -> None:
    long_ago = await _begun_by_a_worker_that_died(hotel, "bookings", "bookings:purge_quotes", ago="7 minutes")
    just_now = await _begun_by_a_worker_that_died(
        hotel, "payments", "payments:purge_notices", ago="7 minutes"
    )
    await run_jobs(hotel, database_url, "bookings", "payments")
    assert await _jobs(hotel) == {long_ago: "doing", just_now: "doing"}  # no worker takes them by itself
    await take_up(hotel)
    assert await _jobs(hotel) == {long_ago: "todo", just_now: "doing"}  # money's lane may take ten minutes
    await run_jobs(hotel, database_url, "bookings", "payments")
    assert await _jobs(hotel) == {just_now: "doing"}


@pytest.mark.usefixtures("empty_queue")
async def test_an_abandoned_job_that_the_clock_has_made_anew_is_dropped(hotel: Database) -> None:
    task = "bookings:purge_quotes"
    first = await _begun_by_a_worker_that_died(hotel, "bookings", task, ago="2 hours")
    second = await _begun_by_a_worker_that_died(hotel, "bookings", task, ago="1 hour")
    assert await _jobs(hotel) == {first: "doing", second: "doing"}
    await take_up(hotel)
    assert await _jobs(hotel) == {first: "todo"}


@pytest.mark.usefixtures("empty_queue")
async def test_a_job_that_takes_every_worker_along_is_left_to_a_person(hotel: Database) -> None:
    job = await _begun_by_a_worker_that_died(hotel, "mail", "notifications:sweep", ago="1 hour")
    for _ in range(4):
        await take_up(hotel)
        assert await _jobs(hotel) == {job: "todo"}
        async with hotel.transaction() as tx:
            await tx.fetchval("SELECT id FROM procrastinate_fetch_job_v2(ARRAY['mail']::varchar[], NULL)")
            await tx.execute("UPDATE procrastinate_events SET at = at - interval '1 hour'")
    await take_up(hotel)
    assert await _jobs(hotel) == {job: "failed"}
    async with hotel.reading() as tx:
        assert [failed.id for failed in await job_queue.failures(tx)] == [job]


@pytest.mark.usefixtures("empty_queue")
async def test_a_sweep_that_succeeds_makes_up_for_those_that_failed(
    hotel: Database, database_url: str
) -> None:
    """Nobody has to dismiss them. What failed of another sweep stays, as does what no clock makes."""
    sweep, other, no_sweep = "bookings:purge_quotes", "payments:purge_notices", "bookings:lapse"
    async with hotel.transaction() as tx:
        made_by_the_clock = "SELECT procrastinate_defer_periodic_job_v2($1, NULL, NULL, $2, 0, '', 0, $3)"
        await tx.fetchval(made_by_the_clock, "bookings", sweep, {"timestamp": 0})
        stays = {await tx.fetchval(made_by_the_clock, "payments", other, {"timestamp": 0}): "failed"}
        await job_queue.enqueue(tx, queue="bookings", task=no_sweep, booking_id=str(UUID(int=1)))
        stays[await tx.fetchval("SELECT max(id) FROM procrastinate_jobs")] = "failed"
        await tx.execute("UPDATE procrastinate_jobs SET status = 'failed'")
        await job_queue.enqueue(tx, queue="bookings", task=sweep, timestamp="60")
        await job_queue.enqueue(tx, queue="bookings", task=no_sweep, booking_id=str(UUID(int=2)))
    await run_jobs(hotel, database_url, "bookings")
    assert await _jobs(hotel) == stays


@pytest.mark.usefixtures("empty_queue")
async def test_a_job_that_only_a_newer_release_knows_is_left_to_its_worker(
    hotel: Database, database_url: str
) -> None:
    """While a release is rolled out its web processes leave jobs that the old worker has no task for."""
    async with hotel.transaction() as tx:
        await job_queue.enqueue(tx, queue="payments", task="payments:of_a_newer_release", payment="1")
    await run_jobs(hotel, database_url, "payments")
    assert list((await _jobs(hotel)).values()) == ["todo"]
    async with hotel.transaction() as tx:
        await tx.execute(
            "UPDATE procrastinate_jobs SET attempts = $1, scheduled_at = now()", PATIENT.max_attempts
        )
    await run_jobs(hotel, database_url, "payments")  # and if none comes somebody is told
    assert list((await _jobs(hotel)).values()) == ["failed"]
