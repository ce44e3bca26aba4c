"""What a page of the site costs, in counts: statements, bytes, what is parsed and compiled for one request;
and that what a process keeps of a hotel's page is given out for as long as it is true, and no longer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from babel import Locale, numbers
from babel.dates import format_skeleton
from jinja2 import Environment

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from tests.clients.http_client import running, settings_for
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.site.test_checkout import site

STAY = {"arrival": "2030-03-04", "departure": "2030-03-07"}
PAGE = f"/en/hotels/{SLUG}"


@pytest.mark.parametrize("rooms", [1, 6])
async def test_a_hotels_page_reads_three_statements_once_it_is_known(
    db: Database, database_url: str, statements: list[str], rooms: int
) -> None:
    await small_hotel(db, room_types=[f"T{number}" for number in range(rooms)])
    soon = utc_now().date() + timedelta(days=40)
    near = {"arrival": str(soon), "departure": str(soon + timedelta(days=3))}
    async with running(settings_for(database_url)) as (_, client):
        first = await client.get(PAGE, params=STAY)
        for question, most in (
            (near, 3),
            ({**near, "adults": "4", "children": "3", "rooms": "2"}, 3),
            ({}, 3),
            (STAY, 5),  # the stay is far from the months that can be shown
        ):
            statements.clear()
            page = await client.get(PAGE, params=question)
            assert page.status_code == 200
            assert len(statements) <= most, statements
        assert (await client.get(PAGE, params=STAY)).text == first.text
        assert first.text.count('<li class="room card"') == rooms


async def test_a_list_of_hotels_looks_its_place_up_once_and_reads_names_and_pictures_in_one_statement(
    chain_url: str, statements: list[str]
) -> None:
    async with demo(chain_url) as (_, client, pages):
        first = await client.get(pages["results"])
        before = [text for text in statements if "place" in text or "property_photo" in text]
        statements.clear()
        again = await client.get(pages["results"])
    assert again.text == first.text
    assert 'class="hotel-card card"' in first.text
    assert [text for text in before if "place_name" in text or "FROM place p" in text]
    assert not [text for text in statements if "place_name" in text or "FROM place p" in text]
    assert len([text for text in statements if "property_photo" in text]) == 1


CHANGES = {
    "name": "UPDATE property SET name = 'Changed & new'",
    "description": "UPDATE property SET description = 'Changed & new'",
    "room type": "UPDATE room_type SET name = 'Changed & new'",
    "plan": "UPDATE rate_plan SET name = 'Changed & new'",
    "tax": "UPDATE tax SET name = 'Changed & new'",
    "text": "INSERT INTO translation (property_id, kind, object_id, language, field, content)"
    " SELECT id, 'property', id, 'en', 'name', 'Changed & new' FROM property",
    "city": "UPDATE place SET name = 'Changed & new'",
}


@pytest.mark.parametrize("change", sorted(CHANGES))
async def test_what_the_hotel_changes_is_on_the_next_page(
    db: Database, database_url: str, change: str
) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO place (id, name, country, lat, lon, population, timezone)"
            " VALUES (2267057, 'Lisbon', 'PT', 38.72, -9.13, 500000, 'Europe/Lisbon') ON CONFLICT DO NOTHING"
        )
        await tx.execute("UPDATE property SET place_id = 2267057, lat = 38.73, lon = -9.14")
        await tx.execute(
            "INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)"
            " SELECT id, 'NEW', 'Old tax', 'fixed', 100, 12, false FROM property"
        )
    async with running(settings_for(database_url)) as (_, client):
        before = await client.get(PAGE, params=STAY)
        assert "Changed &amp; new" not in before.text
        async with db.transaction() as tx:
            assert await tx.execute(CHANGES[change])
        after = await client.get(PAGE, params=STAY, headers={"if-none-match": before.headers["etag"]})
    assert after.status_code == 200
    assert "Changed &amp; new" in after.text


async def test_prices_and_exchange_rates_are_never_those_of_before(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO exchange_rate (currency, per_euro, as_of, source)"
            " VALUES ('USD', 1.1, '2030-01-01', 'hand'), ('CHF', 0.9, '2030-01-01', 'hand')"
        )
    async with running(settings_for(database_url)) as (_, client):
        before = (await client.get(PAGE, params={**STAY, "currency": "USD"})).text
        async with db.transaction() as tx:
            await tx.execute("UPDATE rate_night SET price = price + 12300")
            await tx.execute("UPDATE room_type SET extra_adult = 4567")
        dearer = (await client.get(PAGE, params={**STAY, "currency": "USD"})).text
        async with db.transaction() as tx:
            await tx.execute("DELETE FROM exchange_rate")
            await tx.execute(
                "INSERT INTO exchange_rate (currency, per_euro, as_of, source)"
                " VALUES ('USD', 7, '2030-01-01', 'hand')"
            )
        other = (await client.get(PAGE, params={**STAY, "currency": "USD"})).text
    totals = [re.findall(r'<p class="price"><strong>([^<]+)', page) for page in (before, dearer, other)]
    assert totals[0] != totals[1] == totals[2]
    assert '<option value="CHF">' in dearer
    assert '<option value="CHF">' not in other
    assert '<option value="USD" selected>' in other
    assert re.findall("≈ [^<]+", dearer) != re.findall("≈ [^<]+", other) != []


async def test_one_guests_question_is_on_no_other_guests_page(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=3)
    async with running(settings_for(database_url)) as (_, client):
        asked = await client.get(
            PAGE, params={**STAY, "adults": "3", "place": "Somewhere else", "currency": "JPY"}
        )
        assert "Somewhere+else" in asked.text
        client.cookies.clear()
        plain = (await client.get(PAGE)).text
    assert "Somewhere" not in plain
    assert "2030-03-07" not in plain
    assert "selected>JPY" not in plain


async def test_what_is_kept_of_pages_is_bounded_and_the_applications_own(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    async with running(settings_for(database_url)) as (app, client):
        for language in ("en", "de", "fr", "es", "ar"):
            for _ in range(3):
                await client.get(f"/{language}/hotels/{SLUG}")
        assert len(app.state.property_contents) == 5
    async with running(settings_for(database_url)) as (app, _):
        assert len(app.state.property_contents) == 0


@asynccontextmanager
async def demo(chain_url: str) -> AsyncIterator[tuple[Application, httpx.AsyncClient, dict[str, str]]]:
    """The site with hotels of the demo chain, and an address of each kind of page that is read by all."""
    soon = utc_now().date() + timedelta(days=40)
    stay = f"arrival={soon}&departure={soon + timedelta(days=3)}"
    async with site(chain_url) as (app, client):
        listed = (await client.get("/en/hotels")).text
        slug = re.findall(r'href="/en/hotels/([a-z0-9-]+)"', listed)[0]
        yield (
            app,
            client,
            {
                "home": "/en/",
                "hotels": "/en/hotels",
                "results": f"/en/search?{stay}&place=Lisbon",
                "nights": "/en/nights?place=Lisbon",
                "hotel": f"/en/hotels/{slug}",
                "hotel with dates": f"/en/hotels/{slug}?{stay}",
                "sign in": "/en/account/sign-in",
            },
        )


MOST_BYTES = {
    "home": 9_500,
    "hotels": 9_000,
    "results": 12_500,
    "nights": 17_000,
    "hotel": 55_000,
    # 80 to 90 thousand: a day's restrictions and the weeks of the months that are shown make the difference.
    "hotel with dates": 94_000,
    "sign in": 6_500,
}


async def test_pages_of_the_demo_are_no_larger_than_they_were(chain_url: str) -> None:
    async with demo(chain_url) as (_, client, pages):
        for kind, address in pages.items():
            page = await client.get(address)
            assert page.status_code == 200, kind
            assert len(page.content) <= MOST_BYTES[kind], kind


async def test_a_page_parses_no_locale_and_compiles_no_template_twice(
    chain_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def noting(what: str, whole: Callable[..., Any]) -> Callable[..., Any]:
        def one(*args: Any, **options: Any) -> Any:
            asked.append(what)
            return whole(*args, **options)

        return one

    async with demo(chain_url) as (_, client, pages):
        for address in pages.values():
            await client.get(address)
        # Babel asks itself for locales that it has; what is counted is whether anybody asks Babel.
        monkeypatch.setattr(Locale, "parse", noting("a locale", Locale.parse))
        monkeypatch.setattr(numbers.NumberPattern, "apply", noting("a pattern", numbers.NumberPattern.apply))
        monkeypatch.setattr("babel.dates.parse_pattern", noting("a date's pattern", format_skeleton))
        monkeypatch.setattr(Environment, "compile", noting("a template", Environment.compile))
        for kind, address in pages.items():
            await client.get(address)
            assert asked == [], kind
