"""What was typed into a form is there again after something came between: another language, a session that
had expired, the proof of who one is. Passwords are not, and nobody else finds it."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.caller import Grant
from hotel_booking.domains.identity.permissions import Role
from tests.clients.browser import enter, visiting
from tests.clients.server import serving
from tests.clients.staff_client import session_of
from tests.e2e.test_site_booking import ROOMS, scalar, sent
from tests.e2e.test_site_pages import KEY, fill_in, in_lisbon
from tests.factories.small_hotel import small_hotel
from tests.factories.staff_accounts import PASSWORD, member

PANEL = {"HOTEL_MFA_REQUIRED": "false"}
KEPT = "sessionStorage.getItem('typed')"


async def switched(page: Page, language: str) -> None:
    await page.locator("details.site-menu summary").first.click()
    async with page.expect_navigation():
        await page.locator(f"details.site-menu a[hreflang={language}]").click()


async def test_a_guests_details_survive_another_language(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=9)
    async with serving(database_url, HOTEL_SECRET_KEY=KEY) as site, visiting(browser, site) as page:
        await page.goto(f"/en{ROOMS}")
        await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
        await page.fill("#given_name", "Zoë")
        await page.fill("#phone", "+351 21 000 0000")
        await page.select_option("#country", "PT")
        await page.fill("#requests", "A quiet room,\nplease.")
        for language in ("de", "ar", "en"):
            await switched(page, language)
            assert await page.get_attribute("html", "lang") == language
            assert await page.input_value("#given_name") == "Zoë"
            assert await page.input_value("#phone") == "+351 21 000 0000"
            assert await page.input_value("#country") == "PT"
            assert await page.input_value("#requests") == "A quiet room,\nplease."
            assert await page.evaluate(KEPT) is None
        # And another room.
        await page.get_by_role("link", name="Choose another room").click()
        await sent(page, ".offer-buy:has([name=rate_plan][value=NRF]) button")
        assert await page.input_value("#given_name") == "Zoë"
        assert await page.input_value("#requests") == "A quiet room,\nplease."
        await fill_in(page)
        await sent(page, "form.card button.primary")
        assert await page.evaluate(KEPT) is None
        assert await page.evaluate("sessionStorage.length") == 0
        assert await scalar(db, "SELECT country FROM guest") == "PT"
        # A message to the hotel too; and what was left alone stays away from other pages.
        await page.fill("#text", "We come late.")
        await switched(page, "fr")
        assert await page.input_value("#text") == "We come late."
        await page.goto("/en/account/sign-in")
        await page.fill("#email", "zoe@example.com")
        await page.fill("#password", "a secret of hers")
        await page.locator("details.site-menu summary").first.click()
        await page.evaluate("addEventListener('click', (event) => event.preventDefault())")
        await page.locator("details.site-menu a[hreflang=de]").click()
        kept = await page.evaluate(KEPT)
        assert "zoe@example.com" in kept
        assert "secret" not in kept
        await page.goto("/en/account/register")
        assert await page.input_value("#email") == ""
        assert await page.evaluate(KEPT) is None


async def test_a_guests_details_survive_a_connection_that_breaks(
    db: Database, database_url: str, browser: Browser
) -> None:
    """As on a train: the browser shows its own page in place of the form, and leads back past it. The next
    checkout is nobody's but the one that was never sent."""
    await small_hotel(db, rooms=9)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, expected=("/en/book/",)) as page,
    ):
        await page.goto(f"/en{ROOMS}")
        await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
        for name, text in (("given_name", "Zoë"), ("family_name", "Silva"), ("email", "zoe@example.com")):
            await page.fill(f"#{name}", text)
        await page.fill("#requests", "A quiet room, please.")
        await page.context.set_offline(True)
        await page.click("form.card button.primary")
        await page.wait_for_function("location.protocol === 'chrome-error:'", timeout=10_000)
        await page.context.set_offline(False)
        await page.goto(f"/en{ROOMS}")
        await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
        assert await page.input_value("#given_name") == "Zoë"
        assert await page.input_value("#requests") == "A quiet room, please."
        await sent(page, "form.card button.primary")
        assert await page.evaluate("sessionStorage.length") == 0
        await page.goto(f"/en{ROOMS}")
        await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
        assert await page.input_value("#requests") == ""


async def test_a_search_survives_another_language(db: Database, database_url: str, browser: Browser) -> None:
    """On the home page, among results and at a hotel, before it is sent; also the place that was chosen."""
    await small_hotel(db, rooms=2)
    await in_lisbon(db)
    async with serving(database_url, HOTEL_SECRET_KEY=KEY) as site, visiting(browser, site) as page:
        await page.goto("/en/")
        await page.locator("#search-place").press_sequentially("lis")
        await page.get_by_role("option", name="Lisbon Portugal").click()
        for address in ("/en/", "/en/search?place=Porto", f"/en{ROOMS}"):
            if address != "/en/":
                await page.goto(address)
            form = "stay" if address.endswith(ROOMS) else "search"
            await page.fill(f"#{form}-arrival", "2030-04-02")
            await page.fill(f"#{form}-adults", "3")
            await page.fill(f"#{form}-children", "4, 9")
            await switched(page, "ar")
            assert await page.input_value(f"#{form}-arrival") == "2030-04-02"
            assert await page.input_value(f"#{form}-adults") == "3"
            assert await page.input_value(f"#{form}-children") == "4, 9"
            if address == "/en/":
                assert await page.input_value("#search-place") == "Lisbon"
                assert await page.input_value("[name=at]") == "2267057"
            await switched(page, "en")


async def signed_in_again(page: Page, email: str) -> None:
    await page.fill("[name=email]", email)
    await page.fill("[name=password]", PASSWORD)
    await sent(page, "main form button.primary")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(False, id="the same"),
        pytest.param(True, marks=pytest.mark.nightly, id="a colleague"),
    ],
)
async def test_a_form_of_the_panel_survives_the_end_of_the_session(
    db: Database, database_url: str, browser: Browser, other: bool
) -> None:
    await small_hotel(db)
    mine = (await member(db, "ana@example.com", Grant(Role.OWNER))).id
    await member(db, "bo@example.com", Grant(Role.OWNER), name="Bo Member")
    async with serving(database_url, **PANEL) as site, visiting(browser, site) as page:
        await enter(page, site, await session_of(db, mine))
        await page.goto("/admin/staff/new")
        await page.fill("[name=email]", "new@example.com")
        await page.fill("[name=name]", "New Colleague")
        await page.select_option("[name=role-0]", "front_desk")
        await page.select_option("[name=at-0]", index=1)
        await page.context.clear_cookies()
        await sent(page, "main form button.primary")
        assert "/admin/sign-in" in page.url
        await signed_in_again(page, "bo@example.com" if other else "ana@example.com")
        assert page.url.endswith("/admin/staff/new")
        assert await page.input_value("[name=name]") == ("" if other else "New Colleague")
        assert await page.input_value("[name=email]") == ("" if other else "new@example.com")
        assert await page.evaluate(KEPT) is None


async def test_a_form_of_the_panel_survives_the_proof_of_who_one_is(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db)
    mine = (await member(db, "ana@example.com", Grant(Role.OWNER))).id
    async with serving(database_url, **PANEL) as site, visiting(browser, site) as page:
        await enter(page, site, await session_of(db, mine))
        await page.goto("/admin/staff/new")
        await page.fill("[name=name]", "New Colleague")
        await page.fill("[name=email]", "new@example.com")
        await page.select_option("[name=role-0]", "front_desk")
        await page.select_option("[name=at-0]", index=1)
        async with db.transaction() as tx:
            await tx.execute("UPDATE staff_session SET confirmed_at = confirmed_at - interval '1 day'")
        await sent(page, "main form button.primary")
        assert "/admin/confirm" in page.url
        await page.fill("[name=password]", "not the password")
        await sent(page, "main form button.primary")
        await page.fill("[name=password]", PASSWORD)
        await sent(page, "main form button.primary")
        assert page.url.endswith("/admin/staff/new")
        await page.get_by_text("What you typed is back in the form.").wait_for()
        assert await page.input_value("[name=role-0]") == "front_desk"
        await sent(page, "main form button.primary")
        assert await scalar(db, "SELECT count(*) FROM staff WHERE email = 'new@example.com'") == 1
        assert await page.evaluate(KEPT) is None
