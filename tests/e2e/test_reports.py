"""An accountant takes a month's files home, one after the other, and the bookings that they searched for."""

from __future__ import annotations

import csv
from datetime import timedelta

from playwright.async_api import Browser, Page

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.browser import WIDTHS, accessibility, enter, lit, screenshot, visiting
from tests.clients.server import serving
from tests.clients.staff_client import session_of, staff
from tests.e2e.test_panel_pages import wider_than_the_screen
from tests.factories.small_hotel import FIRST, SLUG
from tests.integration.panel.test_reports import a_month


async def downloaded(page: Page) -> tuple[str, list[dict[str, str]]]:
    """What comes when the button is pressed: the file's name, and its lines."""
    async with page.expect_download(timeout=5_000) as coming:
        await page.get_by_role("button", name="Download").click()
    file = await coming.value
    with (await file.path()).open(encoding="utf-8-sig", newline="") as held:
        return file.suggested_filename, list(csv.DictReader(held))


async def test_files_are_taken_one_after_the_other(db: Database, database_url: str, browser: Browser) -> None:
    await a_month(db)
    token = await session_of(db, await staff(db, (Role.FINANCE, SLUG)))
    phone = {"width": WIDTHS["phone"], "height": 800}
    async with (
        serving(database_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(browser, site, reduced_motion="reduce", viewport=phone) as page,
    ):
        await enter(page, site, token)
        await page.goto(f"/admin/reports?first={FIRST}&last={FIRST + timedelta(days=2)}")
        await page.get_by_text("Each night").first.wait_for()
        for scheme in ("light", "dark"):
            await lit(page, scheme)
            await screenshot(page, f"reports-{scheme}-phone")
            assert await accessibility(page, colours_only=scheme == "dark") == []
        assert await wider_than_the_screen(page) == []
        name, rows = await downloaded(page)
        assert (name, len(rows)) == (f"nights-{SLUG}-{FIRST}-{FIRST + timedelta(days=2)}.csv", 3)
        # The page stays, and with it the button: the next file is one choice away.
        await page.get_by_label("File").select_option("taxes")
        name, rows = await downloaded(page)
        assert (name.partition("-")[0], len(rows)) == ("taxes", 6)
        await page.get_by_role("link", name="What is owed").click()
        await page.get_by_text("Download as a file").click()
        name, rows = await downloaded(page)
        assert (name.partition("-")[0], [row["owed"] for row in rows]) == ("bookings", ["104.00"])
        # What the browser was told of stands in the log.
        assert await noted(db) == ["nights", "taxes", "bookings"]


async def noted(db: Database) -> list[str]:
    """The files that the audit log knows of."""
    async with db.transaction() as tx:
        rows = await tx.fetch("SELECT object_id FROM audit_entry WHERE action = 'export' ORDER BY id")
    return [row["object_id"] for row in rows]
