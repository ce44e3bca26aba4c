"""An incident as whoever is on call meets it in a browser: declared, acknowledged, its commands copied,
customers told, resolved, learnt from. The console stays silent, nothing is wider than a phone."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.incidents import queries
from tests.clients.browser import WIDTHS, accessibility, enter, lit, screenshot, visiting
from tests.clients.server import serving
from tests.clients.staff_client import session_of, staff
from tests.e2e.test_panel_pages import wider_than_the_screen


async def test_an_incident_is_lived_through_in_the_panel(
    db: Database, database_url: str, browser: Browser
) -> None:
    token = await session_of(db, await staff(db, (Role.OWNER, None)))
    wrong: list[str] = []
    async with (
        serving(database_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(
            browser, site, reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"]
        ) as page,
    ):

        async def look(name: str) -> None:
            for width in ("desktop", "phone"):
                await page.set_viewport_size({"width": WIDTHS[width], "height": 900})
                wrong.extend(await wider_than_the_screen(page))
                for scheme in ("light", "dark"):
                    await lit(page, scheme)
                    wrong.extend(await accessibility(page, colours_only=scheme == "dark"))
                    await screenshot(page, f"incident-{name}-{width}-{scheme}")
            await lit(page, "light")

        await enter(page, site, token)
        await page.goto("/admin/incidents")
        await page.get_by_role("link", name="Declare an incident").click()
        await look("new")
        await page.get_by_label("What is wrong").fill("Guests can’t pay by card")
        await page.get_by_label("P1 Critical").check()
        await page.get_by_label("Payments", exact=True).check(force=True)
        await page.get_by_role("button", name="Declare").click()

        await expect(page.get_by_text("Whoever is on call is being paged")).to_be_visible()
        await expect(page.locator('[aria-current="step"]')).to_contain_text("Detection")
        await page.get_by_role("button", name="Acknowledge").click()
        await expect(page.locator('[aria-current="step"]')).to_contain_text("Triage")
        await look("triage")
        await page.get_by_role("button", name="On to response").click()

        command = page.locator(".checklist .secret").first
        await command.get_by_role("button", name="Copy").click()
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied == f"curl -s {site}/status/parts/payments", "what its title is about comes first"
        assert copied == await command.locator("code").inner_text()

        await page.get_by_role("link", name="We know the cause").click()
        await expect(page.get_by_label("Text", exact=True)).to_have_value(
            "We have found the cause and are working on a solution. We will tell you more within 30 minutes."
        )
        await page.get_by_label("Title on the status page").fill("Card payments fail")
        await page.get_by_role("button", name="Publish").click()
        await expect(page.get_by_text("Published on the status page")).to_be_visible()

        await page.get_by_text("Add an action").click()
        await page.get_by_label("What is to be done").fill("Alert on it sooner")
        await page.get_by_role("button", name="Add", exact=True).click()
        await page.get_by_label("What ended it").fill("The gateway is back")
        await page.get_by_role("button", name="Resolve").click()
        await page.get_by_role("button", name="Done").click()
        await look("over")
        await page.get_by_role("link", name="Post-mortem").click()
        await page.get_by_label("Cause").fill("A deployment of theirs")
        await page.get_by_label("What we learnt").fill("Watch their status page")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator(".prose")).to_contain_text("A deployment of theirs")
        await look("post-mortem")
        await page.get_by_role("link", name="Guests can’t pay by card").click()
        await page.get_by_role("button", name="Close", exact=True).click()
        await expect(page.locator('[aria-current="step"]')).to_contain_text("Closed")
    assert wrong == []
    async with db.reading() as tx:
        (shown,) = await queries.public_incidents(tx, since=(await queries.find(tx, 1)).declared_at)
    assert (shown.title, shown.status, shown.updates[0].template) == (
        "Card payments fail",
        "resolved",
        "identified",
    )
