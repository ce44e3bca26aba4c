"""Payments at the desk by the API: recorded once however often they are sent, never more than is open,
listed, and reversed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.types import Scope
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.factories.paying import hotel as hotel  # a fixture
from tests.factories.paying import look
from tests.integration.payments.test_desk_payments import owing, rows


async def test_a_payment_is_recorded_once_and_reversed(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    address = f"/api/v1/bookings/{booking.reference}/desk-payments"
    async with running(settings_for(database_url)) as (_, client):
        client.headers.update(bearer(await api_key(hotel, Scope.FRONTDESK_WRITE)))
        assert (await client.get(address)).json() == {"items": []}
        body = {"way": "card_terminal", "amount": 5_000, "receipt": "R-1", "expected_balance": 20_000}
        once = await client.post(address, json=body, headers={"Idempotency-Key": "desk-1"})
        assert once.status_code == 201, once.text
        answer = once.json()
        assert answer["booking"]["balance"] == {"amount": 15_000, "currency": "EUR"}
        assert answer["payment"]["amount"] == {"amount": 5_000, "currency": "EUR"}
        assert (answer["payment"]["way"], answer["payment"]["receipt"]) == ("card_terminal", "R-1")
        assert answer["payment"]["reversal"] is None
        again = await client.post(address, json=body, headers={"Idempotency-Key": "desk-1"})
        assert (again.status_code, again.json()) == (201, answer)
        other = await client.post(address, json={"way": "cash"}, headers={"Idempotency-Key": "desk-1"})
        assert other.json()["code"] == "idempotency_key_reused"
        changed = await client.post(address, json=body)
        assert (changed.status_code, changed.json()["code"]) == (409, "price_changed")
        rest = await client.post(address, json={"way": "cash"})
        assert rest.json()["booking"]["balance"]["amount"] == 0
        nothing = await client.post(address, json={"way": "cash"})
        assert (nothing.status_code, nothing.json()["code"]) == (409, "wrong_state")
        listed = (await client.get(address)).json()["items"]
        assert [item["amount"]["amount"] for item in listed] == [15_000, 5_000]
        back = f"{address}/{answer['payment']['id']}/reverse"
        # Who takes cash cannot make it unrecorded, as in the panel.
        for scope in (Scope.FRONTDESK_WRITE, Scope.BOOKINGS_WRITE):
            other_key = bearer(await api_key(hotel, scope))
            refused = await client.post(back, json={"reason": "Another guest's"}, headers=other_key)
            assert (refused.status_code, refused.json()["code"]) == (403, "missing_scope"), refused.text
        # Who may read bookings may read what was paid for them.
        for scope in (Scope.BOOKINGS_READ, Scope.BOOKINGS_WRITE, Scope.PAYMENTS_MANAGE):
            reader = bearer(await api_key(hotel, scope))
            assert (await client.get(address, headers=reader)).json()["items"] == listed
        reports = bearer(await api_key(hotel, Scope.REPORTS_READ))
        assert (await client.get(address, headers=reports)).json()["code"] == "missing_scope"
        manager = bearer(await api_key(hotel, Scope.PAYMENTS_MANAGE))
        recorded = await client.post(address, json={"way": "cash"}, headers=manager)
        assert recorded.json()["code"] == "missing_scope"
        client.headers.update(manager)
        done = await client.post(back, json={"reason": "Another guest's"})
        assert done.status_code == 200, done.text
        assert done.json()["payment"]["reversal"] == "Another guest's"
        assert done.json()["booking"]["balance"]["amount"] == 5_000
        twice = await client.post(back, json={"reason": "Another guest's"})
        assert (twice.status_code, twice.json()["code"]) == (409, "not_reversible")
        unknown = await client.post(f"{address}/{booking.id}/reverse", json={"reason": "Another guest's"})
        assert (unknown.status_code, unknown.json()["code"]) == (404, "payment_not_found")
    who = await rows(hotel, "SELECT DISTINCT actor_kind FROM audit_entry WHERE object_kind = 'payment'")
    assert "key" in [row["actor_kind"] for row in who]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, None),
        ({"way": "bitcoin"}, 400, None),
        ({"way": "cash", "amount": 0}, 400, None),
        ({"way": "cash", "amount": -1}, 400, None),
        ({"way": "cash", "amount": "10"}, 400, None),
        ({"way": "cash", "amount": 1.5}, 400, None),
        ({"way": "cash", "amount": 20_001}, 422, "amount_too_high"),
        ({"way": "cash", "amount": 2**63}, 422, "amount_too_high"),
        ({"way": "cash", "receipt": "x" * 61}, 400, None),
        ({"way": "cash", "receipt": "a\x00b"}, 400, None),
        ({"way": "cash", "receipt": "\ud800"}, 400, None),
        ({"way": "cash", "expected_balance": 1}, 409, "price_changed"),
        ({"way": "cash", "tip": 1}, 400, None),
    ],
)
async def test_what_is_refused_changes_nothing(
    hotel: Database, database_url: str, body: dict[str, Any], status: int, code: str | None
) -> None:
    booking = await owing(hotel)
    async with running(settings_for(database_url)) as (_, client):
        headers = bearer(await api_key(hotel, Scope.FRONTDESK_WRITE))
        refused = await client.post(
            f"/api/v1/bookings/{booking.reference}/desk-payments",
            content=json.dumps(body),
            headers={**headers, "content-type": "application/json"},
        )
        assert refused.status_code in (status, 422 if status == 400 else status), refused.text
        assert code in (None, refused.json()["code"])
        if code == "amount_too_high":
            assert refused.json()["at_most"] == 20_000
    assert (await look(hotel, booking.id)).paid == 0


async def test_guests_and_other_keys_record_nothing(hotel: Database, database_url: str) -> None:
    booking = await owing(hotel)
    address = f"/api/v1/bookings/{booking.reference}/desk-payments"
    async with running(settings_for(database_url)) as (_, client):
        writer = bearer(await api_key(hotel, Scope.BOOKINGS_WRITE))
        elsewhere = bearer(await api_key(hotel, Scope.ALL, properties=[]))
        for headers, status in (({}, 401), (writer, 403), (elsewhere, 404), (bearer("a-guest"), 401)):
            answer = await client.post(address, json={"way": "cash"}, headers=headers)
            assert answer.status_code == status, answer.text
        paid = await client.post(
            f"/api/v1/bookings/{booking.reference}/payments",
            json={"method": "desk_cash", "balance": True},
            headers=writer,
        )
        assert (paid.status_code, paid.json()["code"]) == (422, "unknown_payment_method")
    assert (await look(hotel, booking.id)).paid == 0
