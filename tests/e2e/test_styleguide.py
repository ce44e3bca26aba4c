"""The design system in a real browser: nothing for axe-core to find, no script needed to get around, and the
conveniences that scripts add."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect
from playwright.async_api import TimeoutError as Late

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

PHONE: dict[str, Any] = {"viewport": {"width": 375, "height": 780}, "is_mobile": True, "has_touch": True}
DESK: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}}


@pytest.mark.nightly
async def test_every_component_is_accessible_in_both_themes_and_directions(
    db: Database, database_url: str, browser: Browser
) -> None:
    wrong: list[str] = []
    async with serving(database_url) as site:
        for name, context, query in (
            ("phone-light", {**PHONE, "color_scheme": "light"}, ""),
            ("phone-dark-rtl", {**PHONE, "color_scheme": "dark"}, "?dir=rtl"),
            ("desktop-dark", {**DESK, "color_scheme": "dark"}, ""),
            ("desktop-light-rtl", {**DESK, "color_scheme": "light"}, "?dir=rtl"),
        ):
            async with visiting(browser, site, reduced_motion="reduce", **context) as page:
                await page.goto(f"/styleguide{query}")
                await expect(page.locator(".chart canvas")).to_have_count(3)
                wrong += [f"{name}: {item}" for item in await accessibility(page)]
                wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
                if wide > 0:
                    wrong.append(f"{name}: {wide} pixels too wide")
                await screenshot(page, f"styleguide-{name}")
    assert wrong == []


async def test_the_frame_works_without_scripts(db: Database, database_url: str, browser: Browser) -> None:
    """On a phone the navigation opens as a drawer, menus open, and nothing that needs a script is offered."""
    token = await session_of(db, await staff(db, (Role.READ_ONLY, None)))
    async with (
        serving(database_url) as site,
        visiting(browser, site, java_script_enabled=False, reduced_motion="reduce", **PHONE) as page,
    ):
        await enter(page, site, token)
        await page.goto("/admin/account")
        menu = page.locator("#menu")
        await expect(menu).not_to_be_visible()
        await page.get_by_role("button", name="Menu").click()
        await expect(menu).to_be_visible()
        # Who asks for no motion sees none, not even a first frame elsewhere
        assert await menu.evaluate("drawer => getComputedStyle(drawer).animationName") == "none"
        await within_the_screen(menu)
        await expect(page.locator("[data-theme-toggle]")).not_to_be_visible()
        await expect(page.locator("[data-find]")).not_to_be_visible()
        await menu.get_by_role("link", name="Bookings").click()
        await page.wait_for_url("**/admin/bookings")
        for direction in ("?dir=rtl", ""):
            await page.goto(f"/styleguide{direction}")
            for opened in await page.locator("details.menu").all():
                await opened.locator("summary").click()
                await within_the_screen(opened.locator("> div"))
                await opened.locator("summary").click()
        await page.locator("details.menu summary", has_text="Actions").click()
        await expect(page.get_by_role("link", name="Amend")).to_be_visible()
        await page.get_by_text("The figures as a table").first.click()
        await expect(page.get_by_role("cell", name="97.0%")).to_be_visible()


async def within_the_screen(part: Locator) -> None:
    """All of it can be seen on the phone, from side to side."""
    box = await part.bounding_box()
    assert box is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= PHONE["viewport"]["width"], box


async def test_what_scripts_add(db: Database, database_url: str, browser: Browser) -> None:
    """A theme that stays chosen, a question before what cannot be undone, and keys that lead everywhere."""
    token = await session_of(db, await staff(db, (Role.READ_ONLY, None)))
    async with serving(database_url) as site:
        for scheme in ("light", "dark"):
            async with visiting(browser, site, color_scheme=scheme, **DESK) as page:
                await the_theme_stays_chosen(page, scheme)
        async with visiting(browser, site, **DESK) as page:
            await what_cannot_be_taken_back_is_asked_first(page)
        async with visiting(browser, site, **DESK) as page:
            await enter(page, site, token)
            await keys_lead_everywhere(page)


async def the_theme_stays_chosen(page: Page, scheme: str) -> None:
    """Another theme than the system's, also on the next page."""
    await page.goto("/styleguide")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    first = await page.evaluate(ground)
    toggle = page.locator("[data-theme-toggle]")
    while await page.locator("html").get_attribute("data-theme") in (None, scheme):
        await toggle.click()
    assert await page.evaluate(ground) != first
    await page.reload()
    assert await page.evaluate(ground) != first
    await expect(toggle).to_contain_text("Dark" if scheme == "light" else "Light")


async def what_cannot_be_taken_back_is_asked_first(page: Page) -> None:
    """Escape leaves everything as it was; the button does it, once."""
    await page.goto("/styleguide")
    sent: list[str] = []
    page.on("framenavigated", lambda frame: sent.append(frame.url))
    button = page.get_by_role("button", name="Asks first")
    await button.click()
    dialog = page.get_by_role("dialog", name="Cancel this booking?")
    await expect(dialog).to_contain_text("The guest is refunded")
    assert await accessibility(page) == []
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(button).to_be_focused()
    assert sent == []
    await button.click()
    await expect(dialog.get_by_role("button", name="Asks first")).to_be_focused()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/styleguide?**", timeout=30_000)
    assert len(sent) == 1


async def keys_lead_everywhere(page: Page) -> None:
    """g and a letter, Ctrl K, and ? that tells of them."""
    await page.goto("/admin/account")
    await page.keyboard.press("?")
    await expect(page.get_by_role("dialog", name="Keys")).to_contain_text("Today")
    assert await accessibility(page) == []
    await page.keyboard.press("Escape")
    await page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Go to a page or find a booking")
    await expect(field).to_be_focused()
    await field.fill("zzz")
    await expect(page.get_by_role("option")).to_have_count(1)
    await field.fill("toda")
    await expect(page.get_by_role("option", selected=True)).to_contain_text("Today")
    assert await accessibility(page) == []
    await page.keyboard.press("Escape")
    # The letter has to follow within two seconds: on a busy machine it may come too late, as from a person.
    for _ in range(5):
        await page.keyboard.press("g")
        await page.keyboard.press("t")
        with contextlib.suppress(Late):
            await page.wait_for_url("**/admin/today", timeout=6_000)
            return
    pytest.fail("g t does not lead to today's page")


async def test_a_form_is_sent_once(db: Database, database_url: str, browser: Browser) -> None:
    """Two clicks on the way to the same answer are one request."""
    token = await session_of(db, await staff(db, (Role.READ_ONLY, None)))
    async with (
        serving(database_url) as site,
        visiting(browser, site, **DESK) as page,
    ):
        await enter(page, site, token)
        await page.goto("/admin/account")
        sent: list[str] = []

        async def slowly(route: Route) -> None:
            sent.append(route.request.method)
            await asyncio.sleep(1)
            await route.continue_()

        await page.route("**/admin/sign-out", slowly)
        await page.evaluate(
            "document.querySelectorAll('form[action=\"/admin/sign-out\"] button')"
            ".forEach(button => { button.click(); button.click(); button.click(); })"
        )
        await page.wait_for_url("**/admin/sign-in*", timeout=30_000)
        assert sent == ["POST"]
