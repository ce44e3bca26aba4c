"""A guest's account in a real browser: opened by a mailed link, used, exported and erased; every page with
axe-core, on a phone and in Arabic."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Browser, Page

from hotel_booking.core.db import Database
from tests.clients.browser import (
    accessibility,
    screenshot,
    visiting,
)
from tests.clients.jobs import mail_links
from tests.clients.outbox import sent as mails
from tests.clients.server import serving
from tests.e2e.test_panel_pages import wider_than_the_screen
from tests.e2e.test_site_booking import NARROW, ROOMS, WIDE, scalar, sent
from tests.e2e.test_site_pages import KEY
from tests.factories.guest_accounts import EMAIL, PASSWORD
from tests.factories.small_hotel import small_hotel

ACCOUNT_PAGES = ("account", "account/details", "account/preferences", "account/security", "account/data")
ENTRY_PAGES = (
    "account/sign-in",
    "account/register",
    "account/sent?what=register",
    "account/forgotten-password",
    "account/open/nonsense",
)


async def looked_at(page: Page, name: str) -> list[str]:
    """What is wrong with the page, on the screen that it is on."""
    await screenshot(page, f"account-{name.replace('/', '-').replace('?', '-')}")
    wrong = [f"{name}: wider: {item}" for item in await wider_than_the_screen(page)]
    return wrong + [f"{name}: {item}" for item in await accessibility(page)]


async def last_link(db: Database, database_url: str, site: str) -> str:
    """The path of the newest link that was mailed."""
    await mail_links(db, database_url)
    link = str((await mails(db))[-1].data["link"])
    assert link.startswith(site)
    return link.removeprefix(site)


async def opened(page: Page, db: Database, database_url: str, site: str, language: str = "en") -> None:
    """An account, opened as a guest does."""
    await page.goto(f"/{language}/account/register")
    await page.fill("#email", EMAIL)
    await sent(page, ".narrow-page button.primary")
    await page.goto(await last_link(db, database_url, site))
    await page.fill("#given_name", "Ana")
    await page.fill("#family_name", "Example")
    await page.fill("#password", PASSWORD)
    await sent(page, ".narrow-page button.primary")


async def test_from_opening_an_account_to_its_erasure(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=3)
    wrong: list[str] = []
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, **NARROW) as page,
    ):
        for name in ENTRY_PAGES:
            await page.goto(f"/en/{name}")
            wrong += await looked_at(page, f"{name}-en")
        await opened(page, db, database_url, site)
        assert "Your account is ready" in await page.locator("main").inner_text()
        await page.goto("/en/account/details")
        await page.fill("#phone", "+351 21 000 0000")
        await page.select_option("#country", "PT")
        await sent(page, ".account form.card button.primary")
        # The account fills in the checkout, also of who signs in only there, and has the booking.
        await page.context.clear_cookies()
        await page.goto(f"/en{ROOMS}")
        await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
        await page.fill("#requests", "A quiet room, please.")
        async with page.expect_navigation():
            await page.get_by_role("link", name="Sign in").click()
        await page.fill("#email", EMAIL)
        await page.fill("#password", PASSWORD)
        await sent(page, ".narrow-page button.primary")
        assert await page.input_value("#requests") == "A quiet room, please."
        assert await page.input_value("#given_name") == "Ana"
        assert await page.input_value("#country") == "PT"
        await sent(page, "form.card button.primary")
        await sent(page, "form.card button.primary")
        await page.context.clear_cookies(name="hotel_bookings")
        await page.goto("/en/account")
        async with page.expect_navigation():
            await page.locator(".own-booking a").click()
        assert await page.locator("h1").inner_text() == "Your booking is confirmed"
        for language in ("en", "ar"):
            for name in ACCOUNT_PAGES:
                await page.goto(f"/{language}/{name}")
                wrong += await looked_at(page, f"{name}-{language}")
        # A stay is to come: nothing can be erased yet, and the page says which.
        await page.goto("/en/account/data")
        assert await page.locator("button.danger").count() == 0
        reference = await scalar(db, "SELECT reference FROM booking")
        assert reference in await page.locator(".alert").inner_text()
        async with page.expect_download() as download:
            await page.locator("main a.button.secondary").first.click()
        export = json.loads((await (await download.value).path()).read_text())  # one small file
        assert export["account"]["email"] == EMAIL
        assert [one["reference"] for one in export["bookings"]] == [reference]
        await page.goto(f"/en/booking/{reference}")
        await page.locator(".cancel summary").click()
        await sent(page, ".cancel button")
        await page.goto("/en/account/data")
        await page.fill("#email", "somebody@example.com")
        await sent(page, "button.danger")
        assert await page.locator("#email-below.error").inner_text() != ""
        await page.fill("#email", EMAIL)
        await sent(page, "button.danger")
        assert "deleted" in await page.locator(".flash").inner_text()
        await page.goto("/en/account")
        assert "/account/sign-in" in page.url
    assert wrong == []
    assert await scalar(db, "SELECT count(*) FROM guest_account") == 0
    assert await scalar(db, f"SELECT count(*) FROM guest WHERE email = '{EMAIL}'") == 0


@pytest.mark.nightly
async def test_in_and_out_without_javascript(db: Database, database_url: str, browser: Browser) -> None:
    """By password and by mailed link; a wrong password and an unknown address are told the same."""
    await small_hotel(db)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, java_script_enabled=False, **WIDE) as page,
    ):
        await opened(page, db, database_url, site, "de")
        await sent(page, ".account-nav button")
        await page.goto("/de/account/preferences")  # leads to the door, and back
        told = []
        for email, password in ((EMAIL, "wrong wrong wrong"), ("nobody@example.com", "wrong wrong wrong")):
            await page.fill("#email", email)
            await page.fill("#password", password)
            await sent(page, ".narrow-page button.primary")
            told.append(await page.locator(".alert").inner_text())
        assert told[0] == told[1]
        await page.fill("#email", EMAIL)
        await page.fill("#password", PASSWORD)
        await sent(page, ".narrow-page button.primary")
        assert page.url.endswith("/de/account/preferences")
        await sent(page, ".account-nav button")
        await page.fill("#link-email", EMAIL)
        await sent(page, ".narrow-page button.secondary")
        await page.goto(await last_link(db, database_url, site))
        await sent(page, ".narrow-page button.primary")
        assert page.url.endswith("/de/account")
        before = len(await mails(db))
        await sent(page, ".account-nav button")
        await page.fill("#link-email", "nobody@example.com")
        await sent(page, ".narrow-page button.secondary")
        assert "/account/sent" in page.url
        assert len(await mails(db)) == before


async def test_without_scripts_a_refused_form_is_reloaded_and_come_back_to_without_a_question(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db)
    plain = NARROW | {"java_script_enabled": False}
    async with serving(database_url, HOTEL_SECRET_KEY=KEY) as site, visiting(browser, site, **plain) as page:
        await page.goto("/de/account/sign-in")
        await page.fill("#email", "ana@example.com")
        await page.fill("#password", "falsch geraten")
        await page.keyboard.press("Enter")
        await page.locator('.alert[role="alert"]').wait_for()
        assert page.url.endswith("/de/account/sign-in?refused=wrong_credentials")
        for turn in (page.reload, page.go_back, page.go_forward):
            answer = await turn()
            assert answer is None or answer.request.method == "GET"
        assert await page.locator('.alert[role="alert"]').count() == 1
        assert await page.input_value("#email") == "ana@example.com"
        assert await page.input_value("#password") == ""
