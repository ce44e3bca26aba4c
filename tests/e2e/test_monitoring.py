"""Dashboards in a browser, as an operator reads them: drawn, by day and by night, on a phone, and when
Prometheus goes silent and comes back."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.browser import accessibility, enter, lit, screenshot, visiting
from tests.clients.server import serving
from tests.clients.staff_client import session_of, staff
from tests.doubles.prometheus import PrometheusDouble
from tests.e2e.test_panel_pages import wider_than_the_screen


async def test_an_operator_reads_the_dashboards(db: Database, database_url: str, browser: Browser) -> None:
    token = await session_of(db, await staff(db, (Role.READ_ONLY, None)))
    with PrometheusDouble() as prometheus:
        settings = {"HOTEL_MFA_REQUIRED": "false", "HOTEL_PROMETHEUS_URL": prometheus.url}
        async with (
            serving(database_url, **settings) as site,
            visiting(browser, site, viewport={"width": 1280, "height": 900}) as page,
        ):
            await enter(page, site, token)
            await page.clock.install()
            await page.goto("/admin/monitoring")
            await page.get_by_role("heading", name="Error rate").scroll_into_view_if_needed()
            errors = page.get_by_role("region", name="Error rate")
            await errors.locator("canvas").wait_for()
            # What is drawn stands below as text, with the latest value.
            await expect(errors.get_by_role("listitem").first).to_contain_text("%")
            assert await accessibility(page) == []
            await screenshot(page, "monitoring-app")
            await lit(page, "dark")
            assert await accessibility(page, colours_only=True) == []
            await screenshot(page, "monitoring-app-dark")

            prometheus.mood = "broken"
            await page.clock.run_for(31_000)
            await page.get_by_text("Nothing is known of what happens now").wait_for()
            assert await accessibility(page) == []
            prometheus.mood = "well"
            await page.clock.run_for(31_000)
            await expect(page.get_by_role("alert")).to_have_count(0)

            await lit(page, "light")
            await page.set_viewport_size({"width": 375, "height": 800})
            await page.get_by_role("link", name="Infrastructure").click()
            await page.get_by_role("heading", name="CPU").scroll_into_view_if_needed()
            await page.get_by_role("region", name="CPU").locator("canvas").wait_for()
            assert await wider_than_the_screen(page) == []
            await screenshot(page, "monitoring-infra-phone")
            await page.get_by_role("link", name="3 days").click()
            await page.get_by_role("link", name="Business").click()
            await (
                page.get_by_role("link", name="3 days", exact=True)
                .and_(page.locator("[aria-current]"))
                .wait_for()
            )
            prometheus.mood = "nothing"
            await page.reload()
            await page.get_by_text("No data in this time").first.wait_for()
            await page.goto("/admin/runbook#high-error-rate")
            assert await wider_than_the_screen(page) == []
            assert await accessibility(page) == []
            await screenshot(page, "runbook-phone")
