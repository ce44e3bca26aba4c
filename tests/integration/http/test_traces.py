"""Traces: none unless configured; then one from a request or a gateway's notice into its jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from hotel_booking import worker
from hotel_booking.core import tracing
from hotel_booking.core.db import Database
from hotel_booking.core.environment import read_settings
from hotel_booking.core.setting import ConfigError
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.doubles.collector import Collector, facts_of
from tests.doubles.stripe import StripeDouble
from tests.factories.paying import gateways as gateways
from tests.factories.paying import hotel as hotel  # fixtures
from tests.factories.paying import one, paid, stripe_settings
from tests.factories.paying import stripe as stripe
from tests.factories.small_hotel import SLUG, small_hotel, stay

pytestmark = pytest.mark.postgresql
TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


@pytest.fixture
def collector(database_url: str) -> Iterator[Collector]:
    with Collector.listening() as listening:
        tracing.configure(settings_for(database_url, traces_url=listening.url), "web")
        yield listening
        tracing.end()


async def work(database_url: str, chosen: Gateways) -> None:
    """All that is due, as the worker does it."""
    await worker.run(database_url, lambda _: chosen, wait=False)


async def book(client: Any, key: dict[str, str], **sent: str) -> str:
    when = stay(20, 2)
    dates = {"arrival": when.arrival.isoformat(), "departure": when.departure.isoformat()}
    rooms = [{"room_type": "DBL", "rate_plan": "NRF", "adults": 2}]
    asked = {"property": SLUG, **dates, "rooms": rooms}
    quote = (await client.post("/api/v1/quotes", headers=key, json=asked)).json()["id"]
    guest = {
        "given_name": "Xantippe",
        "family_name": "Quodlibetz",
        "email": "xq@mail.example",
        "country": "PT",
    }
    held = await client.post("/api/v1/bookings", headers=key, json={"quote": quote, "guest": guest})
    assert held.status_code == 201, held.text
    reference: str = held.json()["reference"]
    where = f"/api/v1/bookings/{reference}/payments"
    answer = await client.post(where, headers={**key, **sent}, json={"token": "tok_success"})
    assert answer.status_code == 200, answer.text
    return reference


async def test_a_request_and_the_jobs_it_leads_to_are_one_trace_that_names_nobody(
    db: Database, database_url: str, collector: Collector
) -> None:
    await small_hotel(db)
    async with running(settings_for(database_url)) as (_, client):
        reference = await book(client, bearer(await api_key(db)), **SENT)
        await client.get("/health/live")
        await client.get("/en/xq@mail.example")
        assert await one(db, "SELECT count(*) FROM job_trace") > 0
        await work(database_url, Gateways(SandboxGateway(db)))
        assert await one(db, "SELECT count(*) FROM job_trace") == 0  # with their jobs
    (request,) = collector.named("POST /api/v1/bookings/{reference}/payments")
    (job, *_) = collector.named("notifications:deliver")
    assert request.trace_id.hex() == TRACE
    assert request.parent_span_id.hex() == "b7ad6b7169203331"
    assert (job.trace_id, job.parent_span_id) == (request.trace_id, request.span_id)
    told = facts_of(request)
    assert (told["http.route"], told["http.response.status_code"], told["hotel.booking"]) == (
        "/api/v1/bookings/{reference}/payments",
        200,
        reference,
    )
    assert told["hotel.actor"].startswith("key:")
    under = {span.name for span in collector.spans if span.parent_span_id == request.span_id}
    assert {"gateway AUTHORISE", "SELECT"} <= under
    assert not [span for span in collector.spans if "health" in span.name]
    for secret in (b"Xantippe", b"Quodlibetz", b"xq@mail", b"tok_success"):
        assert secret not in collector.raw
    assert collector.services == {"hotel-booking-web"}


async def test_a_gateways_notice_goes_on_in_its_job(
    hotel: Database, database_url: str, gateways: Gateways, stripe: StripeDouble, collector: Collector
) -> None:
    await paid(hotel, gateways, "NRF")
    event = {
        "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "created": 1_800_000_000,
        "data": {"object": {"id": "pi_1", "object": "payment_intent", "metadata": {}}},
    }  # fmt: skip
    payment = await one(hotel, "SELECT id FROM payment LIMIT 1")
    event["data"]["object"]["metadata"] = {"payment_id": str(payment)}  # type: ignore[index]  # a literal above
    body, signature = stripe.signed(event)
    async with running(stripe_settings(database_url, stripe)) as (_, client):
        headers = {"stripe-signature": signature, **SENT}
        assert (await client.post("/webhooks/stripe", content=body, headers=headers)).status_code == 200
        await work(database_url, gateways)
    tracing.end()
    (request,) = collector.named("POST /webhooks/{gateway}")
    (job,) = collector.named("bookings:finish_payment")
    assert request.trace_id.hex() == job.trace_id.hex() == TRACE
    assert job.parent_span_id == request.span_id


async def test_what_fails_is_marked_by_its_type_alone(collector: Collector) -> None:
    with suppress(ValueError), tracing.spanned("it"):
        assert tracing.headers()["traceparent"] == tracing.traceparent() != ""
        raise ValueError("xq@mail.example")
    assert tracing.headers() == {}
    tracing.end()
    (span,) = collector.spans
    assert facts_of(span)["error.type"] == "ValueError"
    assert b"xq@mail" not in collector.raw


async def test_without_a_collector_none_are_made(db: Database, database_url: str) -> None:
    await small_hotel(db)
    assert not tracing.enabled()
    async with running(settings_for(database_url)) as (_, client):
        await book(client, bearer(await api_key(db)), **SENT)
    assert await one(db, "SELECT count(*) FROM job_trace") == 0
    with tracing.spanned("it") as span:
        assert span is None
        assert tracing.traceparent() == ""


def test_a_collector_that_is_down_stops_nothing(database_url: str) -> None:
    tracing.configure(settings_for(database_url, traces_url="http://127.0.0.1:1/v1/traces"), "worker")
    with tracing.spanned("it"):
        pass
    tracing.end()
    assert not tracing.enabled()


def test_an_address_that_is_none_is_refused(database_url: str) -> None:
    environ = {
        "DATABASE_URL": database_url,
        "HOTEL_ENVIRONMENT": "test",
        "HOTEL_TRACES_URL": "collector:4317",
    }
    with pytest.raises(ConfigError, match="HOTEL_TRACES_URL"):
        read_settings(environ)
