"""What is measured and logged: by route, without anybody's data."""

from __future__ import annotations

import logging
import random
import re
import string
from typing import Any

import pytest
from litestar import Request, post
from litestar.datastructures import State
from prometheus_client import generate_latest

from hotel_booking.core.errors import Conflict
from hotel_booking.http import access_log
from hotel_booking.http.access import public
from hotel_booking.http.metrics import note_booking
from tests.clients.http_client import running, settings_for


class SoldOut(Conflict):
    """As the inventory raises it."""

    code = "sold_out"


@post("/api/v1/bookings-of-the-test/{reference:str}", opt=public())
async def book(request: Request[Any, Any, State], reference: str) -> None:
    """Holds, or is sold out."""
    note_booking(request, "held")
    if reference == "full":
        raise SoldOut("no room is left")


def value(text: str, sample: str) -> float:
    return next(
        (float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(sample)), 0.0
    )


async def test_requests_and_bookings_are_counted(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    requests = (
        'hotel_booking_http_requests_total{method="POST",'
        'route="/api/v1/bookings-of-the-test/{reference}",status="4xx"}'
    )
    bookings = 'hotel_booking_bookings_total{outcome="%s",surface="api"}'
    with caplog.at_level(logging.INFO, logger="hotel_booking.access"):
        async with running(settings_for(database_url), book) as (_, client):
            access_log.settle()
            before = generate_latest().decode()
            await client.post("/api/v1/bookings-of-the-test/secret-reference?email=ana@example.com")
            await client.post("/api/v1/bookings-of-the-test/full")
        access_log.settle()
        after = generate_latest().decode()
    assert value(after, requests) - value(before, requests) == 1
    for outcome in ("held", "sold_out"):
        assert value(after, bookings % outcome) - value(before, bookings % outcome) == 1, outcome
    assert "secret-reference" not in after
    assert "hotel_booking_http_request_duration_seconds_bucket" in after
    logged = [vars(record) for record in caplog.records if record.name == "hotel_booking.access"]
    assert [entry["status"] for entry in logged if entry["method"] == "POST"] == [201, 409]
    assert not any("secret" in str(entry) or "ana@" in str(entry) for entry in logged)


async def test_random_requests_are_counted_under_the_routes_there_are(database_url: str) -> None:
    chance = random.Random(54)
    starts = ("/", "/api/v1/", "/hotels/", "/api/v1/properties/", "/admin/", "/health/", "/de/", "/metrics/")
    ours = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    methods = (*ours, "PROPFIND", "X-RAY")

    def word() -> str:
        return "".join(chance.choices(string.ascii_letters + string.digits + "-_.~%20é", k=12))

    async def crawl(times: int) -> None:
        for turn in range(times):
            await client.request(
                methods[turn % len(methods)],
                f"{starts[turn % len(starts)]}{word()}/{word()}"[: chance.randrange(2, 40)],
                params={word(): word()},
                headers={"x-request-id": word().replace("é", ""), "user-agent": word().replace("é", "")},
            )

    def series(text: str) -> set[str]:
        return {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("hotel_booking_")}

    async with running(settings_for(database_url)) as (app, client):
        templates = {route.path_format for route in app.routes} | {"none"}
        before = series(generate_latest().decode())  # other tests have routes of their own
        await crawl(250)
        access_log.settle()
        new = series(generate_latest().decode()) - before
    labels = [dict(re.findall(r'(\w+)="([^"]*)"', one)) for one in new]
    assert {"none"} < {of["route"] for of in labels if "route" in of} <= templates
    assert {of["method"] for of in labels if "method" in of} <= {*ours, "other"}
    assert {of["status"] for of in labels if "status" in of} <= {f"{hundreds}xx" for hundreds in range(1, 6)}
