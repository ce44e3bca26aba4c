"""What a slow phone has to fetch: scripts and styles of every page as they are served, from our host alone,
kept for a year; and pages of content that are not sent twice."""

from __future__ import annotations

import re

import httpx

from hotel_booking.core.db import Database
from tests.e2e.test_site_pages import in_lisbon
from tests.factories.guest_accounts import EMAIL, PASSWORD, opened
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.site.test_checkout import (
    GUEST,
    chosen,
    held,
    site,
)

SCRIPTS, STYLES = 60 * 1024, 40 * 1024  # compressed bytes of one page
DAYS = "?arrival=2030-03-04&departure=2030-03-07"


async def pages_of(client: httpx.AsyncClient) -> list[str]:
    """A page of every kind, with what it takes to see it."""
    details = await chosen(client, language="ar")
    pay = await held(client, language="ar")
    booking = (await held(client, "FLEX", language="ar")).removesuffix("/pay")
    await client.post(f"{booking}/pay", data={"method": "pay_at_property", "expected": "0"})
    await client.post("/ar/account/sign-in", data={"email": EMAIL, "password": PASSWORD})
    account = [f"/ar/account{page}" for page in ("", "/details", "/preferences", "/security", "/data")]
    public = [
        "/ar/",
        f"/ar/search{DAYS}&place=2267057",
        f"/ar/hotels/{SLUG}{DAYS}",
        "/ar/booking",
        "/ar/nowhere",
    ]
    return [*public, details, pay, booking, f"{booking}/amend", *account, "/ar/account/forgotten-password"]


async def weight(client: httpx.AsyncClient, address: str) -> int:
    """What one asset costs on the line."""
    async with client.stream("GET", address, headers={"accept-encoding": "gzip"}) as answer:
        assert answer.status_code == 200, address
        assert re.search(r"\.[0-9a-f]{12}\.", address), f"{address} has no fingerprint"
        kept = answer.headers["cache-control"]
        assert "immutable" in kept
        assert "max-age=31536000" in kept
        return len(b"".join([part async for part in answer.aiter_raw()]))


async def test_no_page_is_heavy_or_asks_another_host(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=9)
    await in_lisbon(db)
    await opened(db)
    async with site(database_url) as (_, client):
        for path in await pages_of(client):
            page = await client.get(path)
            assert page.status_code in (200, 404), path
            scripts = set(re.findall(r'<script[^>]+src="([^"]+)"', page.text))
            styles = set(re.findall(r'<link[^>]+rel="stylesheet"[^>]+href="([^"]+)"', page.text))
            assert styles
            # On a line that loses the style sheet an icon is no picture.
            assert not re.findall(r'<svg class="icon(?![^>]* width=)', page.text), path
            assert sum([await weight(client, one) for one in scripts]) <= SCRIPTS, path
            assert sum([await weight(client, one) for one in styles]) <= STYLES, path
            fetched = re.findall(
                r'<(?:img|script|source|iframe|audio|video)[^>]+src(?:set)?="([^"]+)"', page.text
            )
            fetched += re.findall(
                r'<link[^>]+rel="(?:stylesheet|icon|preload)"[^>]+href="([^"]+)"', page.text
            )
            assert all(one.startswith("/") and not one.startswith("//") for one in fetched), path


async def test_content_is_compressed_and_not_sent_twice_and_a_guests_own_pages_are_kept_by_nobody(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=9)
    await in_lisbon(db)
    async with site(database_url) as (_, client):
        for path in ("/en/", f"/en/search{DAYS}&place=2267057", f"/en/hotels/{SLUG}{DAYS}"):
            first = await client.get(path)
            assert first.headers["content-encoding"] == "gzip", path
            again = await client.get(path, headers={"if-none-match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b""), path
            plain = await client.get(path, headers={"accept-encoding": "identity"})
            assert plain.text == first.text
        details = await chosen(client, language="en")
        pay = (await client.post(details, data=GUEST)).headers["location"]
        for path in (details, pay):
            own = await client.get(path, follow_redirects=True)
            assert own.headers["cache-control"] == "no-store"
            assert "content-encoding" not in own.headers
            assert "etag" not in own.headers
