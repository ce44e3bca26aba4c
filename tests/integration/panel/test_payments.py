"""The money of a booking in the panel, as finance and the front desk use it, and those who may not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.notifications.rendering import render
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.refunds import give_refunds
from tests.clients.http_client import running, settings_for
from tests.clients.outbox import sent
from tests.clients.staff_client import signed_in
from tests.factories.paying import (
    held,
    look,
    one,
    paid,
)
from tests.factories.paying import hotel as hotel  # a fixture
from tests.factories.small_hotel import SLUG


@asynccontextmanager
async def panel(
    url: str, db: Database, role: Role = Role.OWNER, slug: str | None = None
) -> AsyncIterator[tuple[httpx.AsyncClient, Gateways]]:
    settings = settings_for(url, mfa_required=False, bank_account="Sea View, IBAN PT50 0000")
    async with running(settings) as (app, _), signed_in(app, db, (role, slug)) as client:
        yield client, app.state.gateways


async def sold(db: Database, gateways: Gateways, plan: str = "PRE", **more: Any) -> Booking:
    return await paid(db, gateways, plan, token="tok_success", **more)


def page_of(booking: Booking) -> str:
    return f"/admin/bookings/{booking.reference}/payments"


async def test_finance_refunds_a_part_and_never_too_much(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel, Role.FINANCE) as (client, gateways):
        booking = await sold(hotel, gateways)
        where = page_of(booking)
        form = {"amount": "50.00", "reason": "<script>alert(1)</script>"}
        assert (await client.post(f"{where}/refund", data=form)).status_code == 303
        again = await client.post(f"{where}/refund", data=form)
        assert again.status_code == 422
        assert "Yes, refund the same amount" in again.text
        assert (await client.post(f"{where}/refund", data={**form, "again": "true"})).status_code == 303
        for bad in ("100.01", "0", "-5", "abc", "", "9" * 30):
            refused = await client.post(f"{where}/refund", data={"amount": bad, "reason": "x"})
            assert refused.status_code == 422, bad
        await give_refunds(hotel, gateways, now=utc_now())
        assert (await look(hotel, booking.id)).paid == 10_000
        text = (await client.get(where)).text
        assert "<script>alert" not in text
        assert text.count("Refunded") == 2
        assert "Payments and account" in (await client.get(f"/admin/bookings/{booking.reference}")).text


async def test_reserved_money_is_taken_or_let_go_and_the_gateway_is_asked(
    hotel: Database, database_url: str
) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        taken, freed = [await sold(hotel, gateways, "RES") for _ in range(2)]
        ids = {}
        for booking in (taken, freed):
            ids[booking.id] = await one(hotel, "SELECT id FROM payment WHERE booking_id = $1", booking.id)
            asked = await client.get(page_of(booking), params={"ask": str(ids[booking.id])})
            assert "The gateway says" in asked.text
            assert "Reserved, €200.00" in asked.text
        for act, booking in (("take", taken), ("release", freed)):
            answer = await client.post(f"{page_of(booking)}/{ids[booking.id]}/{act}")
            assert answer.status_code == 303
            await service.finish_payment(hotel, gateways, payment_id=ids[booking.id], now=utc_now())
            repeated = await client.post(f"{page_of(booking)}/{ids[booking.id]}/{act}")
            assert repeated.status_code == 409
        assert (await look(hotel, taken.id)).paid == 20_000
        assert await one(hotel, "SELECT status FROM payment WHERE id = $1", ids[freed.id]) == "voided"
        foreign = await client.post(f"{page_of(taken)}/{ids[freed.id]}/take")
        assert foreign.status_code == 404


async def test_a_transfer_is_noted_and_given_back_by_hand(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, _):
        booking = await held(hotel, "PRE")
        where = page_of(booking)
        assert "Pay by transfer" in (await client.get(where)).text
        assert (await client.post(f"{where}/transfer")).status_code == 303
        payment_id = await one(hotel, "SELECT id FROM payment")
        wrong = await client.post(
            f"{where}/{payment_id}/received", data={"received": "199.00", "statement": "17/3"}
        )
        assert wrong.status_code == 422
        assert wrong.text.count("nothing was recorded") == 1  # beside the field
        assert (await look(hotel, booking.id)).status == "held"
        right = await client.post(
            f"{where}/{payment_id}/received", data={"received": "200.00", "statement": "17/3"}
        )
        assert right.status_code == 303
        done = await look(hotel, booking.id)
        assert (done.status, done.paid) == ("confirmed", 20_000)
        async with hotel.transaction() as tx:
            await service.cancel(tx, booking_id=booking.id, now=utc_now())
        refund_id = await one(hotel, "SELECT id FROM refund")
        for _ in range(2):
            answer = await client.post(f"/admin/bookings/{booking.reference}/refunds/{refund_id}/sent")
            assert answer.status_code == 303
        assert await one(hotel, "SELECT sum(amount) FROM ledger") == 0


async def test_a_transfer_that_comes_too_late_is_sent_back(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, _):
        booking = await held(hotel, "PRE")
        where = page_of(booking)
        await client.post(f"{where}/transfer")
        payment_id = await one(hotel, "SELECT id FROM payment")
        async with hotel.transaction() as tx:
            await service.lapse(tx, booking_id=booking.id, now=utc_now() + timedelta(days=4))
            await tx.execute("UPDATE room_night SET physical = 0")
        late = await client.post(
            f"{where}/{payment_id}/received", data={"received": "200.00", "statement": "late"}
        )
        assert late.status_code == 422
        assert await one(hotel, "SELECT status FROM refund") == "due"
        assert await one(hotel, "SELECT count(*) FROM mail_message WHERE template = 'payment_returned'") == 1
        assert "too late" in (await client.get("/admin/payments")).text


async def test_the_fee_of_a_booking_that_is_over_is_asked_for_by_a_link(
    hotel: Database, database_url: str
) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        booking = await sold(hotel, gateways, "DEP")
        where = page_of(booking)
        assert (await client.post(f"{where}/link")).status_code == 303
        async with hotel.transaction() as tx:
            await tx.execute("UPDATE booking SET status = 'no_show'")
            await tx.execute("UPDATE reservation SET status = 'no_show', fee = 10000")
        assert "Send a payment link" in (await client.get(where)).text
        assert (await client.post(f"{where}/link")).status_code == 303
    told = [
        render(mail.template, "en", mail.data | {"link": "x"}, sender="x").text
        for mail in await sent(hotel)
        if mail.template == "balance_due"
    ]
    for words in ("No-show fee: €100.00", "The fee for your booking is now due"):
        assert sorted(words in text for text in told) == [False, True], told


async def test_links_cards_and_comparisons(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        booking = await sold(hotel, gateways, "DEP", agreement="I agree to <b>later</b> charges.")
        where = page_of(booking)
        text = (await client.get(where)).text
        assert "ending in 4242" in text
        assert "I agree to &lt;b&gt;later&lt;/b&gt; charges." in text
        assert (await client.post(f"{where}/link")).status_code == 303
        assert (await client.post(f"{where}/charge")).status_code == 422  # its day has not come
        again = await client.post(f"{where}/link", follow_redirects=True)
        assert "is not sent twice" in again.text
        assert await one(hotel, "SELECT count(*) FROM mail_message WHERE template = 'balance_due'") == 1
        assert (await client.post("/admin/payments/compare")).status_code == 303
        queued = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'payments:reconcile'"
        assert await one(hotel, queued) == 1
        async with hotel.transaction() as tx:
            run = await tx.fetchval(
                "INSERT INTO reconciliation (gateway, since, until, ran_at, payments, differences)"
                " VALUES ('sandbox', now(), now(), now(), 1, 1) RETURNING id"
            )
            await tx.execute(
                "INSERT INTO reconciliation_difference"
                " SELECT $1, 1, 'captured', id, 'x', '1', '<i>2</i>' FROM payment LIMIT 1",
                run,
            )
        shown = (await client.get(f"/admin/payments/comparisons/{run}")).text
        assert "Captured differently" in shown
        assert booking.reference in shown
        assert "<i>2</i>" not in shown
        # As they were kept before they were kept in words; what is in words says what it is itself.
        assert "smallest unit" in shown
        async with hotel.transaction() as tx:
            await tx.execute(
                "UPDATE reconciliation_difference SET ours = '€0.01 (captured)', theirs = '€0.02'"
            )
        assert "smallest unit" not in (await client.get(f"/admin/payments/comparisons/{run}")).text
        assert (await client.get("/admin/payments/comparisons/999999")).status_code == 404


@pytest.mark.parametrize("role", [Role.READ_ONLY, Role.FRONT_DESK])
async def test_who_may_not_sees_no_buttons_and_changes_nothing(
    hotel: Database, database_url: str, role: Role
) -> None:
    async with panel(database_url, hotel, role, SLUG) as (client, gateways):
        booking = await sold(hotel, gateways)
        seen = await client.get(page_of(booking))
        assert seen.status_code == (200 if role is Role.FRONT_DESK else 403)
        assert "Refund</button>" not in seen.text
        refused = await client.post(f"{page_of(booking)}/refund", data={"amount": "1.00", "reason": "x"})
        assert refused.status_code == 403
        assert await one(hotel, "SELECT count(*) FROM refund") == 0


async def test_two_clicks_at_once_refund_once(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        booking = await sold(hotel, gateways)
        form = {"amount": "150.00", "reason": "noise"}
        answers = await asyncio.gather(
            *(client.post(f"{page_of(booking)}/refund", data={**form, "again": "true"}) for _ in range(4))
        )
        assert sorted(answer.status_code for answer in answers) == [303, 422, 422, 422]
        assert await one(hotel, "SELECT sum(amount) FROM refund") == 15_000


async def test_a_failed_refund_is_sent_again_once(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel, Role.FINANCE, SLUG) as (client, gateways):
        booking = await sold(hotel, gateways)
        where = page_of(booking)
        await client.post(f"{where}/refund", data={"amount": "50.00", "reason": "noise"})
        failed = await one(hotel, "SELECT id FROM refund")
        async with hotel.transaction() as tx:
            await payments.refund_failed(tx, refund_id=failed, now=utc_now(), problem="<b>account closed</b>")
        for page in (where, f"/admin/bookings/{booking.reference}", "/admin/payments"):
            text = (await client.get(page)).text
            assert "&lt;b&gt;account closed&lt;/b&gt;" in text, page
        for _ in range(2):
            answer = await client.post(f"/admin/bookings/{booking.reference}/refunds/{failed}/again")
            assert answer.status_code == 303
        await give_refunds(hotel, gateways, now=utc_now())
        assert await one(hotel, "SELECT array_agg(status ORDER BY created_at) FROM refund") == [
            "failed",
            "done",
        ]
        assert (await look(hotel, booking.id)).paid == 15_000
        assert "account closed" not in (await client.get("/admin/payments")).text
        by_hand = await client.post(f"/admin/bookings/{booking.reference}/refunds/{failed}/sent")
        assert by_hand.status_code == 404  # it is no transfer


async def test_what_is_due_is_charged_to_the_kept_card_once(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        booking = await sold(hotel, gateways, "DEP", agreement="I agree to later charges.")
        assert (await look(hotel, booking.id)).paid == 6_000
        async with hotel.transaction() as tx:
            night = booking.reservations[0].arrival
            late = utc_now() + (night - utc_now().date())
            await service.cancel(tx, booking_id=booking.id, now=late)
        assert "Charge the card on file" in (await client.get(page_of(booking))).text
        for _ in range(2):
            assert (await client.post(f"{page_of(booking)}/charge")).status_code == 303
            await service.collect(hotel, gateways, booking_id=booking.id, now=utc_now())
            if await one(hotel, "SELECT count(*) FROM payment WHERE purpose = 'fee'"):
                break
        assert (await look(hotel, booking.id)).paid == 10_000
        repeated = await client.post(f"{page_of(booking)}/charge")
        assert repeated.status_code == 422
        assert await one(hotel, "SELECT sum(amount) FROM ledger WHERE booking_id = $1", booking.id) == 0


async def test_an_unattended_screen_moves_no_money(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        booking = await sold(hotel, gateways, "RES")
        payment_id = await one(hotel, "SELECT id FROM payment")
        async with hotel.transaction() as tx:
            await tx.execute("UPDATE staff_session SET confirmed_at = confirmed_at - interval '11 minutes'")
        for act in ("refund", "charge", f"{payment_id}/release"):
            answer = await client.post(f"{page_of(booking)}/{act}", data={"amount": "1.00", "reason": "x"})
            assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (
                303,
                "/admin/confirm",
            )
        assert await one(hotel, "SELECT status FROM payment") == "reserved"
        assert await one(hotel, "SELECT count(*) FROM refund") == 0


async def test_everything_that_needs_somebody_is_listed_in_words(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        booking = await sold(hotel, gateways)
        reserved = await sold(hotel, gateways, "RES")
        waiting = await held(hotel, "PRE")
        await client.post(f"{page_of(waiting)}/transfer")
        await client.post(f"{page_of(booking)}/refund", data={"amount": "9.00", "reason": "noise"})
        async with hotel.transaction() as tx:
            await tx.execute("UPDATE refund SET created_at = created_at - interval '2 hours'")
            await tx.execute(
                "UPDATE payment SET capture_at = now() - interval '2 hours' WHERE booking_id = $1",
                reserved.id,
            )
            await tx.execute(
                "INSERT INTO dispute (gateway, reference, payment_id, amount, currency, status, reason,"
                "                     respond_by, opened_at, updated_at)"
                " SELECT 'sandbox', 'dp_1', id, 20000, 'EUR', 'needs_response', 'fraudulent', '2030-03-08',"
                "        now(), now() FROM payment WHERE booking_id = $1",
                booking.id,
            )
        text = (await client.get("/admin/payments")).text
        for words in (
            "Awaiting transfer",
            "Refund pending for over an hour",
            "Unsettled for over an hour",
            "answer by 2030-03-08",
            "the money is to be captured",
            "not on the bank's statement yet",
        ):
            assert words in text, words
        assert "disputes" in (await client.get(page_of(booking))).text
        assert "Awaiting transfer" in (await client.get(page_of(waiting))).text
        payment_id = await one(hotel, "SELECT id FROM payment WHERE booking_id = $1", waiting.id)
        await client.post(
            f"{page_of(waiting)}/{payment_id}/received", data={"received": "200", "statement": "1"}
        )
        async with hotel.transaction() as tx:
            await service.cancel(tx, booking_id=waiting.id, now=utc_now())
        assert "Transfer to refund" in (await client.get("/admin/payments")).text


async def test_troubles_of_other_hotels_hide_none_of_ours(chain: Database, chain_url: str) -> None:
    async with chain.transaction() as tx:
        own, other = await tx.fetch("SELECT id, slug FROM property ORDER BY id LIMIT 2")
        ours = await tx.fetchval(
            "UPDATE payment SET problem = 'ours', updated_at = now() - interval '1 day' WHERE id ="
            " (SELECT p.id FROM payment p JOIN booking b ON b.id = p.booking_id WHERE b.property_id = $1"
            "   LIMIT 1) RETURNING booking_id",
            own["id"],
        )
        theirs = await tx.fetch(
            "UPDATE payment p SET problem = 'not ours', updated_at = now() FROM booking b"
            " WHERE b.id = p.booking_id AND b.property_id = $1 RETURNING b.reference",
            other["id"],
        )
        assert len(theirs) >= 100
        reference = await tx.fetchval("SELECT reference FROM booking WHERE id = $1", ours)
    async with panel(chain_url, chain, Role.FINANCE, own["slug"]) as (client, _):
        text = (await client.get("/admin/payments")).text
        assert reference in text
        assert "not ours" not in text
        assert "Reconcile now" not in text
        assert (await client.get(f"/admin/bookings/{theirs[0]['reference']}/payments")).status_code == 404


async def test_a_booking_says_what_cancelling_gives_back(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        booking = await sold(hotel, gateways)
        here = f"/admin/bookings/{booking.reference}"
        for page in (here, f"{here}/payments"):
            text = (await client.get(page)).text
            assert "€200.00 refunded" in text, page
            assert "€100.00 refunded, fee €100.00" in text, page
        assert "€100.00 refunded" in (await client.get(f"{here}/cancel")).text
