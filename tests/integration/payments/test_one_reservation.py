"""What is reserved follows what is owed, and one reservation at most stands for a debt: the surplus goes back
by itself, however it came about."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.errors import DomainError
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import refund_stages
from hotel_booking.domains.bookings.queries import booking_by_id
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.errors import PaymentDeclined, PaymentInProgress
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.reconcile import reconcile
from hotel_booking.domains.payments.refunds import give_refunds
from tests.clients.http_client import running
from tests.doubles.stripe import StripeDouble
from tests.factories.crash_scenarios import AGREED, CARD
from tests.factories.invariants import differences
from tests.factories.paying import (
    MINUTE,
    finish_waiting,
    held,
    look,
    one,
    paid,
    sound,
    stripe_settings,
    told,
)
from tests.factories.paying import gateways as gateways  # fixtures
from tests.factories.paying import hotel as hotel
from tests.factories.paying import stripe as stripe
from tests.factories.small_hotel import stay

BACK = "https://hotel.example/back"


async def shorten(db: Database, booking: UUID, nights: int) -> None:
    async with db.transaction() as tx:
        await service.amend(tx, booking_id=booking, departure=stay(20, nights).departure, now=utc_now())


async def worked(db: Database, gateways: Gateways) -> None:
    """The jobs of payments that wait are done, the sweep comes after a while, and refunds are sent."""
    await finish_waiting(db, gateways, utc_now())
    await service.finish_undecided(db, gateways, now=utc_now() + 2 * MINUTE, older_than=MINUTE)
    await give_refunds(db, gateways, now=utc_now())


async def test_a_shortened_booking_takes_what_is_owed_at_check_in(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    """1,000 were reserved; 200 are owed: 200 are taken, and the rest is let go."""
    booking = await paid(hotel, gateways, "RES", nights=10)
    assert (booking.total, booking.reserved) == (100_000, 100_000)
    await shorten(hotel, booking.id, 2)
    now = await look(hotel, booking.id)
    assert (now.total, now.reserved) == (20_000, 20_000)
    await sound(hotel)
    later = utc_now() + timedelta(days=30)
    async with hotel.transaction() as tx:
        await payments.take_now(tx, booking_id=booking.id, now=later)
    await service.finish_undecided(hotel, gateways, now=later + 2 * MINUTE, older_than=MINUTE)
    assert (await look(hotel, booking.id)).paid == 20_000
    sums = stripe.sums().popitem()[1]
    assert (sums.captured, sums.held, sums.refunded) == (20_000, 0, 0)
    await sound(hotel)


async def test_lengthened_again_it_takes_as_much_as_is_reserved(hotel: Database, gateways: Gateways) -> None:
    booking = await paid(hotel, gateways, "RES", nights=10)
    await shorten(hotel, booking.id, 2)
    await shorten(hotel, booking.id, 5)
    assert (await look(hotel, booking.id)).reserved == 50_000
    await shorten(hotel, booking.id, 12)
    now = await look(hotel, booking.id)
    assert (now.total, now.reserved) == (120_000, 100_000)
    await sound(hotel)


async def test_reserved_money_that_nobody_is_owed_is_seen_by_the_invariants(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await paid(hotel, gateways, "RES", nights=10)
    await shorten(hotel, booking.id, 2)
    async with hotel.transaction() as tx:
        await tx.execute("UPDATE payment SET to_capture = NULL")
    found = await differences(hotel, prices=False)
    assert [(item.invariant, item.found) for item in found] == [
        ("money_within_what_is_owed", "0 kept, 100000 reserved")
    ]


async def test_a_deposit_whose_first_card_was_refused_and_reserved_is_taken_once(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    """The gateway reserves, answers 400 and does not find it; its notice comes after another card's use."""
    booking = await held(hotel, "DEP")
    stripe.fail("payment_intents.confirm", "400", acted=True)
    stripe.fail("payment_intents.search", "400")
    stripe.fail("payment_intents.list", "400")
    with pytest.raises(PaymentDeclined):
        await service.pay(hotel, gateways.card, booking_id=booking.id, token=CARD, now=utc_now())
    stripe.heal()
    first = await one(hotel, "SELECT id FROM payment")
    assert stripe.sums()[str(first)].held == 6_000
    done = await service.pay(
        hotel, gateways.card, booking_id=booking.id, token="pm_card_mastercard", now=utc_now()
    )
    assert (done.status, done.booking.paid) == ("confirmed", 6_000)
    with suppress(DomainError):
        await service.finish_payment(hotel, gateways, payment_id=first, now=utc_now())
    await worked(hotel, gateways)
    now = await look(hotel, booking.id)
    assert (now.paid, now.reserved) == (6_000, 0)
    sums = stripe.sums()
    assert (sums[str(first)].held, sums[str(first)].captured) == (0, 0)
    assert sum(item.captured - item.refunded for item in sums.values()) == 6_000
    assert await one(hotel, "SELECT status FROM payment WHERE id = $1", first) == "voided"
    await sound(hotel)


async def test_a_refusal_that_was_none_is_found_at_once(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await held(hotel, "DEP")
    stripe.fail("payment_intents.confirm", "400", acted=True)
    done = await service.pay(hotel, gateways.card, booking_id=booking.id, token=CARD, now=utc_now())
    assert (done.status, done.booking.paid) == ("confirmed", 6_000)
    assert len(stripe.sums()) == 1
    await sound(hotel)


@pytest.mark.parametrize("page_first", [True, False])
async def test_a_page_and_a_card_in_another_tab_leave_one_reservation(
    hotel: Database, gateways: Gateways, stripe: StripeDouble, page_first: bool
) -> None:
    booking = await held(hotel, "RES")
    page = await service.pay(
        hotel, gateways.card, booking_id=booking.id, token=None, return_url=BACK, now=utc_now()
    )
    assert page.action_url is not None
    name = page.action_url.rsplit("/", 1)[-1]
    if page_first:
        stripe.complete(name)
    done = await service.pay(hotel, gateways.card, booking_id=booking.id, token=CARD, now=utc_now())
    assert done.status == "confirmed"
    assert done.payment_id != page.payment_id
    if not page_first:
        stripe.complete(name)
    await worked(hotel, gateways)
    assert sum(item.held for item in stripe.sums().values()) == 20_000
    assert (await look(hotel, booking.id)).reserved == 20_000
    await sound(hotel)


async def twice(hotel: Database, gateways: Gateways, stripe: StripeDouble) -> tuple[UUID, str]:
    """A reservation that stands, and a second one in the same payment's name, as the release before could
    leave it: the payment, and the second one's name at the gateway."""
    booking = await paid(hotel, gateways, "RES")
    payment: UUID = await one(hotel, "SELECT id FROM payment WHERE booking_id = $1", booking.id)
    second = stripe.account.intent(
        {
            "amount": 20_000,
            "currency": "eur",
            "capture_method": "manual",
            "payment_method_types": ["card"],
            "metadata": {"payment_id": str(payment), "booking": booking.reference},
        }
    )
    stripe.complete(second["id"])
    assert stripe.sums()[str(payment)].held == 40_000
    return payment, second["id"]


async def test_a_second_reservation_in_a_payments_name_is_let_go_by_its_notice(
    hotel: Database, database_url: str, gateways: Gateways, stripe: StripeDouble
) -> None:
    payment, second = await twice(hotel, gateways, stripe)
    settings = stripe_settings(database_url, stripe)
    async with running(settings) as (_, client):
        for event in [e for e in stripe.events if e["data"]["object"]["id"] == second]:
            await told(client, stripe, event)
    await worked(hotel, gateways)
    assert stripe.sums()[str(payment)].held == 20_000
    surplus = "SELECT status FROM payment WHERE gateway_reference = $1"
    assert await one(hotel, surplus, second) == "voided"
    assert await one(hotel, "SELECT count(*) FROM mail_message WHERE template = 'payment_returned'") == 1
    await sound(hotel)


async def test_a_second_reservation_without_any_notice_is_found_by_the_comparison(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    payment, second = await twice(hotel, gateways, stripe)
    soon = utc_now() + timedelta(hours=1)
    since = soon - timedelta(hours=2)
    found = await reconcile(hotel, gateways, since=since, until=soon, now=soon)
    assert [(item.kind, item.reference) for each in found for item in each.differences] == [
        ("surplus", second)
    ]
    await worked(hotel, gateways)
    assert stripe.sums()[str(payment)].held == 20_000
    again = await reconcile(hotel, gateways, since=since, until=soon, now=soon)
    assert [item for each in again for item in each.differences] == []
    await sound(hotel)


async def test_a_payment_that_is_closed_here_and_reserved_there_is_let_go_by_the_comparison(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "RES")
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=utc_now())
        await tx.execute("UPDATE payment SET status = 'voided'")
        await tx.execute("DELETE FROM procrastinate_jobs")
    assert stripe.sums().popitem()[1].held == 20_000
    soon = utc_now() + timedelta(hours=1)
    await reconcile(hotel, gateways, since=soon - timedelta(hours=2), until=soon, now=soon)
    await worked(hotel, gateways)
    assert stripe.sums().popitem()[1].held == 0
    await sound(hotel)


async def test_the_database_knows_one_reservation_for_a_debt(hotel: Database, gateways: Gateways) -> None:
    booking = await paid(hotel, gateways, "RES")
    with pytest.raises(asyncpg.UniqueViolationError):
        async with hotel.transaction() as tx:
            await tx.execute(
                "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, created_at,"
                "                     updated_at)"
                " VALUES (gen_random_uuid(), $1, 1, 'EUR', 'stripe', 'reserved', now(), now())",
                booking.id,
            )
    assert await one(hotel, "SELECT count(*) FROM payment") == 1


async def test_a_balance_that_is_being_taken_is_not_asked_for_again(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "DEP", agreement=AGREED)
    stripe.fail("payment_intents.capture", "500", times=9)
    done = await service.pay(
        hotel, gateways.card, booking_id=booking.id, token=CARD, now=utc_now(), balance=True
    )
    assert done.booking.reserved == 14_000
    async with hotel.transaction() as tx:
        await service.amend(tx, booking_id=booking.id, departure=stay(20, 3).departure, now=utc_now())
    with pytest.raises(PaymentInProgress):
        await service.pay(
            hotel, gateways.card, booking_id=booking.id, token=CARD, now=utc_now(), balance=True
        )
    assert len(stripe.sums()) == 2
    await sound(hotel)


async def test_a_goodwill_refund_is_no_debt(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "PRE")
    async with hotel.transaction() as tx:
        gift = await service.give_back(
            tx, booking_id=booking.id, amount=3_000, reason="noise at night", now=utc_now()
        )
    await give_refunds(hotel, gateways, now=utc_now())
    now = await look(hotel, booking.id)
    assert (gift, now.paid, now.goodwill) == (3_000, 17_000, 3_000)
    balance = "SELECT sum(amount) FROM ledger WHERE booking_id = $1"
    assert await one(hotel, balance, booking.id) == 0
    assert await one(hotel, "SELECT owed FROM booking_entry") == 0
    await service.collect(hotel, gateways, booking_id=booking.id, now=utc_now() + timedelta(days=40))
    assert stripe.sums().popitem()[1].captured == 20_000
    await sound(hotel)
    # A change afterwards asks for the difference alone, and a cancellation gives back what is left.
    await shorten(hotel, booking.id, 3)
    longer = await look(hotel, booking.id)
    assert await one(hotel, "SELECT owed FROM booking_entry") == 10_000
    await sound(hotel)
    async with hotel.transaction() as tx:
        result = await service.cancel(tx, booking_id=longer.id, now=utc_now())
    assert (result.fee, result.refund, result.owed) == (0, 17_000, 0)
    await sound(hotel)


async def test_what_was_let_go_is_let_go_of_the_fee_as_it_is_shown(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await paid(hotel, gateways, "NRF")
    total = booking.total
    async with hotel.transaction() as tx:
        await service.give_back(tx, booking_id=booking.id, amount=3_000, reason="noise", now=utc_now())
    await give_refunds(hotel, gateways, now=utc_now())
    (stage,) = refund_stages(await look(hotel, booking.id), utc_now())
    assert (stage.fee, stage.refund) == (total - 3_000, 0)
    async with hotel.transaction() as tx:
        done = await service.cancel(tx, booking_id=booking.id, now=utc_now(), expected_fee=stage.fee)
        outcome = await service.fee_outcome(tx, await booking_by_id(tx, booking.id))
    assert (done.fee, done.refund, done.owed) == (total - 3_000, 0, 0)
    assert outcome is not None
    assert (outcome.state, outcome.fee) == ("settled", total - 3_000)
    await sound(hotel)


async def test_a_refund_that_is_paid_in_another_way_stays_owed_and_a_surplus_is_no_gift(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await paid(hotel, gateways, "PRE")
    async with hotel.transaction() as tx:
        assert not await service.give_back(
            tx, booking_id=booking.id, amount=20_000, reason="cash", still_owed=True, now=utc_now()
        )
    await give_refunds(hotel, gateways, now=utc_now())
    assert await one(hotel, "SELECT owed FROM booking_entry") == 20_000
    assert (await look(hotel, booking.id)).goodwill == 0
    await sound(hotel)


async def test_a_fee_that_is_given_back_is_no_debt_either(hotel: Database, gateways: Gateways) -> None:
    booking = await paid(hotel, gateways, "NRF")
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=utc_now())
    async with hotel.transaction() as tx:
        await service.give_back(tx, booking_id=booking.id, amount=8_000, reason="kindness", now=utc_now())
    await give_refunds(hotel, gateways, now=utc_now())
    assert (await look(hotel, booking.id)).paid == 10_000
    assert await one(hotel, "SELECT owed FROM booking_entry") == 0
    assert await one(hotel, "SELECT sum(amount) FROM ledger") == 0
    await sound(hotel)
