"""What guests are told about their bookings: each event once, in time, and nothing that is pointless."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from hotel_booking.core import links
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import jobs as booking_jobs
from hotel_booking.domains.bookings import service as bookings
from hotel_booking.domains.notifications import jobs as mail_jobs
from hotel_booking.domains.notifications import queries, service
from hotel_booking.domains.notifications.rendering import rendered_message
from hotel_booking.domains.notifications.types import Delivery
from hotel_booking.domains.properties.queries import mail_address
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.factories.small_hotel import (
    GUEST,
    NOW,
    make_quote,
    small_hotel,
    stay,
)
from tests.integration.mail.test_mail import Answers, work

NINE = datetime(2030, 3, 1, 9, 30, tzinfo=UTC)  # in Lisbon too


async def run(job: Any, db: Database, now: datetime, *args: Any, **resources: Any) -> None:
    """Run a job as the worker would, at an instant of our choice."""
    context = SimpleNamespace(
        job=SimpleNamespace(id=1, task_name="test"),
        additional_context={
            "db": db,
            "clock": lambda: now,
            "link": links.plain,
            "hotel_address": mail_address,
            **resources,
        },
    )
    await job.func(context, *args)


async def held(db: Database, first: int = 5, *, source: str = "web", now: datetime = NOW) -> UUID:
    quote = await make_quote(db, stay(first, 2), now=now)
    async with db.transaction() as tx:
        found = await bookings.hold(tx, quote_id=quote.id, guest=GUEST, source=source, now=now)
    return found.booking.id


async def confirmed(db: Database, first: int, *, now: datetime) -> UUID:
    booking_id = await held(db, first, now=now)
    await bookings.pay(db, SandboxGateway(), booking_id=booking_id, token="tok_success", now=now)
    return booking_id


async def told(db: Database, booking_id: UUID) -> list[str]:
    async with db.transaction() as tx:
        return [message.template for message in reversed(await queries.of_booking(tx, booking_id))]


@pytest.mark.parametrize("source", ["desk", "walk_in"])
async def test_the_life_of_a_booking_is_told_in_order_and_once(db: Database, source: str) -> None:
    await small_hotel(db)
    booking_id = await held(db, source=source)
    assert await told(db, booking_id) == ["booking_held"]
    for _ in range(2):
        await bookings.pay(db, SandboxGateway(), booking_id=booking_id, token="tok_success", now=NOW)
    # The link to pay had not gone out: it is pointless now.
    assert await told(db, booking_id) == ["booking_confirmed"]
    async with db.transaction() as tx:
        await bookings.amend(
            tx, booking_id=booking_id, departure=stay(5, 3).departure, now=NOW + timedelta(seconds=1)
        )
        await bookings.cancel(tx, booking_id=booking_id, now=NOW + timedelta(seconds=2))
    assert await told(db, booking_id) == ["booking_confirmed", "booking_amended", "booking_cancelled"]


async def test_a_guest_gets_a_link_to_pay_once_they_seem_to_have_left_the_page(db: Database) -> None:
    await small_hotel(db, rooms=3)
    unpaid, paid, gone = [await held(db) for _ in range(3)]
    assert await told(db, unpaid) == []
    await bookings.pay(db, SandboxGateway(), booking_id=paid, token="tok_success", now=NOW)
    async with db.transaction() as tx:
        await bookings.cancel(tx, booking_id=gone, now=NOW)
    await run(booking_jobs.tell_held, db, NOW + timedelta(minutes=1), 0)
    assert await told(db, unpaid) == []
    for _ in range(2):
        await run(booking_jobs.tell_held, db, NOW + timedelta(minutes=3), 0)
    assert await told(db, unpaid) == ["booking_held"]
    assert await told(db, paid) == ["booking_confirmed"]
    assert await told(db, gone) == ["booking_cancelled"]


async def test_nobody_is_sent_a_link_to_pay_for_what_has_lapsed(db: Database) -> None:
    await small_hotel(db)
    booking_id = await held(db)
    await run(booking_jobs.tell_held, db, NOW + timedelta(minutes=16), 0)
    assert await told(db, booking_id) == []


async def test_a_message_that_waited_too_long_is_not_sent(db: Database) -> None:
    await small_hotel(db)
    await held(db, source="phone")
    async with db.transaction() as tx:
        message_id = await tx.fetchval("SELECT id FROM mail_message")
    mailer = Answers("sent")
    await run(mail_jobs.deliver, db, NOW + timedelta(minutes=16), str(message_id), mailer=mailer)
    async with db.transaction() as tx:
        message = await queries.find(tx, message_id)
    assert message is not None
    assert (message.status, mailer.sent) == ("failed", [])
    assert "out of date" in str(message.last_error)


async def test_a_link_to_pay_that_was_refused_for_now_is_withdrawn_with_the_payment(db: Database) -> None:
    await small_hotel(db)
    booking_id = await held(db, source="desk")
    async with db.transaction() as tx:
        message_id = await tx.fetchval("SELECT id FROM mail_message")
        message = await service.begin(tx, message_id=message_id, now=NOW)
        assert message is not None
        await service.finish(
            tx, message=message, subject=None, delivery=Delivery("again", "450 later"), now=NOW
        )
    await bookings.pay(db, SandboxGateway(), booking_id=booking_id, token="tok_success", now=NOW)
    assert await told(db, booking_id) == ["booking_confirmed"]


@pytest.mark.parametrize(
    ("now", "sent"),
    [
        (NINE - timedelta(days=1), 0),  # four days ahead
        (NINE, 1),
        (NINE - timedelta(hours=5), 0),  # at night
        (NINE + timedelta(hours=14), 0),
        (NINE + timedelta(days=2), 1),  # the worker was down
        (NINE + timedelta(days=3), 0),  # they are here
    ],
)
async def test_a_stay_is_announced_three_days_ahead_by_day(db: Database, now: datetime, sent: int) -> None:
    await small_hotel(db, rooms=3)
    booked = NINE - timedelta(days=20)
    soon = await confirmed(db, 3, now=booked)
    just_booked = await confirmed(db, 3, now=NINE - timedelta(hours=30))
    cancelled = await confirmed(db, 3, now=booked)
    async with db.transaction() as tx:
        await bookings.cancel(tx, booking_id=cancelled, now=booked)
    for _ in range(2):
        await run(booking_jobs.before_arrival, db, now, 0)
    assert (await told(db, soon)).count("before_arrival") == sent
    assert "before_arrival" not in await told(db, cancelled)
    if now < NINE + timedelta(days=1):
        assert "before_arrival" not in await told(db, just_booked)


async def test_one_guest_who_cannot_be_told_keeps_nobody_else_from_their_mail(db: Database) -> None:
    await small_hotel(db, rooms=3)
    booked = NINE - timedelta(days=20)
    found = sorted([await confirmed(db, 3, now=booked) for _ in range(3)])
    async with db.transaction() as tx:
        await tx.execute(
            """UPDATE reservation SET night_prices = '"broken"' WHERE booking_id = $1""", found[0]
        )
    await run(booking_jobs.before_arrival, db, NINE, 0)
    assert ["before_arrival" in await told(db, booking_id) for booking_id in found] == [False, True, True]


async def test_a_hold_that_fails_tells_nobody(db: Database) -> None:
    await small_hotel(db)
    quote = await make_quote(db, stay(5, 2))
    with suppress(ZeroDivisionError):
        async with db.transaction() as tx:
            await bookings.hold(tx, quote_id=quote.id, guest=GUEST, source="desk", now=NOW)
            raise ZeroDivisionError
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM mail_message") == 0


async def test_every_message_of_a_booking_can_be_written(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET email = 'desk@hotel.example'")
    booked = NINE - timedelta(days=20)
    booking_id = await held(db, 3, source="desk", now=booked)
    mailer = Answers("sent")

    async def deliver() -> None:
        async with db.transaction() as tx:
            # The clock of these bookings stands in 2030.
            await tx.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE queue_name = 'mail'")
        await work(database_url, mailer)

    await deliver()
    await bookings.pay(db, SandboxGateway(), booking_id=booking_id, token="tok_success", now=booked)
    await run(booking_jobs.before_arrival, db, NINE, 0)
    async with db.transaction() as tx:
        await bookings.amend(tx, booking_id=booking_id, departure=stay(3, 3).departure, now=NINE)
        await bookings.cancel(tx, booking_id=booking_id, now=NINE)
    await deliver()
    assert len(mailer.sent) == 5
    assert "2030" not in mailer.sent[0][1].subject  # the hold ends on the day on which it began
    assert all(GUEST.family_name in rendered.text for _, rendered in mailer.sent)
    # "Just reply to this message": who does reaches the hotel.
    assert {rendered.reply_to for _, rendered in mailer.sent} == {"desk@hotel.example"}
    placed = [rendered.text for _, rendered in mailer.sent if "Address: " in rendered.text]
    assert len(placed) == 2  # the confirmation, and that the stay begins
    assert all("Address: Portugal\n" in text for text in placed)


async def test_a_confirmation_tells_the_conditions_that_were_bought(db: Database) -> None:
    """Meals, what cancelling costs from when, and what not arriving costs; and what is always free is."""
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_plan SET meal = 3 WHERE code = 'FLEX'")
    texts = []
    for number, first in enumerate((5, 8)):
        if number:
            async with db.transaction() as tx:
                nothing = {"kind": "fixed", "value": 0}
                await tx.execute("UPDATE cancellation_policy SET steps = '[]', no_show = $1", nothing)
        booking_id = await confirmed(db, first, now=NOW)
        async with db.transaction() as tx:
            (message,) = await queries.of_booking(tx, booking_id)
        texts.append(rendered_message(message, links.plain).text)
    flexible, free = texts
    assert "DBL: Adults: 2; Breakfast included\n" in flexible
    assert "Total, taxes included: €200.00\n" in flexible
    until = "5 March 2030, 18:00 (Lisbon time)"
    assert f"You can cancel free of charge until {until}" in flexible
    assert f"If you cancel from {until}: €100.00\nIf you don’t arrive: €100.00\n" in flexible
    assert "You can cancel free of charge.\n" in free
    assert "cannot" not in free
    assert "If you don’t arrive: No charge\n" in free
