"""Signed, and yet no sense: such a notice is stored with its reason and shown to staff, never an error that
makes the gateway send it for days."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import stripe as stripe_library

from hotel_booking.core.db import Database
from hotel_booking.domains.payments.gateway import Gateways
from tests.clients.http_client import running
from tests.doubles.stripe import StripeDouble
from tests.factories.paying import gateways as gateways  # fixtures
from tests.factories.paying import hotel as hotel
from tests.factories.paying import one, paid, stripe_settings
from tests.factories.paying import stripe as stripe

GOOD: dict[str, Any] = {
    "id": "evt_1",
    "object": "event",
    "type": "payment_intent.succeeded",
    "created": 1_800_000_000,
    "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {}}},
}
DISPUTE: dict[str, Any] = {
    "id": "dp_1",
    "object": "dispute",
    "amount": 100,
    "currency": "eur",
    "status": "needs_response",
    "reason": "fraudulent",
    "payment_intent": "pi_1",
    "evidence_details": {"due_by": 1_800_000_000},
}


def dispute(**changed: Any) -> dict[str, Any]:
    return {**GOOD, "type": "charge.dispute.created", "data": {"object": {**DISPUTE, **changed}}}


def refund(**changed: Any) -> dict[str, Any]:
    thing = {"id": "re_1", "object": "refund", "payment_intent": "pi_1", "status": "failed", **changed}
    return {**GOOD, "type": "refund.failed", "data": {"object": thing}}


ODD: dict[str, Any] = {
    "created is huge": {**GOOD, "created": 10**30},
    "created is beyond the calendar": {**GOOD, "created": 10**14},
    "created is negative without end": {**GOOD, "created": -(10**18)},
    "created is a text": {**GOOD, "created": "yesterday"},
    "created is null": {**GOOD, "created": None},
    "created is true": {**GOOD, "created": True},
    "id is a number": {**GOOD, "id": 7},
    "id is null": {**GOOD, "id": None},
    "id has a NUL": {**GOOD, "id": "evt\0"},
    "id is long": {**GOOD, "id": "e" * 10_000},
    "type is null": {**GOOD, "type": None},
    "type is a list": {**GOOD, "type": ["payment_intent.succeeded"]},
    "data is null": {**GOOD, "data": None},
    "the object is null": {**GOOD, "data": {"object": None}},
    "the object is a list": {**GOOD, "data": {"object": [1]}},
    "the object's id is a number": {**GOOD, "data": {"object": {"id": 5}}},
    "the object's id has a NUL": {**GOOD, "data": {"object": {"id": "pi_\0"}}},
    "the dispute's amount is null": dispute(amount=None),
    "the dispute's amount is huge": dispute(amount=10**40),
    "the dispute's amount is a text": dispute(amount="100"),
    "the dispute's currency is null": dispute(currency=None),
    "the dispute's status is null": dispute(status=None),
    "the dispute's reason is a number": dispute(reason=5),
    "the dispute's day is huge": dispute(evidence_details={"due_by": 10**25}),
    "the refund's id is a number": refund(id=1),
    "the refund's reason is an object": refund(failure_reason={"a": 1}),
    "an array": [GOOD],
    "a number": 5,
    "null": None,
}
RAW = {"no JSON": b"{", "no text": b'{"id": "\xff\xfe"}', "empty": b"", "deep": b"[" * 100_000}


def signature(body: bytes) -> str:
    text = body.decode("utf-8", "surrogateescape")
    header: str = stripe_library.WebhookSignature.generate_signature_header(
        text, "whsec_double", timestamp=int(time.time())
    )
    return header


async def test_odd_notices_are_stored_and_named(
    hotel: Database, database_url: str, gateways: Gateways, stripe: StripeDouble
) -> None:
    await paid(hotel, gateways, "NRF")
    async with hotel.transaction() as tx:
        await tx.execute("UPDATE payment SET gateway_reference = 'pi_1'")
    settings = stripe_settings(database_url, stripe)
    bodies = {name: json.dumps(event).encode() for name, event in ODD.items()} | RAW
    async with running(settings) as (_, client):
        for name, body in bodies.items():
            if name == "no text":
                continue  # cannot be signed by the library's own signer; see below
            headers = {"stripe-signature": signature(body)}
            for _again in range(2):
                answer = await client.post("/webhooks/stripe", content=body, headers=headers)
                assert answer.status_code == 200, (name, answer.text)
        for forged in ("t=1,v1=\xe9".encode("latin-1"), b"t=x,v1=1", b"t" * 5000):
            answer = await client.post(
                "/webhooks/stripe", content=RAW["no text"], headers={b"stripe-signature": forged}
            )
            assert (answer.status_code, answer.json()["code"]) == (400, "forged_notice")
    stored = await one(hotel, "SELECT count(*) FROM gateway_notice WHERE kind = 'odd'")
    assert stored == len(bodies) - 1
    assert await one(hotel, "SELECT count(*) FROM gateway_notice WHERE problem IS NULL") == 0
    named = await one(
        hotel, "SELECT problem FROM gateway_notice WHERE problem LIKE '%: created%' ORDER BY problem LIMIT 1"
    )
    assert named.startswith("payment_intent.succeeded evt_1 is no event")
    for table in ("dispute", "refund"):
        assert await one(hotel, f"SELECT count(*) FROM {table}") == 0


@pytest.mark.parametrize(
    "changed",
    [{}, {"metadata": None}, {"metadata": []}, {"metadata": {"payment_id": 5}}, {"payment_intent": None}],
)
async def test_fields_that_may_be_missing_are_no_oddity(
    hotel: Database, database_url: str, stripe: StripeDouble, changed: dict[str, Any]
) -> None:
    event = {**GOOD, "data": {"object": {**GOOD["data"]["object"], **changed}}}
    body = json.dumps(event).encode()
    settings = stripe_settings(database_url, stripe)
    async with running(settings) as (_, client):
        answer = await client.post(
            "/webhooks/stripe", content=body, headers={"stripe-signature": signature(body)}
        )
    assert answer.status_code == 200
    assert await one(hotel, "SELECT problem FROM gateway_notice") is None
