"""The money of a booking in the panel, as finance and the front desk use it, and those who may not."""

from __future__ import annotations

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
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.domains.payments.refunds import give_refunds
from tests.http_client import running, settings_for
from tests.integration.test_payments import held, look, one, paid
from tests.integration.test_payments import hotel as hotel  # a fixture
from tests.small_hotel import SLUG
from tests.staff_client import signed_in


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
        assert "I mean a second refund" in again.text
        assert (await client.post(f"{where}/refund", data={**form, "again": "true"})).status_code == 303
        for bad in ("100.01", "0", "-5", "abc", "", "9" * 30):
            refused = await client.post(f"{where}/refund", data={"amount": bad, "reason": "x"})
            assert refused.status_code == 422, bad
        await give_refunds(hotel, gateways, now=utc_now())
        assert (await look(hotel, booking.id)).paid == 10_000
        text = (await client.get(where)).text
        assert "<script>alert" not in text
        assert text.count("Given back") == 2
        assert "Everything about the money" in (await client.get(f"/admin/bookings/{booking.reference}")).text


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
            assert "Authorised, €200.00" in asked.text
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
        assert "Paid by transfer" in (await client.get(where)).text
        assert (await client.post(f"{where}/transfer")).status_code == 303
        payment_id = await one(hotel, "SELECT id FROM payment")
        wrong = await client.post(
            f"{where}/{payment_id}/received", data={"received": "199.00", "statement": "17/3"}
        )
        assert wrong.status_code == 422
        assert "nothing was noted" in wrong.text
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


async def test_links_cards_and_comparisons(hotel: Database, database_url: str) -> None:
    async with panel(database_url, hotel) as (client, gateways):
        booking = await sold(hotel, gateways, "DEP", agreement="I agree to <b>later</b> charges.")
        where = page_of(booking)
        text = (await client.get(where)).text
        assert "ending in 4242" in text
        assert "I agree to &lt;b&gt;later&lt;/b&gt; charges." in text
        assert (await client.post(f"{where}/link")).status_code == 303
        assert (await client.post(f"{where}/charge")).status_code == 422  # its day has not come
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
        assert "Taken differently" in shown
        assert booking.reference in shown
        assert "<i>2</i>" not in shown
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
