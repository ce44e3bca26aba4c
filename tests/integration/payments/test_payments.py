"""Deposits, balances, fees, refunds, notices, the comparison: the real library on a double of Stripe."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from hotel_booking.core.clock import utc_now
from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.due import due_at, next_collection, refund_stages, still_open
from hotel_booking.domains.bookings.errors import PriceChanged, WrongState
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.domains.payments import queries
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.errors import (
    AmountMismatch,
    NoGateway,
    PaymentDeclined,
    RefundRepeated,
    TooMuch,
)
from hotel_booking.domains.payments.gateway import Gateways, Outcome
from hotel_booking.domains.payments.reconcile import reconcile
from hotel_booking.domains.payments.refunds import give_refunds
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.searching import Searching
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.clients.http_client import running
from tests.clients.outbox import sent
from tests.doubles.stripe import StripeDouble
from tests.factories.crash_scenarios import AGREED, CARD
from tests.factories.invariants import differences
from tests.factories.paying import (
    DAY,
    MINUTE,
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
from tests.factories.small_hotel import GUEST, SLUG, make_quote, stay


async def test_a_deposit_now_and_the_balance_on_its_day_from_the_kept_card(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "DEP", agreement=AGREED)
    assert (booking.total, booking.paid) == (20_000, 6_000)
    day = next_collection(booking, utc_now())
    assert day is not None
    assert await one(hotel, "SELECT collect_at FROM booking") == day
    assert due_at(booking, day - MINUTE) == 6_000
    await service.collect(hotel, gateways, booking_id=booking.id, now=day - MINUTE)
    assert (await look(hotel, booking.id)).paid == 6_000
    await service.collect(hotel, gateways, booking_id=booking.id, now=day)
    await service.collect(hotel, gateways, booking_id=booking.id, now=day + MINUTE)
    assert (await look(hotel, booking.id)).paid == 20_000
    assert await one(hotel, "SELECT collect_at FROM booking") is None
    assert sum(item.captured for item in stripe.sums().values()) == 20_000
    assert await one(hotel, "SELECT agreement FROM saved_card") == AGREED
    await sound(hotel)


IN_MARCH = datetime(2030, 3, 1, 12, tzinfo=UTC)  # ten days before the 11th


async def deposited(db: Database, gateways: Gateways, days: Stay) -> Booking:
    """A booking of the plan with a deposit, paid as it asks on that day."""
    quote = await make_quote(db, days, plan="DEP", now=IN_MARCH)
    async with db.transaction() as tx:
        hold = await service.hold(tx, quote_id=quote.id, guest=GUEST, now=IN_MARCH)
    done = await service.pay(
        db, gateways.card, booking_id=hold.booking.id, token=CARD, agreement=AGREED, now=IN_MARCH
    )
    return done.booking


@pytest.mark.parametrize(("first", "due"), [(5, 20_000), (20, 6_000)])
async def test_who_books_after_the_day_of_the_balance_pays_all_of_it_at_once(
    hotel: Database, gateways: Gateways, stripe: StripeDouble, first: int, due: int
) -> None:
    """What is said to be due is what is taken: nothing a minute later."""
    days = stay(first, 2)
    async with hotel.transaction() as tx:
        sold = await Searching(tx).offers(SLUG, days, [Occupancy(2)], now=IN_MARCH)
    offers = {(offer.total, offer.due_now) for offer in sold.offers if offer.rate_plan == "DEP"}
    assert offers == {(20_000, due)}
    booking = await deposited(hotel, gateways, days)
    assert (booking.due_now, booking.paid, due_at(booking, IN_MARCH)) == (due, due, due)
    await service.collect(hotel, gateways, booking_id=booking.id, now=IN_MARCH + MINUTE)
    assert (await look(hotel, booking.id)).paid == due
    assert sum(item.captured for item in stripe.sums().values()) == due
    await sound(hotel)


async def test_a_preview_of_a_change_says_what_is_taken_at_once(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    """The deposit of what is longer; all of a stay whose balance is due by then. It is what is asked for."""
    booking = await deposited(hotel, gateways, stay(20, 2))
    soon = stay(5, 2)
    async with hotel.transaction() as tx:
        longer = await service.preview_amend(
            tx, booking_id=booking.id, now=IN_MARCH, departure=stay(20, 3).departure
        )
        assert (longer.difference, longer.due_now) == (10_000, 3_000)
        days: dict[str, Any] = {"arrival": soon.arrival, "departure": soon.departure}
        sooner = await service.preview_amend(tx, booking_id=booking.id, now=IN_MARCH, **days)
        assert (sooner.difference, sooner.due_now) == (0, 14_000)
        assert await service.amend(tx, booking_id=booking.id, now=IN_MARCH, **days) == sooner
    assert still_open(await look(hotel, booking.id), IN_MARCH) == sooner.due_now
    await service.collect(hotel, gateways, booking_id=booking.id, now=IN_MARCH + MINUTE)
    assert (await look(hotel, booking.id)).paid == 20_000
    assert sum(item.captured for item in stripe.sums().values()) == 20_000
    await sound(hotel)


@pytest.mark.parametrize("card", ["pm_card_chargeCustomerFail", "pm_card_authenticationRequired", "gone"])
async def test_a_declined_balance_is_told_to_the_guest_and_tried_three_times(
    hotel: Database, gateways: Gateways, stripe: StripeDouble, card: str
) -> None:
    """Also where the gateway would take another card for the same payment: nobody is there to give it one."""
    to_confirm = card == "pm_card_authenticationRequired"
    booking = await paid(hotel, gateways, "DEP", agreement=AGREED)
    async with hotel.transaction() as tx:
        if card == "gone":
            await tx.execute("UPDATE saved_card SET method = 'pm_gone'")
    for method in stripe.account.of("payment_method") if card != "gone" else ():
        method["metadata"]["test"] = card
    at = next_collection(booking, utc_now())
    for _ in range(5):
        if at is None:
            break
        await service.collect(hotel, gateways, booking_id=booking.id, now=at)
        at = await one(hotel, "SELECT collect_at FROM booking")
    tries = await one(hotel, "SELECT count(*) FROM payment WHERE status = 'declined' AND purpose = 'balance'")
    mails = await one(hotel, "SELECT count(*) FROM mail_message WHERE template = 'balance_due'")
    assert (tries, mails, (await look(hotel, booking.id)).paid) == (3, 3, 6_000)
    for mail in (mail for mail in await sent(hotel) if mail.template == "balance_due"):
        text = render(mail.template, "en", mail.data | {"link": "x"}, sender="x").text
        assert ("confirm the payment yourself" in text, "declined" in text) == (to_confirm, not to_confirm)
    await sound(hotel)


@pytest.mark.parametrize("by_guest", [False, True])
async def test_a_declined_balance_whose_answer_was_lost_is_told_where_nobody_waited_for_it(
    hotel: Database, gateways: Gateways, stripe: StripeDouble, by_guest: bool
) -> None:
    """By the sweep that finds it out. Of a payment that the guest makes on the page, no mail speaks."""
    booking = await paid(hotel, gateways, "DEP", agreement=AGREED)
    for method in stripe.account.of("payment_method"):
        method["metadata"]["test"] = "pm_card_chargeCustomerFail"
    at = next_collection(booking, utc_now())
    assert at is not None
    stripe.fail("payment_intents.create", "drop", acted=True, times=9)
    if by_guest:
        token = "pm_card_visa_chargeDeclined"
        await service.pay(
            hotel, gateways.card, booking_id=booking.id, token=token, now=at - MINUTE, balance=True
        )
    else:
        await service.collect(hotel, gateways, booking_id=booking.id, now=at)
    state = "SELECT status FROM payment WHERE purpose = 'balance'"
    assert await one(hotel, state) == "unknown"
    stripe.heal()
    stripe.later(120)
    await service.finish_undecided(hotel, gateways, now=at + 5 * MINUTE, older_than=MINUTE)
    mails = await one(hotel, "SELECT count(*) FROM mail_message WHERE template = 'balance_due'")
    # The guest may try another card for the same payment.
    assert (await one(hotel, state), mails) == (("requires_action", 0) if by_guest else ("declined", 1))
    await sound(hotel)


async def test_without_a_kept_card_the_balance_is_asked_for_by_mail_and_paid_by_its_link(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await paid(hotel, gateways, "DEP")
    day = next_collection(booking, utc_now())
    assert day is not None
    await service.collect(hotel, gateways, booking_id=booking.id, now=day)
    assert await one(hotel, "SELECT count(*) FROM mail_message WHERE template = 'balance_due'") == 1
    again = await service.pay(hotel, gateways.card, booking_id=booking.id, token=CARD, now=day)
    assert again.booking.paid == 6_000  # a form for the hold, sent twice, pays nothing more
    with pytest.raises(PriceChanged):
        await service.pay(
            hotel, gateways.card, booking_id=booking.id, token=CARD, now=day, balance=True, expected=13_999
        )
    done = await service.pay(
        hotel, gateways.card, booking_id=booking.id, token=CARD, now=day, balance=True, expected=14_000
    )
    assert done.booking.paid == 20_000
    await sound(hotel)


async def test_reserved_money_is_taken_at_check_in_or_before_the_bank_lets_it_go(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "RES")
    assert (booking.paid, booking.reserved) == (0, 20_000)
    capture_at = await one(hotel, "SELECT capture_at FROM payment")
    assert capture_at - utc_now() < gateways.card.holds_for
    await service.finish_undecided(hotel, gateways, now=capture_at - MINUTE, older_than=MINUTE)
    assert (await look(hotel, booking.id)).paid == 0
    await service.finish_undecided(hotel, gateways, now=capture_at + MINUTE, older_than=MINUTE)
    assert (await look(hotel, booking.id)).paid == 20_000
    assert stripe.sums().popitem()[1].captured == 20_000
    await sound(hotel)


async def test_cancelling_with_a_fee_takes_only_the_fee_of_what_is_reserved(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "RES")
    stages = refund_stages(booking, utc_now())
    assert [(stage.fee, stage.refund) for stage in stages] == [(0, 20_000), (10_000, 10_000)]
    late = stages[1].since
    assert late is not None
    async with hotel.transaction() as tx:
        result = await service.cancel(tx, booking_id=booking.id, now=late)
    assert (result.fee, result.refund, result.released, result.owed) == (10_000, 0, 10_000, 0)
    await service.finish_undecided(hotel, gateways, now=late + 2 * MINUTE, older_than=MINUTE)
    assert (await look(hotel, booking.id)).paid == 10_000
    sums = stripe.sums().popitem()[1]
    assert (sums.captured, sums.held) == (10_000, 0)
    await sound(hotel)


async def test_the_fee_of_a_no_show_is_charged_to_the_kept_card(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "DEP", agreement=AGREED)
    arrival = booking.reservations[0].arrival
    evening = datetime.combine(arrival, time(23), UTC)
    async with hotel.transaction() as tx:
        await service.no_show(tx, booking_id=booking.id, now=evening, on=arrival)
    fee = sum(room.fee for room in (await look(hotel, booking.id)).reservations)
    await service.collect(hotel, gateways, booking_id=booking.id, now=evening)
    assert (await look(hotel, booking.id)).paid == max(fee, 6_000)
    assert sum(item.captured - item.refunded for item in stripe.sums().values()) == max(fee, 6_000)
    await sound(hotel)


async def test_a_declined_fee_is_told_to_whoever_owes_it_in_their_language(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "DEP", agreement=AGREED)
    for method in stripe.account.of("payment_method"):
        method["metadata"]["test"] = "pm_card_chargeCustomerFail"
    evening = datetime.combine(booking.reservations[0].arrival, time(23), UTC)
    async with hotel.transaction() as tx:
        await service.no_show(tx, booking_id=booking.id, now=evening)
    await service.collect(hotel, gateways, booking_id=booking.id, now=evening)
    over = await look(hotel, booking.id)
    assert (over.fee, over.paid) == (10_000, 6_000)
    (mail,) = (each for each in await sent(hotel) if each.template == "balance_due")
    said = {
        "en": ("No-show fee: €100.00", "your booking", "Total"),
        "de": ("Gebühr bei Nichtanreise: 100,00", "Ihre Buchung", "Gesamtpreis"),
        "fr": ("Frais de non-présentation", "votre réservation", "Total"),
        "es": ("Gastos por no presentarse: 100,00", "su reserva", "Total"),
        "ar": ("رسوم عدم الحضور", "حجزكم", "الإجمالي"),
    }
    for language, (fee, what, price) in said.items():
        told = render(mail.template, language, mail.data | {"link": "x"}, sender="x")
        assert what in told.subject
        assert fee in told.text
        assert price not in told.text
    await sound(hotel)


async def test_a_card_of_another_amount_confirms_nothing_and_goes_back(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await held(hotel, "NRF")
    opened = await service.pay(hotel, gateways.card, booking_id=booking.id, token=None, now=utc_now())
    assert opened.status == "requires_action"
    assert opened.payment_id is not None
    wrong = Outcome("authorised", reference="pi_x", amount=100, currency="EUR")
    async with hotel.transaction() as tx:
        payment = await payments.look_up(tx, opened.payment_id)
    with pytest.raises(AmountMismatch):
        await service.settle(hotel, gateways.card, payment, wrong, utc_now())
    assert (await look(hotel, booking.id)).status == "held"
    assert "asked were" in await one(hotel, "SELECT problem FROM payment")
    assert await one(hotel, "SELECT count(*) FROM ledger_entry") == 0
    await sound(hotel)


async def test_the_page_of_the_gateway_and_its_notice_confirm_once_in_any_order(
    hotel: Database, database_url: str, stripe: StripeDouble
) -> None:
    settings = stripe_settings(database_url, stripe)
    async with running(settings) as (app, client):
        gateways: Gateways = app.state.gateways
        booking = await held(hotel, "NRF")
        opened = await service.pay(hotel, gateways.card, booking_id=booking.id, token=None, now=utc_now())
        again = await service.pay(hotel, gateways.card, booking_id=booking.id, token=None, now=utc_now())
        assert again.action_token == opened.action_token  # two tabs, one payment
        intent = stripe.intents(opened.payment_id)[0]
        stripe.complete(intent["id"])
        event = stripe.events[-1]
        body, signature = stripe.signed(event)
        for _ in range(3):
            await told(client, stripe, event)
        assert await one(hotel, "SELECT count(*) FROM gateway_notice") == 1
        jobs = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'bookings:finish_payment'"
        assert await one(hotel, jobs) == 1
        for _ in range(2):
            assert opened.payment_id is not None
            await service.finish_payment(hotel, gateways, payment_id=opened.payment_id, now=utc_now())
        assert (await look(hotel, booking.id)).paid == 18_000
        for bad, headers in (
            (body + b" ", {"stripe-signature": signature}),
            (body, {}),
            (body, {"stripe-signature": stripe.signed(event, at=1_000_000)[1]}),
            (body, {"stripe-signature": stripe.signed(event, secret="whsec_other")[1]}),
        ):
            refused = await client.post("/webhooks/stripe", content=bad, headers=headers)
            assert (refused.status_code, refused.json()["code"]) == (400, "forged_notice")
        assert (await client.post("/webhooks/nobody", content=body)).status_code == 404
        assert await one(hotel, "SELECT count(*) FROM gateway_notice") == 1
    await sound(hotel)


async def test_a_dispute_stands_on_the_booking_whatever_order_its_notices_come_in(
    hotel: Database, database_url: str, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "NRF")
    settings = stripe_settings(database_url, stripe)
    reference = await one(hotel, "SELECT gateway_reference FROM payment")
    async with running(settings) as (_, client):
        opened = stripe.open_dispute(reference)
        for event in reversed([e for e in stripe.events if e["type"].startswith("charge.dispute")]):
            await told(client, stripe, event)
    async with hotel.transaction() as tx:
        found = await queries.disputes(tx, booking.id)
    assert [(row.reference, row.amount) for row in found] == [(opened["id"], 18_000)]


async def test_refunds_by_hand_stay_within_what_was_paid(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await paid(hotel, gateways, "PRE")
    now = utc_now()

    async def give(amount: int, *, again: bool = False) -> None:
        async with hotel.transaction() as tx:
            await payments.give_back(
                tx, booking_id=booking.id, amount=amount, reason="kindness", now=now, again=again
            )

    with pytest.raises(TooMuch):
        await give(20_001)
    await give(5_000)
    with pytest.raises(RefundRepeated):
        await give(5_000)
    await give(5_000, again=True)
    with pytest.raises(TooMuch):
        await give(10_001)
    assert await give_refunds(hotel, gateways, now=now) == 2
    assert await give_refunds(hotel, gateways, now=now) == 0
    assert (await look(hotel, booking.id)).paid == 10_000
    assert stripe.sums().popitem()[1].refunded == 10_000
    await sound(hotel)


async def test_a_refund_that_failed_is_reversed_in_the_ledger_and_can_be_sent_again(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await paid(hotel, gateways, "PRE")
    now = utc_now()
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=now)
    await give_refunds(hotel, gateways, now=now)
    refund_id = await one(hotel, "SELECT id FROM refund")
    for _ in range(2):
        async with hotel.transaction() as tx:
            await payments.refund_failed(tx, refund_id=refund_id, now=now, problem="the account is closed")
    assert (await look(hotel, booking.id)).paid == 20_000
    assert await one(hotel, "SELECT sum(amount) FROM ledger WHERE booking_id = $1", booking.id) == -20_000
    async with hotel.transaction() as tx:
        assert await payments.send_again(tx, refund_id=refund_id, now=now)
        assert not await payments.send_again(tx, refund_id=refund_id, now=now)
    assert (await look(hotel, booking.id)).paid == 0
    assert await differences(hotel) == []


async def test_the_comparison_names_every_difference(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    await paid(hotel, gateways, "NRF")
    await paid(hotel, gateways, "PRE")
    now = utc_now() + timedelta(hours=1)

    async def found() -> list[tuple[str, str, str]]:
        (result,) = await reconcile(hotel, gateways, since=now - DAY, until=now, now=now)
        assert result.payments == 2
        return sorted((item.kind, item.ours, item.theirs) for item in result.differences)

    assert await found() == []
    reference = await one(hotel, "SELECT gateway_reference FROM payment ORDER BY created_at LIMIT 1")
    stripe.refund_by_hand(reference, 700)
    assert await found() == [("refunded", "€0.00", "€7.00")]
    async with hotel.transaction() as tx:
        await tx.execute(
            "UPDATE payment SET amount = amount - 1, status = 'voided' WHERE gateway_reference <> $1",
            reference,
        )
    kinds = [kind for kind, _, _ in await found()]
    assert kinds == ["amount", "captured", "refunded"]
    async with hotel.transaction() as tx:
        await tx.execute("UPDATE payment SET gateway = 'other' WHERE gateway_reference <> $1", reference)
        await tx.execute(
            "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, created_at, updated_at)"
            " SELECT gen_random_uuid(), id, 500, 'EUR', 'stripe', 'reserved', now(), now()"
            "  FROM booking LIMIT 1"
        )
    (result,) = await reconcile(hotel, gateways, since=now - DAY, until=now, now=now)
    assert {"unknown_to_us", "unknown_to_gateway"} <= {item.kind for item in result.differences}
    assert await one(hotel, "SELECT count(*) FROM reconciliation_difference") >= 5


async def test_a_transfer_keeps_the_rooms_until_its_day_and_is_released_by_itself(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await held(hotel, "NRF")
    now = utc_now()
    transfer = gateways.of("bank_transfer")
    asked = await service.pay(hotel, transfer, booking_id=booking.id, token=None, now=now)
    assert asked.status == "requires_action"
    assert "IBAN" in (asked.action_text or "")
    waiting = await look(hotel, booking.id)
    assert waiting.hold_expires_at == now + 3 * DAY
    assert await one(hotel, "SELECT count(*) FROM mail_message WHERE template = 'transfer_expected'") == 1
    async with hotel.transaction() as tx:
        assert not await service.lapse(tx, booking_id=booking.id, now=now + 2 * DAY)
        assert await service.lapse(tx, booking_id=booking.id, now=now + 3 * DAY)
    await service.finish_undecided(hotel, gateways, now=now + 4 * DAY, older_than=MINUTE)
    assert await one(hotel, "SELECT status FROM payment") == "voided"
    near = await held(hotel, "NRF", 22)
    arrival = near.reservations[0].arrival
    async with hotel.transaction() as tx:
        await tx.execute(
            "UPDATE booking SET hold_expires_at = $1, created_at = $1 WHERE id = $2",
            booking.created_at.replace(year=arrival.year, month=arrival.month, day=arrival.day),
            near.id,
        )
    just_before = booking.created_at.replace(
        year=arrival.year, month=arrival.month, day=arrival.day
    ) - timedelta(hours=20)
    with pytest.raises(NoGateway):
        await service.pay(hotel, transfer, booking_id=near.id, token=None, now=just_before)


async def test_another_way_to_pay_closes_the_first(
    hotel: Database, gateways: Gateways, stripe: StripeDouble
) -> None:
    booking = await held(hotel, "NRF")
    opened = await service.pay(hotel, gateways.card, booking_id=booking.id, token=None, now=utc_now())
    await service.pay(hotel, gateways.of("bank_transfer"), booking_id=booking.id, token=None, now=utc_now())
    await service.finish_undecided(hotel, gateways, now=utc_now() + 2 * MINUTE, older_than=MINUTE)
    assert opened.payment_id is not None
    assert stripe.intents(opened.payment_id)[0]["status"] == "canceled"
    assert await one(hotel, "SELECT status FROM payment WHERE gateway = 'stripe'") == "voided"


async def test_a_declined_card_and_a_second_booking_of_the_same_room(
    hotel: Database, gateways: Gateways
) -> None:
    booking = await held(hotel, "NRF")
    with pytest.raises(PaymentDeclined):
        await service.pay(
            hotel,
            gateways.card,
            booking_id=booking.id,
            token="pm_card_visa_chargeDeclined",
            now=utc_now(),
        )
    assert (await look(hotel, booking.id)).status == "held"
    done = await service.pay(hotel, gateways.card, booking_id=booking.id, token=CARD, now=utc_now())
    assert done.booking.paid == 18_000
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=utc_now())
        with pytest.raises(WrongState):
            await service.cancel(tx, booking_id=booking.id, now=utc_now())


async def test_the_sandbox_keeps_its_books_in_the_database(hotel: Database) -> None:
    gateways = Gateways(SandboxGateway(hotel))
    booking = await paid(hotel, gateways, "PRE", token="tok_success")
    async with hotel.transaction() as tx:
        await service.cancel(tx, booking_id=booking.id, now=utc_now())
    await give_refunds(hotel, gateways, now=utc_now())
    async with hotel.transaction() as tx:
        row = await tx.fetchrow("SELECT status, captured, refunded FROM sandbox_payment")
    assert row is not None
    assert tuple(row.values()) == ("captured", 20_000, 20_000)
    now = utc_now() + timedelta(hours=1)
    (result,) = await reconcile(hotel, gateways, since=now - DAY, until=now, now=now)
    assert (result.payments, result.differences) == (1, [])


async def test_booking_success_is_counted_and_declines_apart(hotel: Database, gateways: Gateways) -> None:
    def counted() -> dict[str, float]:
        name = "hotel_booking_payment_attempts_total"
        return {
            ending: REGISTRY.get_sample_value(name, {"outcome": ending}) or 0.0
            for ending in ("confirmed", "declined", "failed", "too_late")
        }

    before = counted()
    booking = await held(hotel, "NRF")
    with pytest.raises(PaymentDeclined):
        await service.pay(
            hotel, gateways.card, booking_id=booking.id, token="pm_card_visa_chargeDeclined", now=utc_now()
        )
    for _ in range(2):
        await service.pay(hotel, gateways.card, booking_id=booking.id, token=CARD, now=utc_now())
    after = counted()
    assert {name: after[name] - before[name] for name in after} == {
        "confirmed": 1,
        "declined": 1,
        "failed": 0,
        "too_late": 0,
    }
