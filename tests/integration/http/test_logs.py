"""Logs: what every line says, and that none says who a guest is."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from hotel_booking import worker
from hotel_booking.app.adapters import links_of
from hotel_booking.core import logging as ours
from hotel_booking.core import sweeps
from hotel_booking.core.db import Database
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.clients.http_client import api_key, bearer, settings_for
from tests.clients.server import served_by_the_command
from tests.clients.staff_client import SAME_ORIGIN
from tests.factories.small_hotel import SLUG, small_hotel, stay
from tests.integration.site.test_checkout import refused_page

pytestmark = pytest.mark.postgresql

# Nobody and nothing else is called so.
GIVEN, FAMILY, EMAIL, PHONE = "Xantippe", "Quodlibetz", "xq@mail.example", "+351 919 876 543"
SECRETS = (GIVEN, FAMILY, EMAIL, "xq@", PHONE, "919876543", "919 876 543", "tok_success", "Zwiebelfrei")


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What this process writes once `configure` was called; pytest's own handlers are back afterwards."""
    before, level = logging.root.handlers[:], logging.root.level
    yield lambda: capsys.readouterr().err
    logging.root.handlers[:] = before
    logging.root.setLevel(level)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_a_whole_booking_by_site_and_by_api_leaves_nobodys_data_in_the_logs(
    db: Database, database_url: str, tmp_path: Path
) -> None:
    await small_hotel(db, rooms=4)
    key = bearer(await api_key(db))
    when = stay(20, 2)
    log = tmp_path / "log"
    guest = {"given_name": GIVEN, "family_name": FAMILY, "email": EMAIL, "phone": PHONE}
    async with (
        served_by_the_command(database_url, log, HOTEL_LOG_LEVEL="debug") as address,
        httpx.AsyncClient(
            base_url=address, trust_env=False, verify=False, headers=SAME_ORIGIN, timeout=60
        ) as client,
    ):
        # On the site: an offer, a mistake, the hold, a card that is declined, the payment.
        offer = {
            "property": SLUG, "arrival": when.arrival.isoformat(), "departure": when.departure.isoformat(),
            "room_type": "DBL", "rate_plan": "NRF", "adults": "2", "children": "",
        }  # fmt: skip
        chosen = await client.post("/en/book", data=offer)
        assert chosen.status_code == 303, chosen.text
        where = chosen.headers["location"]
        await refused_page(client, await client.post(where, data={**guest, "email": f"{GIVEN} at home"}))
        held = await client.post(where, data={**guest, "requests": "Zwiebelfrei"})
        assert held.status_code == 303, held.text
        pay = held.headers["location"]
        form = {"method": "card", "expected": "18000"}
        await refused_page(client, await client.post(pay, data={**form, "card": "tok_decline"}))
        paid = await client.post(pay, data={**form, "card": "tok_success"})
        assert paid.status_code == 303
        assert (await client.get(paid.headers["location"])).status_code == 200
        await client.get("/en/search", params={"q": f"{FAMILY} {EMAIL}"})
        missing = await client.get(f"/en/{EMAIL}/{PHONE}", headers={"user-agent": EMAIL})
        assert missing.status_code == 404
        assert missing.headers["x-request-id"] in missing.text
        # By the API.
        rooms = [{"room_type": "DBL", "rate_plan": "FLEX", "adults": 2}]
        dates = {"arrival": offer["arrival"], "departure": offer["departure"]}
        quote = await client.post(
            "/api/v1/quotes", headers=key, json={"property": SLUG, **dates, "rooms": rooms}
        )
        assert quote.status_code == 201, quote.text
        body = {"quote": quote.json()["id"], "guest": {**guest, "country": "PT"}, "requests": "Zwiebelfrei"}
        booked = await client.post(
            "/api/v1/bookings", headers={**key, "x-request-id": "asked-by-a-test"}, json=body
        )
        assert booked.status_code == 201, booked.text
        assert booked.headers["x-request-id"] == "asked-by-a-test"
        reference = booked.json()["reference"]
        wrong = {**body, "guest": {**guest, "email": f"{EMAIL} {FAMILY}"}}
        assert (await client.post("/api/v1/bookings", headers=key, json=wrong)).status_code >= 400
        payment = await client.post(
            f"/api/v1/bookings/{reference}/payments", headers=key, json={"token": "tok_success"}
        )
        assert payment.status_code == 200, payment.text
        cancelled = await client.post(f"/api/v1/bookings/{reference}/cancel", headers=key)
        assert cancelled.status_code == 200
    text = log.read_text()
    for secret in SECRETS:
        assert secret.lower() not in text.lower(), secret
    told = lines(text)
    requests = [line for line in told if line["logger"] == "hotel_booking.access"]
    assert len(requests) > 12
    for line in requests:
        assert {"time", "level", "request_id", "method", "route", "status", "milliseconds", "actor"} <= set(
            line
        )
    by_api = [line for line in requests if line["booking"] == reference]
    assert [line["route"].rpartition("/")[2] for line in by_api] == ["bookings", "payments", "cancel"]
    assert by_api[0]["request_id"] == "asked-by-a-test"
    assert {line["actor"] for line in by_api} == {"key:1"}
    on_site = pay.split("/")[3]
    assert {line["actor"] for line in requests if line["booking"] == on_site} == {"anonymous"}


async def test_jobs_that_write_to_guests_say_what_they_are_about_and_not_who(
    db: Database, database_url: str, logged: Callable[[], str]
) -> None:
    class Broken:
        async def send(self, **message: Any) -> None:
            raise ValueError(f"550 {message['recipient']} {GIVEN}")

    async with db.transaction() as tx:
        await tx.execute(
            "SELECT mail_queue(gen_random_uuid(), 'e', 'booking_cancelled', 'en', $1, $2, NULL, NULL, NULL,"
            " now(), now(), NULL)",
            EMAIL,
            {"name": f"{GIVEN} {FAMILY}"},
        )
    ours.configure("debug")
    await worker.run(
        database_url,
        lambda _: Gateways(SandboxGateway()),
        mailer=Broken(),  # type: ignore[arg-type]  # breaks
        link=links_of(settings_for(database_url)),
        wait=False,
    )
    text = logged()
    assert text
    for secret in SECRETS:
        assert secret.lower() not in text.lower(), secret
    said = lines(text)
    assert any(line.get("job") == "notifications:deliver" and line["job_id"] for line in said)


async def test_what_fails_says_where_and_never_what_it_was_given(logged: Callable[[], str]) -> None:
    ours.configure("info")

    async def fail(_: object) -> None:
        raise ValueError(f"{EMAIL} is no good")

    item = UUID(int=7)
    await sweeps.each("test", [item, f"{GIVEN} {FAMILY}", {"email": EMAIL}], fail)
    task = asyncio.create_task(fail(None))
    await asyncio.sleep(0)
    del task  # "Task exception was never retrieved", with its text
    logging.getLogger("httpx").info("HTTP Request: GET https://x.example/?q=%s", EMAIL)
    text = logged()
    for secret in SECRETS:
        assert secret.lower() not in text.lower(), secret
    said = lines(text)
    assert [line["item"] for line in said if "item" in line] == [str(item), "str", "dict"]
    assert all(line["error"] == "ValueError" for line in said)
    assert any("never retrieved" in line["message"] for line in said)
    assert any("test_logs.py" in place for place in said[0]["trace"])


async def test_every_line_of_a_request_or_job_says_which(logged: Callable[[], str]) -> None:
    ours.configure("info")
    token = ours.ABOUT.set({"request_id": "r-1"})
    logging.getLogger("anything").warning("it is so", extra={"party": "smtp"})
    ours.ABOUT.reset(token)
    logging.getLogger("anything").warning("and so")
    first, second = lines(logged())
    assert (first["request_id"], first["party"], first["message"]) == ("r-1", "smtp", "it is so")
    assert "request_id" not in second


async def test_in_the_demo_a_person_reads_them(logged: Callable[[], str]) -> None:
    ours.configure("info", human=True)
    access = ours.Lines("hotel_booking.access", "request")
    access.log([(logging.INFO, 0, {"request_id": "r-1", "route": "/en", "status": 200, "code": None})])
    try:
        raise ValueError(EMAIL)
    except ValueError:
        logging.getLogger("hotel_booking.worker").exception("it broke")
    text = logged()
    first, second, *places = text.splitlines()
    assert first.endswith("info access: request request_id=r-1 route=/en status=200")
    assert second.endswith("error worker: it broke error=ValueError")
    assert "test_logs.py" in places[0]
    assert EMAIL not in text
