"""A hotel's page in a real browser: by day and night, from left and right, with its pictures opened."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Browser

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from tests.clients.browser import (
    WIDTHS,
    accessibility,
    screenshot,
    visiting,
)
from tests.clients.server import serving
from tests.e2e.test_panel_pages import wider_than_the_screen
from tests.factories.small_hotel import SLUG, small_hotel, sold_from

QUESTION = "?arrival=2030-03-04&departure=2030-03-07"


@pytest.mark.parametrize(
    ("language", "scheme"), [pytest.param("en", "light", marks=pytest.mark.nightly), ("ar", "dark")]
)
async def test_the_page_at_every_width(
    db: Database, database_url: str, language: str, scheme: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=3, room_types=("DBL", "SGL"))
    arrival = utc_now().date() + timedelta(days=3)
    async with db.transaction() as tx:
        await sold_from(tx, arrival - timedelta(days=2))  # or the calendar would have no prices to judge
    question = f"?arrival={arrival}&departure={arrival + timedelta(days=3)}"
    wrong: list[str] = []
    async with (
        serving(database_url) as site,
        visiting(browser, site, color_scheme=scheme, reduced_motion="reduce") as page,
    ):
        for size, width in WIDTHS.items():
            await page.set_viewport_size({"width": width, "height": 900})
            await page.goto(f"/{language}/hotels/{SLUG}{question}")
            assert await page.locator(".months a .amount").count() > 20
            await screenshot(page, f"site-property-{language}-{scheme}-{size}")
            wrong += [f"{width}: {item}" for item in await wider_than_the_screen(page)]
            wrong += [f"{width}: {item}" for item in await accessibility(page)]
        await page.locator("[data-picture]").first.click()
        assert await page.locator("[data-lightbox]").is_visible()
        await page.keyboard.press("ArrowRight")
        await page.keyboard.press("Escape")
        assert not await page.locator("[data-lightbox]").is_visible()
    assert not wrong
