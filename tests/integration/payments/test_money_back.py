"""What comes back, when and by what way: told before a cancellation and after it by one struct."""

from __future__ import annotations

from datetime import timedelta

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import refund_stages
from hotel_booking.domains.bookings.money_back import MoneyBack, foresee, what_came_back
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.refunds import give_refunds
from tests.factories.paying import (
    MINUTE,
    held,
    look,
    one,
    paid,
)
from tests.factories.paying import gateways as gateways  # fixtures
from tests.factories.paying import hotel as hotel
from tests.factories.paying import stripe as stripe


def sums(money: MoneyBack) -> tuple[int, int, int, int, int, int]:
    return money.paid, money.reserved, money.kept, money.owed, money.back, money.released


async def test_a_paid_booking_tells_its_refund_before_and_after(hotel: Database, gateways: Gateways) -> None:
    booking = await paid(hotel, gateways, "PRE")
    now = refund_stages(booking, utc_now())[1].since
    assert now is not None
    async with hotel.transaction() as tx:
        before = await foresee(tx, booking, service.cancellation_at(booking, now), now=now)
        await service.cancel(tx, booking_id=booking.id, now=now)
    assert sums(before) == (20_000, 0, 10_000, 0, 10_000, 0)
    part = before.parts[0]
    assert (part.amount, part.way, part.state) == (10_000, "card", "due")
    assert part.by == (now + timedelta(days=10)).date()
    async with hotel.transaction() as tx:
        due = await what_came_back(tx, await look(hotel, booking.id))
    assert (sums(due), due.parts[0].state) == (sums(before), "due")
    await give_refunds(hotel, gateways, now=now + MINUTE)
    async with hotel.transaction() as tx:
        done = await what_came_back(tx, await look(hotel, booking.id))
    assert (sums(done), done.parts[0].state, done.parts[0].since) == (sums(before), "sent", now + MINUTE)


async def test_what_was_only_reserved_is_said_to_be_let_go(hotel: Database, gateways: Gateways) -> None:
    booking = await paid(hotel, gateways, "RES")
    late = refund_stages(booking, utc_now())[1].since
    assert late is not None
    async with hotel.transaction() as tx:
        before = await foresee(tx, booking, service.cancellation_at(booking, late), now=late)
        await service.cancel(tx, booking_id=booking.id, now=late)
    assert sums(before) == (0, 20_000, 10_000, 0, 0, 10_000)
    await service.finish_undecided(hotel, gateways, now=late + 2 * MINUTE, older_than=MINUTE)
    async with hotel.transaction() as tx:
        after = await what_came_back(tx, await look(hotel, booking.id))
    # The fee was taken of it in the meantime; the rest never left the guest's account.
    assert sums(after) == (10_000, 10_000, 10_000, 0, 0, 10_000)
    assert [(part.amount, part.way, part.state) for part in after.parts] == [(10_000, "card", "released")]


async def test_a_transfer_goes_back_as_one_and_a_failed_refund_is_no_secret(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await held(hotel, "PRE")
    transfer = gateways.of("bank_transfer")
    opened = await service.pay(hotel, transfer, booking_id=booking.id, token=None, now=utc_now())
    assert opened.payment_id is not None
    await service.received(
        hotel, gateways, payment_id=opened.payment_id, amount=20_000, reference="1", now=utc_now()
    )
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=utc_now())
    async with hotel.transaction() as tx:
        due = await what_came_back(tx, await look(hotel, booking.id))
        await tx.execute("UPDATE refund SET status = 'failed', problem = 'no such account'")
    assert [(part.amount, part.way, part.state) for part in due.parts] == [(20_000, "transfer", "due")]
    async with hotel.transaction() as tx:
        failed = await what_came_back(tx, await look(hotel, booking.id))
    assert (failed.parts[0].state, failed.parts[0].by, failed.kept) == ("failed", None, 0)


async def test_nothing_paid_gives_nothing_back_and_says_so(hotel: Database, gateways: Gateways) -> None:
    booking = await held(hotel, "FLEX")
    house = gateways.of("pay_at_property")
    await service.pay(hotel, house, booking_id=booking.id, token="guarantee", now=utc_now())
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=utc_now())
    async with hotel.transaction() as tx:
        money = await what_came_back(tx, await look(hotel, booking.id))
    assert (sums(money), money.parts) == ((0, 0, 0, 0, 0, 0), ())
    assert await one(hotel, "SELECT count(*) FROM refund") == 0
