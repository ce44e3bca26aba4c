"""The group writes a page in the panel, and a guest reads it and agrees to it, each in a browser."""

from __future__ import annotations

from playwright.async_api import Browser

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.browser import (
    accessibility,
    enter,
    screenshot,
    visiting,
)
from tests.clients.server import serving
from tests.clients.staff_client import session_of, staff
from tests.e2e.test_panel_pages import wider_than_the_screen
from tests.e2e.test_site_booking import NARROW, ROOMS, sent
from tests.e2e.test_site_pages import KEY
from tests.factories.small_hotel import small_hotel


async def test_the_group_writes_its_terms_and_a_guest_reads_them(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=3)
    token = await session_of(db, await staff(db, (Role.OWNER, None)))
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY, HOTEL_MFA_REQUIRED="false") as site,
    ):
        async with visiting(browser, site) as page:
            await enter(page, site, token)
            await page.goto("/admin/properties")
            await page.click("main .alert a")
            await page.click('a[href="/admin/group-pages/terms?language=de"]')
            await page.fill("#body", "# Stornieren\n\nBis **18 Uhr** am Vortag.")
            await page.click("button[name=look]")
            assert await page.locator(".written strong").inner_text() == "18 Uhr"
            assert await wider_than_the_screen(page) == []
            assert await accessibility(page) == []
            await screenshot(page, "group-page-edit")
            await page.click("form.card button.primary")
            assert "is on the site" in await page.locator(".flash").inner_text()
        async with visiting(browser, site, **NARROW) as page:
            await page.goto("/de")
            await page.click("footer a[href='/de/terms']")
            assert await page.locator("h1").inner_text() == "Allgemeine Geschäftsbedingungen"
            assert await page.locator("h2").inner_text() == "Stornieren"
            assert await accessibility(page) == []
            await screenshot(page, "group-page-de")
            await page.goto(f"/de{ROOMS}")
            await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
            assert await page.locator("#given_name").count(), await page.locator("main").inner_text()
            await page.fill("#given_name", "Ana")
            await page.fill("#family_name", "Example")
            await page.fill("#email", "ana@example.com")
            await sent(page, "form.card button.primary")
            button = page.locator("form.card button.primary").first
            assert "Zahlungspflichtig buchen" in await button.inner_text()
            terms = page.locator("form.card a[href='/de/terms']").first
            above, below = await terms.bounding_box(), await button.bounding_box()
            assert above is not None
            assert below is not None
            assert above["y"] < below["y"]
            async with page.expect_popup() as opened:
                await terms.click()
            assert "Stornieren" in await (await opened.value).locator("main").inner_text()
            assert (
                await page.locator("h1").inner_text() == "Buchung bestätigen"
            )  # what was typed is still there
