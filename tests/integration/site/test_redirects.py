"""Languages, currencies, and what search engines are told."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import cast

import pytest
from litestar.routes import HTTPRoute
from litestar.types import HTTPScope

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.web import sitemap as sitemap_pages
from hotel_booking.web.site import page_path
from tests.clients.http_client import looked_at, running, settings_for
from tests.factories.small_hotel import SLUG, small_hotel
from tests.factories.world import simple_hotel
from tests.integration.site.test_checkout import site


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.5", "de"),
        ("pt,fr;q=0.3,es;q=0.7", "es"),
        ("ar", "ar"),
        ("xx;q=abc, ,;;;", "en"),
        ("", "en"),
        ("fr;q=2, de;q=0", "en"),
    ],
)
async def test_an_address_without_a_language_leads_to_the_guests(
    database_url: str, header: str, language: str
) -> None:
    async with running(settings_for(database_url)) as (_, client):
        client.headers["accept-language"] = header
        answer = await client.get("/search?place=x%20y")
        assert answer.status_code == 302
        assert answer.headers["location"] == f"/{language}/search?place=x%20y"
        assert "accept-language" in answer.headers["vary"]
        # Where password managers look, and whoever is not signed in is then asked for first.
        answer = await client.get("/.well-known/change-password")
        assert answer.status_code == 302
        assert answer.headers["location"] == f"/{language}/account/security"
        answer = await client.get(answer.headers["location"])
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(f"/{language}/account/sign-in?")
        client.cookies.set("hotel_language", "fr")
        assert (await client.get("/")).headers["location"] == "/fr/"


async def test_a_mistyped_address_is_a_page_to_a_guest_and_a_problem_to_a_program(database_url: str) -> None:
    """A browser shows what it gets: the page that says so in the guest's language, wherever it is."""
    browser = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8", "accept-language": "fr"}
    async with running(settings_for(database_url)) as (_, client):
        for address in ("/hotel", "/DE/", "/en-GB/", "/%C3%A9", "/apis", "/demo/none"):
            page = await client.get(address, headers=browser)
            assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8"), (
                address
            )
            assert "Cette page n’existe pas" in page.text, address
            program = await client.get(address, headers={"accept": "*/*"})
            assert program.json()["code"] == "no_such_address", address
        for address in ("/api", "/api/v1", "/api/v1/hotels"):
            answer = await client.get(f"{address}/none", headers=browser)
            assert answer.json()["code"] == "no_such_address", address
        for part in ("booking", "account"):
            answer = await client.get(f"/{part}?x=1", headers=browser)
            assert (answer.status_code, answer.headers["location"]) == (302, f"/fr/{part}?x=1")


def test_an_answer_to_a_form_leads_to_a_page_that_can_be_read() -> None:
    """From a refused cancellation to another language or currency, and back to it by the browser's button."""
    app = looked_at()
    led = {}
    for route in app.routes:
        path = route.path_format
        if isinstance(route, HTTPRoute) and "POST" in route.methods and path.startswith("/{language}"):
            scope = {"method": "POST", "path": path, "path_template": path, "litestar_app": app}
            led[path.removeprefix("/{language}")] = page_path(cast(HTTPScope, scope))
    assert len(led) > 20, led
    for path, to in led.items():
        reads = next(one for one in app.routes if one.path_format == to)
        assert isinstance(reads, HTTPRoute)
        assert "GET" in reads.methods, path
    assert led["/booking/{reference}/amend"] == "/{language}/booking/{reference}/amend"
    assert led["/account/sign-in/link"] == "/{language}/account/sign-in"
    assert led["/account/security/passkeys/{passkey_id}/remove"] == "/{language}/account/security"


async def test_a_refused_form_is_read_again_in_another_language(db: Database, database_url: str) -> None:
    async with site(database_url) as (_, client):
        refused = await client.post("/en/account/sign-in/link?next=/en/account/data", data={"email": ""})
        assert refused.status_code == 422
        own = "account/sign-in?next=/en/account/data"
        assert f'<meta name="own-address" content="/en/{own}">' in refused.text
        for there, to in (("/language/de", f"/de/{own}"), ("/currency/USD", f"/en/{own}")):
            address = re.findall(rf'href="({there}\?[^"]*)"', refused.text)[0]
            assert (await client.get(html.unescape(address))).headers["location"] == to
            assert (await client.get(to)).status_code == 200


async def test_choosing_stays_on_the_site(database_url: str) -> None:
    async with running(settings_for(database_url)) as (_, client):
        kept = await client.get("/language/de", params={"to": "/en/search?place=1"})
        assert kept.headers["location"] == "/de/search?place=1"
        assert "hotel_language=de" in kept.headers["set-cookie"]
        for to in ("//evil.example/x", "/\\evil.example", "https://evil.example", "/en\r\nx: y", "/admin/x"):
            for address in ("/language/de", "/currency/USD"):
                answer = await client.get(address, params={"to": to})
                assert answer.status_code == 303
                assert "evil" not in answer.headers["location"]
        money = await client.get("/currency/usd", params={"to": "/en/search?place=1"})
        assert money.headers["location"] == "/en/search?place=1"
        assert "hotel_currency=USD" in money.headers["set-cookie"]


async def test_a_large_catalogue_is_listed_to_search_engines_in_parts(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemap_pages, "HOTELS", 2)
    names = ["one", "two", "three", "four", "five"]
    async with db.transaction() as tx:
        for name in ("gone", *names):
            await simple_hotel(tx, name, name=name.title())
        await tx.execute("UPDATE property SET active = false WHERE slug = 'gone'")
    async with running(settings_for(database_url, public_url="https://hotel.example")) as (_, client):
        index = (await client.get("/sitemap.xml")).text
        assert index.count("<loc>") == 3
        parts = [
            (await client.get(address.removeprefix("https://hotel.example"))).text
            for address in re.findall("<loc>([^<]+)</loc>", index)
        ]
        found = [re.findall(r"<loc>https://hotel\.example/en/([^<]*)</loc>", part) for part in parts]
        assert found == [
            ["", "hotels", "hotels/one", "hotels/two"],
            ["hotels/three", "hotels/four"],
            ["hotels/five"],
        ]
        for odd in ("/sitemap/-1", f"/sitemap/{10**30}", "/sitemap/x"):
            assert (await client.get(odd)).status_code < 500, odd
        async with db.transaction() as tx:
            await tx.execute("UPDATE property SET active = false WHERE slug = 'five'")
        assert (await client.get("/sitemap.xml")).text.count("<loc>") == 2


async def test_search_engines_find_every_page_in_every_language(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with running(settings_for(database_url, public_url="https://hotel.example")) as (_, client):
        robots = (await client.get("/robots.txt")).text
        assert "Sitemap: https://hotel.example/sitemap.xml" in robots
        sitemap = await client.get("/sitemap.xml")
        assert sitemap.text.count("<url>") == 15
        assert f"<loc>https://hotel.example/ar/hotels/{SLUG}</loc>" in sitemap.text
        page = await client.get(f"/de/hotels/{SLUG}")
        assert f'rel="canonical" href="https://hotel.example/de/hotels/{SLUG}"' in page.text
        assert f'hreflang="fr" href="https://hotel.example/fr/hotels/{SLUG}"' in page.text
        # Whoever speaks another language is sent on by their browser's.
        for address, inner in (
            ("/de/", ""),
            ("/de/hotels", "hotels"),
            (f"/ar/hotels/{SLUG}", f"hotels/{SLUG}"),
        ):
            link = f'hreflang="x-default" href="https://hotel.example/{inner}"'
            assert link in (await client.get(address)).text
            assert sitemap.text.count(f"{link}/>") == 5
            assert (await client.get(f"/{inner}")).headers["location"] == f"/en/{inner}"
        again = await client.get(f"/de/hotels/{SLUG}", headers={"if-none-match": page.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_a_part_of_the_sitemap_is_no_larger_than_search_engines_read(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    host = f"https://{'h' * 20}.example"
    async with running(settings_for(database_url, public_url=host)) as (_, client):
        before = len((await client.get("/sitemap.xml")).content)
        async with db.transaction() as tx:
            await simple_hotel(tx, "s" * 80)
        of_one = len((await client.get("/sitemap.xml")).content) - before
    assert of_one * sitemap_pages.HOTELS < 50 * 2**20
    assert 5 * sitemap_pages.HOTELS + 100 < 50_000


async def test_an_unknown_page_is_told_in_the_guests_language(database_url: str) -> None:
    async with running(settings_for(database_url)) as (_, client):
        answer = await client.get("/de/no-such-page")
        assert answer.status_code == 404
        assert "Diese Seite gibt es nicht" in answer.text
        assert 'lang="de"' in answer.text


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        ("security@hotel.example", "mailto:security@hotel.example"),
        ("https://x.example/r", "https://x.example/r"),
    ],
)
async def test_who_finds_a_weakness_is_told_where_to_report_it(
    db: Database, database_url: str, contact: str, said: str
) -> None:
    settings = settings_for(database_url, public_url="https://hotel.example", security_contact=contact)
    async with running(settings) as (_, client):
        answer = await client.get("/.well-known/security.txt")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    lines = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert lines["Contact"] == said
    assert lines["Canonical"] == "https://hotel.example/.well-known/security.txt"
    left = datetime.fromisoformat(lines["Expires"]) - utc_now()
    assert timedelta(days=178) < left < timedelta(days=365)
    async with running(settings_for(database_url)) as (_, client):
        assert (await client.get("/.well-known/security.txt")).status_code == 404
