"""The status page as a person reads it: three widths, day and night, from right to left; from there to being
told, and to nothing more."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from hotel_booking.core import links
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.incidents import subscriptions
from tests.clients.browser import visiting
from tests.clients.server import serving
from tests.e2e.test_site_pages import looked_at
from tests.factories.status_history import history

KEY = "k" * 40


@pytest.mark.parametrize(
    ("language", "scheme"), [pytest.param("en", "light", marks=pytest.mark.nightly), ("ar", "dark")]
)
async def test_from_the_page_to_being_told_and_back(
    db: Database, database_url: str, language: str, scheme: str, browser: Browser
) -> None:
    await history(db, utc_now())
    wrong: list[str] = []
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as address,
        visiting(browser, address, color_scheme=scheme) as page,
    ):
        await page.goto(f"/status/{language}")
        for summary in await page.locator("summary").all():
            await summary.click()
        wrong += await looked_at(page, f"status-{language}-{scheme}")
        await page.fill("#email", "ana@example.com")
        await page.locator("form.subscribe button").first.click()
        wrong += await looked_at(page, f"status-asked-{language}-{scheme}")
        async with db.reading() as tx:
            number = await tx.fetchval("SELECT id FROM status_subscriber WHERE confirmed_at IS NULL")
        await page.goto(links.signed("", KEY, subscriptions.confirming(number)))
        wrong += await looked_at(page, f"status-confirm-{language}-{scheme}")
        await page.locator("button.send").click()
        async with db.reading() as tx:
            assert await tx.fetchval("SELECT confirmed_at IS NOT NULL FROM status_subscriber")
        await page.goto(links.signed("", KEY, subscriptions.leaving(number)))
        await page.locator("button.send").click()
        async with db.reading() as tx:
            assert await tx.fetchval("SELECT count(*) FROM status_subscriber") == 0
        await page.locator("main a").click()
        assert page.url == f"{address}/status/{language}"
    assert wrong == []


@pytest.mark.nightly
async def test_where_the_system_gives_its_colours_buttons_and_the_key_are_seen(
    db: Database, database_url: str, browser: Browser
) -> None:
    await history(db, utc_now())
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as address,
        visiting(browser, address, forced_colors="active") as page,
    ):
        await page.goto("/status/de")
        border = await page.locator(".send").first.evaluate("e => getComputedStyle(e).borderTopStyle")
        assert border == "solid"
        looks = {
            await one.evaluate("e => getComputedStyle(e).backgroundColor")
            for one in await page.locator(".legend i").all()
        }
        assert len(looks) == 4
