"""What runs beside the sales does what is new, once, and nobody who sells waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

import asyncpg
import pytest
from procrastinate import JobContext

from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import jobs as booking_jobs
from hotel_booking.domains.bookings import queries, service
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.factories.small_hotel import GUEST, NOW, make_quote, small_hotel, status_of, stay, taken

pytestmark = pytest.mark.postgresql
MINUTE = timedelta(minutes=1)
Job = Callable[..., Coroutine[Any, Any, None]]


class _Job:
    id = 1
    task_name = "test"


class _Context:
    def __init__(self, db: Database, now: datetime) -> None:
        self.additional_context = {"db": db, "clock": lambda: now}
        self.job = _Job()


async def run(task: Job, db: Database, now: datetime) -> None:
    """A periodic job, at an instant."""
    await task(cast("JobContext", _Context(db, now)), timestamp=0)


async def hold(db: Database, *, days: int = 1) -> UUID:
    """A hold of one night by the one guest whom all of them are of."""
    quote = await make_quote(db, stay(days, 1))
    async with db.transaction() as tx:
        return (await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)).booking.id


async def untold(db: Database, now: datetime) -> list[UUID]:
    """The holds that the next run would look at."""
    async with db.transaction() as tx:
        found = await queries.unpaid_untold(tx, now=now, made_before=now - 2 * MINUTE, limit=100)
    return [booking_id for _, booking_id in found]


async def test_a_hold_whose_guest_is_spared_is_looked_at_once(db: Database) -> None:
    await small_hotel(db, rooms=20)
    for _ in range(10):
        await hold(db)
    assert len(await untold(db, NOW + 3 * MINUTE)) == 10
    await run(booking_jobs.tell_held, db, NOW + 3 * MINUTE)
    async with db.transaction() as tx:
        sent = await tx.fetchval("SELECT count(*) FROM mail_message WHERE template = 'booking_held'")
    assert sent == 6  # an hour, to one address
    assert await untold(db, NOW + 4 * MINUTE) == []


async def test_one_who_could_not_be_told_is_told_with_the_next(db: Database) -> None:
    await small_hotel(db, rooms=20)
    first, second = await hold(db), await hold(db)
    async with db.transaction() as tx:
        await tx.execute(
            "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN IF NEW.booking_id = '{first}' THEN RAISE 'broken'; END IF; RETURN NEW; END $$;"
            " CREATE TRIGGER broken BEFORE INSERT ON mail_message FOR EACH ROW EXECUTE FUNCTION broken()"
        )
    await run(booking_jobs.tell_held, db, NOW + 3 * MINUTE)
    assert await untold(db, NOW + 4 * MINUTE) == [first]
    async with db.transaction() as tx:
        await tx.execute("DROP TRIGGER broken ON mail_message")
    await run(booking_jobs.tell_held, db, NOW + 4 * MINUTE)
    async with db.transaction() as tx:
        told = await tx.fetch("SELECT booking_id FROM mail_message ORDER BY created_at, booking_id")
    assert {row["booking_id"] for row in told} == {first, second}
    assert await untold(db, NOW + 5 * MINUTE) == []


async def test_a_sale_notifies_nobody_and_a_hold_leaves_no_job(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=2)
    heard: asyncio.Queue[object] = asyncio.Queue()
    listener = await asyncpg.connect(database_url)
    try:
        await listener.add_listener("procrastinate_any_queue_v1", lambda *args: heard.put_nowait(args[-1]))
        quote = await make_quote(db, stay(1, 2), plan="NRF")
        async with db.transaction() as tx:
            made = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=NOW)
            assert await tx.fetchval("SELECT count(*) FROM procrastinate_jobs") == 0
        await service.pay(db, SandboxGateway(), booking_id=made.booking.id, token="tok_success", now=NOW)
        async with db.transaction() as tx:
            assert await tx.fetchval("SELECT count(*) FROM procrastinate_jobs WHERE queue_name = 'mail'")
            await tx.execute("NOTIFY procrastinate_any_queue_v1, 'the last'")
        assert await asyncio.wait_for(heard.get(), 30) == "the last"
    finally:
        await listener.close()


async def test_the_sweep_gives_back_what_has_expired_and_waits_for_nobody(db: Database) -> None:
    types = await small_hotel(db, rooms=40)
    held = [await hold(db) for _ in range(30)]
    async with db.transaction() as paying:
        # Somebody is about to pay for the first one: its lock is theirs.
        await queries.lock_booking(paying, held[0])
        await asyncio.wait_for(run(booking_jobs.sweep, db, NOW + 16 * MINUTE), 30)
    assert [await status_of(db, each) for each in held] == ["held", *["expired"] * 29]
    assert await taken(db, types["DBL"], stay(1, 1)) == [1]
    for _ in range(2):
        await run(booking_jobs.sweep, db, NOW + 17 * MINUTE)
    assert await taken(db, types["DBL"], stay(1, 1)) == [0]


async def test_old_quotes_are_forgotten_however_many_and_those_that_were_booked_kept(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(booking_jobs, "_FORGOTTEN", 3)
    await small_hotel(db, rooms=40)
    booked = await hold(db)
    for _ in range(8):
        await make_quote(db, stay(1, 1))
    await run(booking_jobs.purge_quotes, db, NOW + timedelta(days=9))
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT array_agg(booking_id) FROM quote") == [booked]
