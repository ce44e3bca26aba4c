"""The stay picker in a real browser: by keyboard alone, on a phone, and from right to left."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route

from hotel_booking.core.db import Database
from tests.clients.browser import (
    accessibility,
    screenshot,
    visiting,
)
from tests.clients.server import serving
from tests.e2e.test_panel_pages import wider_than_the_screen
from tests.e2e.test_site_booking import NARROW, WIDE, sent
from tests.e2e.test_site_pages import KEY, in_lisbon
from tests.factories.small_hotel import small_hotel

ARRIVAL, DEPARTURE, SEND = "[name=arrival]", "[name=departure]", ".search-box > .button"


async def focused(page: Page, day: str) -> None:
    """Wait until the keyboard is on a day."""
    await page.locator(f'[data-day="{day}"]:focus').wait_for()


@pytest.mark.parametrize(
    ("language", "narrow", "scheme"),
    [
        pytest.param("en", False, "light", marks=pytest.mark.nightly),
        ("ar", True, "dark"),
        pytest.param("de", True, "light", marks=pytest.mark.nightly),
    ],
)
async def test_a_stay_is_chosen_by_keyboard(
    db: Database, database_url: str, language: str, narrow: bool, scheme: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=2)
    await in_lisbon(db)
    after, before = ("ArrowLeft", "ArrowRight") if language == "ar" else ("ArrowRight", "ArrowLeft")
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(
            browser, site, color_scheme=scheme, reduced_motion="reduce", **(NARROW if narrow else WIDE)
        ) as page,
    ):
        await page.goto(f"/{language}/")
        await page.fill("[name=place]", "Lisbon")
        await page.fill("[name=arrival]", "2030-03-29")
        await page.focus("[data-dates]")
        await page.keyboard.press("Enter")
        await focused(page, "2030-03-29")
        assert await page.locator('[data-day="2030-03-30"] small').inner_text() == "90"
        assert await accessibility(page) == []
        assert await wider_than_the_screen(page) == []
        await screenshot(page, f"picker-{language}-{scheme}")
        for key, day in (
            (after, "2030-03-30"),
            (before, "2030-03-29"),
            ("ArrowUp", "2030-03-22"),
            ("PageDown", "2030-04-22"),
            ("PageDown", "2030-05-22"),
            ("PageUp", "2030-04-22"),
            ("PageUp", "2030-03-22"),
            ("ArrowDown", "2030-03-29"),
            ("ArrowDown", "2030-04-05"),
            ("ArrowUp", "2030-03-29"),
        ):
            await page.keyboard.press(key)
            await focused(page, day)
        # On a slow line keys count from the day that is coming, and none chooses the one that was left.
        there = asyncio.Event()

        async def late(route: Route) -> None:
            await there.wait()
            await route.continue_()

        told = await page.locator("[data-said]").inner_text()
        await page.route("**/nights?*", late)
        for key in ("PageDown", "PageDown", "PageDown", after, "Enter"):
            await page.keyboard.press(key)
        assert await page.locator("[data-said]").inner_text() == told
        months = page.locator("[data-months]")
        assert await months.get_attribute("aria-busy") == "true"  # which is seen, too
        ring = "e => (s => s.content + s.opacity + s.borderTopStyle)(getComputedStyle(e, '::after'))"
        assert await months.evaluate(ring) == '""1solid'
        there.set()
        await focused(page, "2030-06-30")
        assert await months.get_attribute("aria-busy") == "false"
        await page.unroute_all(behavior="wait")
        for _ in range(3):
            await page.keyboard.press("PageUp")
        await focused(page, "2030-03-30")
        await page.keyboard.press("Escape")
        if narrow:
            # A phone shows one month: where nothing of it is left to leave on, the next one.
            await page.fill("[name=arrival]", "2030-03-31")
            await page.focus("[data-dates]")
            await page.keyboard.press("Enter")
            await focused(page, "2030-04-01")
            await page.keyboard.press("Escape")
            await page.fill("[name=arrival]", "2030-03-29")
            await page.focus("[data-dates]")
        await page.locator("[data-dates]:focus").wait_for()
        assert await page.input_value("[name=arrival]") == "2030-03-29"  # nothing was chosen
        await page.keyboard.press("Enter")
        await focused(page, "2030-03-29")
        said = page.locator("[data-said]")
        await page.keyboard.press(before)
        await focused(page, "2030-03-28")
        # The field had an arrival: a day before it begins anew, one after it ends the stay.
        await page.keyboard.press("Enter")
        assert await said.inner_text() != ""
        await page.keyboard.press("ArrowDown")
        await focused(page, "2030-04-04")
        await page.keyboard.press("Space")
        await page.locator("[data-dates]:focus").wait_for()
        assert await page.input_value("[name=arrival]") == "2030-03-28"
        assert await page.input_value("[name=departure]") == "2030-04-04"
        await sent(page, ".search-box > button[type=submit]")
        assert "departure=2030-04-04" in page.url
        assert await page.locator(".hotel-card").count() == 1


@pytest.mark.parametrize(
    "shape", [pytest.param(NARROW, marks=pytest.mark.nightly, id="narrow"), pytest.param(WIDE, id="wide")]
)
async def test_what_is_wrong_with_one_date_does_not_push_down_the_other(
    db: Database, database_url: str, browser: Browser, shape: dict[str, Any]
) -> None:
    await small_hotel(db, rooms=2)
    await in_lisbon(db)
    async with serving(database_url, HOTEL_SECRET_KEY=KEY) as site, visiting(browser, site, **shape) as page:
        for query in ("place=Lisbon", "place=Lisbon&arrival=2030-05-03&departure=2030-05-01"):
            await page.goto(f"/fr/search?{query}")
            boxes = [await page.locator(name).bounding_box() for name in (ARRIVAL, DEPARTURE, SEND)]
            arrival, departure, send = (box for box in boxes if box)
            assert arrival["y"] == departure["y"]
            if shape is WIDE:
                assert abs(send["y"] + send["height"] - arrival["y"] - arrival["height"]) < 2
        assert await page.locator(".search-box .error").count() == 1


@pytest.mark.parametrize(
    "shape", [pytest.param(NARROW, id="narrow"), pytest.param(WIDE, marks=pytest.mark.nightly, id="wide")]
)
async def test_what_is_said_of_amounts_stands_apart_from_the_hotels(
    db: Database, database_url: str, browser: Browser, shape: dict[str, Any]
) -> None:
    await small_hotel(db, rooms=2)
    await in_lisbon(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO exchange_rate (currency, per_euro, as_of) VALUES ('USD', 2, '2030-01-01')"
        )
    async with serving(database_url, HOTEL_SECRET_KEY=KEY) as site, visiting(browser, site, **shape) as page:
        await page.goto("/currency/USD?to=/de/")
        await page.goto("/de/search?place=Lisbon&arrival=2030-03-04&departure=2030-03-07")
        said = await page.locator(".results-head ~ p.hint").bounding_box()
        cards = await page.locator(".results-body").bounding_box()
        assert said is not None
        assert cards is not None
        assert cards["y"] - said["y"] - said["height"] >= 12
