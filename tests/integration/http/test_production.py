"""What production alone does: cookies over TLS, metrics for the house, unsafe settings said aloud."""

from __future__ import annotations

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.http import cookies
from tests.clients.http_client import client_of, running, settings_for
from tests.clients.staff_client import SAME_ORIGIN, session_of, staff


async def test_cookies_never_go_over_plain_http(database_url: str) -> None:
    settings = settings_for(database_url, environment="production", public_url="http://hotel.example")
    async with running(settings) as (_, client):
        answer = await client.get("/language/de?to=/en/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert "secure" in cookie.lower()


async def test_nobody_reads_metrics_at_the_public_port(database_url: str) -> None:
    async with running(settings_for(database_url, environment="production")) as (_, client):
        for path in ("/metrics", "/metrics/", "/Metrics", "/en/metrics"):
            answer = await client.get(path, headers={"authorization": "Bearer anything"})
            assert answer.status_code == 404, path
            assert "hotel_booking_" not in answer.text


async def test_the_panel_says_that_a_password_is_enough(db: Database, database_url: str) -> None:
    settings = settings_for(database_url, environment="production", mfa_required=False)
    async with running(settings) as (app, _):
        for role, told in ((Role.OWNER, True), (Role.HOUSEKEEPING, False)):
            token = await session_of(db, await staff(db, (role, None)))
            async with client_of(app, **SAME_ORIGIN) as client:
                client.cookies.set(f"__Host-{cookies.STAFF}", token, domain="test.local")
                page = await client.get("/admin/account")
            assert page.status_code == 200
            assert ("HOTEL_MFA_REQUIRED=false" in page.text) is told


async def test_every_answer_refuses_what_no_page_uses(database_url: str) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for path in ("/en", "/api/v1/places?q=lisb", "/admin/sign-in", "/health/live", "/nothing-here"):
            policy = (await client.get(path)).headers["permissions-policy"]
            assert "camera=()" in policy
            assert "geolocation=()" in policy
            assert 'payment=(self "https://js.stripe.com")' in policy
