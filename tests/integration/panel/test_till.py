"""What a night audit needs of the desk: every payment, what was given back and what was reversed, by whom,
with sums by person, means and currency; in the panel and by the API."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.identity.types import Scope
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.staff_client import signed_in
from tests.factories.paying import hotel as hotel  # a fixture
from tests.factories.paying import one
from tests.factories.small_hotel import SLUG
from tests.integration.panel.test_desk_payments import page_of, panel, typed
from tests.integration.panel.test_rates_grid import shown
from tests.integration.payments.test_desk_payments import owing

TILL = "/admin/payments/desk"
TAKINGS = f"/api/v1/properties/{SLUG}/desk-takings"


async def a_shift(db: Database, url: str) -> str:
    """Somebody at the desk takes 50.50 and 20.00 in cash and all of another booking by card, which is given
    back; finance reverses the 20.00. Returns the first booking's reference."""
    booking, gone = await owing(db), await owing(db, 30)
    async with panel(url, db, Role.FRONT_DESK) as client:
        for sent in (typed("50.50", receipt="<b>R-7</b>"), typed("20")):
            assert (await client.post(f"{page_of(booking)}/desk-payments", data=sent)).status_code == 303
        card = typed("200", way="card_terminal")
        assert (await client.post(f"{page_of(gone)}/desk-payments", data=card)).status_code == 303
        async with db.transaction() as tx:
            await service.cancel(tx, booking_id=gone.id, now=utc_now())
        refund = await one(db, "SELECT id FROM refund")
        await client.post(f"{page_of(gone)}/desk-refunds/{refund}/given")
    mistake = await one(db, "SELECT id FROM payment WHERE amount = 2000")
    async with panel(url, db, Role.FINANCE) as client:
        reverse = f"{page_of(booking)}/desk-payments/{mistake}/reverse"
        assert (await client.post(reverse, data={"why": "Typed twice"})).status_code == 303
    return booking.reference


async def test_the_till_is_counted_by_person_and_means(hotel: Database, database_url: str) -> None:
    reference = await a_shift(hotel, database_url)
    async with panel(database_url, hotel, Role.FRONT_DESK) as client:
        assert "/admin/payments/desk?property=" in (await client.get(f"/admin/today?property={SLUG}")).text
        assert TILL in (await client.get("/admin/payments")).text
        page = await client.get(TILL)
        text = shown(page)
        assert page.status_code == 200, text
        assert "&lt;b&gt;R-7&lt;/b&gt;" in page.text
        assert reference in text
        assert "Reversed: recorded by mistake" in text
        # Cash: 70.50 taken, 20.00 reversed. Cards: 200.00 taken, all given back.
        assert re.search(r"Cash at the desk 3 €70\.50 -€20\.00 . €50\.50", text)
        assert re.search(r"at the desk 2 €200\.00 . -€200\.00 €0\.00", text)
        assert "data-print" in page.text
        # Since the shift began a minute from now: nothing yet.
        later = await client.get(TILL, params={"since": "2099-01-01T00:00", "until": "2099-01-02T00:00"})
        assert "Nothing was taken or given back" in shown(later)
        for wrong in (
            {"since": "yesterday"},
            {"since": "0001-01-01T00:00"},
            {"until": "2000-01-01"},
            {"since": "2026-01-01T00:00", "until": "2026-03-01T00:00"},
        ):
            refused = await client.get(TILL, params=wrong)
            assert (refused.status_code, reference in refused.text) == (422, False), wrong
        assert (await client.get(TILL, params={"property": "foreign"})).status_code == 404
    for role, status in ((Role.READ_ONLY, 403), (Role.HOUSEKEEPING, 403), (Role.REVENUE, 200)):
        async with panel(database_url, hotel, role) as client:
            assert (await client.get(TILL)).status_code == status, role


async def test_the_api_tells_the_same(hotel: Database, database_url: str) -> None:
    reference = await a_shift(hotel, database_url)
    async with running(settings_for(database_url)) as (_, client):
        client.headers.update(bearer(await api_key(hotel, Scope.REPORTS_READ)))
        answer = await client.get(TAKINGS)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        assert [(item["act"], item["way"], item["amount"]["amount"]) for item in told["entries"]] == [
            ("taken", "cash", 5_050),
            ("taken", "cash", 2_000),
            ("taken", "card_terminal", 20_000),
            ("given_back", "card_terminal", -20_000),
            ("reversed", "cash", -2_000),
        ]
        assert told["entries"][0]["booking"] == reference
        assert {item["by"] for item in told["entries"]} == {"Ada Member"}
        assert [(item["way"], item["total"]["amount"], item["by"]) for item in told["totals"]] == [
            ("cash", 5_050, ""),
            ("card_terminal", 0, ""),
        ]
        assert [item["by"] for item in told["by_person"]] == ["Ada Member"] * 2
        now = utc_now()
        ahead = {
            "since": (now + timedelta(hours=1)).isoformat(),
            "until": (now + timedelta(hours=2)).isoformat(),
        }
        assert (await client.get(TAKINGS, params=ahead)).json()["entries"] == []
        long = {"since": (now - timedelta(days=40)).isoformat()}
        refused = await client.get(TAKINGS, params=long)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_period")
        for scope in (Scope.BOOKINGS_READ, Scope.FRONTDESK_WRITE, Scope.PAYMENTS_MANAGE):
            other = bearer(await api_key(hotel, scope))
            assert (await client.get(TAKINGS, headers=other)).json()["code"] == "missing_scope"
        elsewhere = bearer(await api_key(hotel, Scope.REPORTS_READ, properties=[]))
        assert (await client.get(TAKINGS, headers=elsewhere)).status_code in (403, 404)


async def test_what_is_paid_online_is_none_of_the_till(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    async with hotel.transaction() as tx:
        await tx.execute(
            "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, purpose, created_at,"
            "                     updated_at)"
            " VALUES (gen_random_uuid(), $1, 100, 'EUR', 'stripe', 'captured', 'balance', now(), now())",
            booking.id,
        )
    async with (
        running(settings_for(database_url, mfa_required=False)) as (app, _),
        signed_in(app, hotel, (Role.OWNER, SLUG)) as client,
    ):
        assert "Nothing was taken or given back" in shown(await client.get(TILL))
