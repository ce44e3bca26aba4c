"""The API's reference and its list of errors in a real browser, as partners' engineers read them."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.clients.browser import WIDTHS, accessibility, lit, screenshot, visiting
from tests.clients.server import serving
from tests.e2e.test_panel_pages import wider_than_the_screen


# To ask axe about the whole reference takes it a quarter of a minute.
@pytest.mark.parametrize("path", [pytest.param("/api/docs", marks=pytest.mark.nightly), "/api/docs/errors"])
async def test_the_reference_is_read_on_a_phone_and_by_night(
    path: str, database_url: str, browser: Browser
) -> None:
    wrong: list[str] = []
    async with serving(database_url) as api, visiting(browser, api, reduced_motion="reduce") as page:
        await page.set_viewport_size({"width": WIDTHS["phone"], "height": 800})
        await page.goto(path)
        await screenshot(page, f"reference{path.replace('/', '-')}")
        wrong += await wider_than_the_screen(page)
        wrong += await accessibility(page)
        await lit(page, "dark")
        wrong += await accessibility(page, colours_only=True)
    assert wrong == []
