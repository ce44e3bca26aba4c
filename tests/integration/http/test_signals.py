"""What the platform tells of itself: bookings by surface, holds that lapse, jobs, mail, connections."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from hotel_booking import worker
from hotel_booking.core import job_queue
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import invariant_results, service
from hotel_booking.domains.bookings.tally import surface_of
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.http.access_log import settle
from hotel_booking.integrations.sandbox import SandboxGateway
from hotel_booking.worker.database_metrics import measure
from tests.clients.http_client import running, settings_for
from tests.clients.staff_client import SAME_ORIGIN, signed_in
from tests.factories.small_hotel import GUEST, NOW, make_quote, small_hotel, stay

pytestmark = pytest.mark.postgresql
LATER = NOW + timedelta(minutes=16)


def told(name: str, **labels: str) -> float:
    """A sample of this process, 0 where there is none."""
    return REGISTRY.get_sample_value(f"hotel_booking_{name}", labels) or 0


@pytest.fixture
def more() -> Callable[..., float]:
    """How much more a sample tells than when it was first asked for."""
    before: dict[Any, float] = {}

    def since(name: str, **labels: str) -> float:
        key = (name, *sorted(labels.items()))
        value = told(name, **labels)
        return value - before.setdefault(key, value)

    return since


async def hold(db: Database, source: str, at: int, **more: Any) -> Any:
    quote = await make_quote(db, stay(at, 1), now=more.get("now", NOW))
    async with db.transaction() as tx:
        return await service.hold(tx, quote_id=quote.id, guest=GUEST, source=source, **{"now": NOW, **more})


def test_a_source_belongs_to_a_surface() -> None:
    assert [surface_of(source) for source in ("web", "partner", "api", "key:7", "desk", "walk_in")] == [
        "site",
        "site",
        "api",
        "api",
        "panel",
        "panel",
    ]


async def test_every_hold_that_lapses_is_counted_once_for_its_surface(
    db: Database, more: Callable[..., float]
) -> None:
    await small_hotel(db)
    expired = {
        surface: {"name": "bookings_total", "surface": surface, "outcome": "expired"}
        for surface in ("site", "api", "panel")
    }
    for sample in expired.values():
        more(**sample)
    # One that the sweep ends, one as the release before does, one that a sale ends, one that stays held.
    site, api = await hold(db, "web", 5), await hold(db, "key:1", 7)
    await hold(db, "desk", 9)
    await hold(db, "web", 11, lifetime=timedelta(days=1))
    async with db.transaction() as tx:
        assert await service.lapse_many(tx, booking_ids=[site.booking.id], now=LATER) == 1
    async with db.transaction() as tx:
        assert await service.lapse(tx, booking_id=api.booking.id, now=LATER)
        assert not await service.lapse(tx, booking_id=site.booking.id, now=LATER)
    await hold(db, "web", 9, now=LATER)
    # What is undone did not happen.
    with suppress(RuntimeError):
        async with db.transaction() as tx:
            await tx.execute("SELECT booking_expire(ARRAY(SELECT id FROM booking))")
            raise RuntimeError
    for _ in range(2):
        await measure(db, LATER)
        assert {surface: more(**sample) for surface, sample in expired.items()} == {
            "site": 1,
            "api": 1,
            "panel": 1,
        }


async def test_how_payments_end_counts_for_where_the_hold_was_made(
    db: Database, more: Callable[..., float]
) -> None:
    await small_hotel(db, rooms=4)
    gateway = SandboxGateway(db)
    samples = [
        {"name": "bookings_total", "surface": "panel", "outcome": "declined"},
        {"name": "bookings_total", "surface": "panel", "outcome": "confirmed"},
        {"name": "bookings_total", "surface": "site", "outcome": "confirmed"},
        {"name": "payment_attempts_total", "outcome": "declined"},
        {"name": "payment_attempts_total", "outcome": "confirmed"},
    ]
    for sample in samples:
        more(**sample)
    held = await hold(db, "desk", 5)
    with pytest.raises(DomainError):
        await service.pay(db, gateway, booking_id=held.booking.id, token="tok_decline", now=NOW)
    await service.pay(db, gateway, booking_id=held.booking.id, token="tok_success", now=NOW)
    await service.pay(db, gateway, booking_id=held.booking.id, token="tok_success", now=NOW)
    assert [more(**sample) for sample in samples] == [1, 1, 0, 1, 1]


async def test_queues_are_told_whole_with_their_oldest_job_and_how_jobs_end(
    db: Database, database_url: str, more: Callable[..., float]
) -> None:
    now = utc_now()
    done = {"name": "job_runs_total", "queue": "payments", "outcome": "done"}
    failed = {"name": "job_runs_total", "queue": "payments", "outcome": "failed"}
    more(**done), more(**failed)
    async with db.transaction() as tx:
        await tx.execute(
            "SELECT enqueue('mail', 'notifications:deliver', '{}', $1)", now - timedelta(seconds=90)
        )
        await tx.execute(
            "SELECT enqueue('mail', 'notifications:deliver', '{}', $1)", now + timedelta(hours=1)
        )
        await job_queue.enqueue(tx, queue="payments", task="bookings:finish_payment", payment_id="no id")
    await measure(db, now + timedelta(seconds=30))
    assert told("jobs", queue="mail", state="due") == told("jobs", queue="mail", state="later") == 1
    assert told("jobs_oldest_due_seconds", queue="mail") == pytest.approx(120)
    # One without a time of its own waits since it was put there.
    assert 20 < told("jobs_oldest_due_seconds", queue="payments") < 60
    assert (
        told("jobs", queue="exchange", state="due") == told("jobs_oldest_due_seconds", queue="exchange") == 0
    )
    async with db.transaction() as tx:
        await tx.execute("DELETE FROM procrastinate_jobs WHERE queue_name = 'mail'")
    await worker.run(database_url, lambda _: Gateways(SandboxGateway()), wait=False)
    assert (more(**done), more(**failed)) == (0, 1)
    await measure(db, now)
    assert told("jobs", queue="mail", state="due") == told("jobs_oldest_due_seconds", queue="mail") == 0
    assert told("jobs", queue="payments", state="later") == 1  # it is tried again


async def test_what_the_invariants_last_said_is_told_with_its_time(db: Database) -> None:
    ids = await small_hotel(db)
    await measure(db, NOW)
    assert REGISTRY.get_sample_value("hotel_booking_invariants_checked_timestamp_seconds") == 0
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_night SET taken = 1 WHERE room_type_id = $1", ids["DBL"])
    await invariant_results.run(db, prices=False, now=LATER)
    await measure(db, LATER)
    assert told("invariants_checked_timestamp_seconds") == LATER.timestamp()
    assert told("invariant_differences", check="nights_taken") > 0
    assert (
        REGISTRY.get_sample_value("hotel_booking_invariant_differences", {"check": "nothing_oversold"}) == 0
    )


async def test_a_booking_counts_for_the_surface_it_was_made_on_and_so_does_being_sold_out(
    db: Database, database_url: str, more: Callable[..., float]
) -> None:
    await small_hotel(db)  # one room a night
    samples = {
        (surface, outcome): {"name": "bookings_total", "surface": surface, "outcome": outcome}
        for surface in ("site", "api", "panel")
        for outcome in ("held", "sold_out", "confirmed", "cancelled")
    }
    for sample in samples.values():
        more(**sample)
    guest = {"given_name": "Ana", "family_name": "Example", "email": "ana@example.com"}

    async def quotes(first: int) -> list[str]:
        return [str((await make_quote(db, stay(first, 1), now=utc_now())).id) for _ in range(2)]

    settings = settings_for(database_url, mfa_required=False)
    async with running(settings) as (app, client), signed_in(app, db, (Role.OWNER, None)) as panel:
        for quote in await quotes(3):
            await client.post(f"/en/book/{quote}", data=guest, headers=SAME_ORIGIN)
        references = []
        for quote in await quotes(5):
            made = await client.post("/api/v1/bookings", json={"quote": quote, "guest": guest})
            references.append(made.json().get("reference"))
            token = {"Authorization": f"Bearer {made.json().get('access_token')}"}
            if references[-1]:
                await client.post(f"/api/v1/bookings/{references[-1]}/cancel", headers=token)
                # Sold again, so that the second finds none.
                await hold(db, "web", 5, now=utc_now())
        for quote in await quotes(7):
            form = {**guest, "phone": "+351 919 876 543", "guarantee": "hotel"}
            await panel.post(f"/admin/bookings/quotes/{quote}", data=form)
    assert {key: more(**sample) for key, sample in samples.items() if more(**sample)} == {
        ("site", "held"): 1,
        ("site", "sold_out"): 1,
        ("api", "held"): 1,
        ("api", "cancelled"): 1,
        ("api", "sold_out"): 1,
        ("panel", "held"): 1,
        ("panel", "confirmed"): 1,
        ("panel", "sold_out"): 1,
    }


async def test_a_search_is_timed_by_what_answered(
    db: Database, database_url: str, more: Callable[..., float]
) -> None:
    await small_hotel(db)
    by_sql = {"name": "search_duration_seconds_count", "path": "sql"}
    more(**by_sql)
    when = stay(3, 1)
    asked = f"lat=38.7&lon=-9.1&arrival={when.arrival}&departure={when.departure}&adults=2"
    async with running(settings_for(database_url)) as (_, client):
        answer = await client.get(f"/api/v1/search?{asked}")
        assert answer.status_code == 200, answer.text
        settle()
    assert more(**by_sql) == 1
