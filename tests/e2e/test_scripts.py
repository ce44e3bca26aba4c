"""Every script of the site and of the panel does what it is there for, and is noticed when it does nothing:
each feature is walked once as it is, and once with its script served empty, where the walk has to fail."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route
from playwright.async_api import Error as PlaywrightError

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.http.ui import assets
from tests.clients.browser import (
    enter,
    visiting,
)
from tests.clients.server import serving
from tests.clients.staff_client import session_of, staff
from tests.doubles.stripe import StripeDouble
from tests.e2e.test_site_booking import ROOMS, holding, sent
from tests.e2e.test_site_pages import KEY, fill_in, in_lisbon
from tests.factories.small_hotel import small_hotel
from tests.integration.panel.test_rates_grid import GRID, hotel

Feature = Callable[[Page], Awaitable[None]]
BLIND_MS = 1_200  # how long a feature whose script is empty may take to appear
STRIPE = "https://js.stripe.com/"
# Stripe's own script, as far as our form sees it: a form with fields, and a card that is declined.
STRIPE_JS = """window.Stripe = () => ({
    elements: () => ({
        create: () => ({ mount: (to) => { document.querySelector(to).textContent = "Card number"; } }),
    }),
    confirmPayment: async () => ({ error: { message: "Your card was declined." } }),
});"""


async def a_theme_stays(page: Page) -> None:
    await page.goto("/en/")
    await page.evaluate("localStorage.setItem('theme', 'dark')")
    await page.reload()
    assert await page.get_attribute("html", "data-theme") == "dark"


async def a_form_is_sent_once(page: Page) -> None:
    """However often its button is pressed before the answer is there."""
    sent: list[Route] = []

    async def slowly(route: Route) -> None:
        sent.append(route)
        await asyncio.sleep(0.5)
        with suppress(PlaywrightError):  # another press has taken its place
            await route.continue_()

    await page.goto("/en/account/register")
    await page.route("**/en/account/register", slowly)
    await page.fill("[name=email]", "ana@example.com")
    await page.evaluate(
        """() => {
            const button = document.querySelector("main form button[type=submit]");
            for (const later of [0, 100, 200]) setTimeout(() => button.click(), later);
        }"""
    )
    await page.wait_for_url("**/account/sent?*")
    assert len(sent) == 1


async def menus_close(page: Page) -> None:
    """By Escape, which gives the focus back, by a press outside, and when another one is opened."""
    await page.goto("/en/")
    menus = page.locator("details.site-menu")
    opened = page.locator("details.site-menu[open]")
    await menus.first.locator("summary").click()
    await opened.locator("a").first.focus()
    await page.keyboard.press("Escape")
    assert await opened.count() == 0
    await menus.first.locator("summary:focus").wait_for()
    await menus.first.locator("summary").click()
    await menus.last.locator("summary").click()
    assert await opened.count() == 1
    await page.locator("h1").click()
    assert await opened.count() == 0


async def places_are_suggested(page: Page) -> None:
    """By keyboard and by finger; what was chosen and then changed is not meant any more."""
    await page.goto("/de/")
    field = page.get_by_role("combobox", name="Wohin?")
    await field.press_sequentially("lis")
    option = page.get_by_role("option", name="Lisbon Portugal")
    await option.wait_for()
    assert "Portugal" in await option.inner_text()
    await page.keyboard.press("ArrowDown")
    assert await option.get_attribute("aria-selected") == "true"
    assert await field.get_attribute("aria-activedescendant") == await option.get_attribute("id")
    await page.keyboard.press("Enter")
    assert await field.input_value() == "Lisbon"
    assert await page.input_value("[name=at]") == "2267057"
    assert not await option.is_visible()
    await field.press("Backspace")
    assert await page.input_value("[name=at]") == ""
    await option.click()
    assert await page.input_value("[name=at]") == "2267057"
    await field.fill("sea v")
    await page.get_by_role("option", name="Sea View").wait_for()
    await page.keyboard.press("Escape")
    assert await page.get_by_role("option").count() == 0
    assert await field.input_value() == "sea v"


async def dates_open_without_a_date(page: Page) -> None:
    await page.goto("/en/")
    assert await page.input_value("[name=arrival]") == ""
    await page.locator("[data-dates]").click()
    await page.locator("[data-day]:focus").wait_for()
    assert await page.locator("[data-said]").inner_text() == "Choose your arrival date."
    await page.keyboard.press("Enter")
    assert "Now choose your departure date" in await page.locator("[data-said]").inner_text()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await page.locator("[data-dates]:focus").wait_for()
    arrival, departure = await page.input_value("[name=arrival]"), await page.input_value("[name=departure]")
    assert "" < arrival < departure


async def pictures_open(page: Page) -> None:
    await page.goto("/en/hotels/seaview")
    await page.locator("[data-picture]").first.click()
    await page.locator("[data-lightbox]").wait_for()
    await page.keyboard.press("Escape")


async def a_hold_is_counted_down(page: Page) -> None:
    await holding(page)
    assert "minutes" in await page.locator("[data-left]").inner_text()


async def a_booking_prints(page: Page) -> None:
    """By its button; and by any way with the lines of its price, in a browser that knows no
    `::details-content` too."""

    async def answer(route: Route) -> None:
        styles = await route.fetch()
        older = (await styles.text()).replace("::details-content", "::unknown")
        await route.fulfill(response=styles, body=older)

    await page.route("**/checkout*.css", answer)
    await holding(page)
    await sent(page, "form.card button.primary")
    await page.evaluate("window.print = () => { document.title = 'printed'; }")
    await page.locator("[data-print]").click()
    assert await page.title() == "printed"
    assert await page.locator(".charges").is_hidden()
    await page.pdf()
    assert await page.locator(".charges").is_visible()
    assert await page.locator("details.cancel[open]").count() == 0


async def a_card_is_typed_into_stripes_form(page: Page) -> None:
    async def answer(route: Any) -> None:
        await route.fulfill(body=STRIPE_JS, content_type="text/javascript")

    await page.route(f"{STRIPE}**", answer)
    await page.goto(f"/en{ROOMS}")
    await sent(page, ".offer-buy:has([name=rate_plan][value=NRF]) button")
    await fill_in(page)
    await sent(page, "form.card button.primary")
    assert await page.locator("#card-fields").inner_text() == "Card number"
    await page.locator("form[data-stripe-key] button").click()
    problem = page.locator("#card-problem")
    await problem.wait_for()
    assert await problem.inner_text() == "Your card was declined."
    assert await page.locator("form[data-stripe-key] button").is_enabled()


async def a_form_goes_on_by_itself(page: Page) -> None:
    """As on the page that asks the bank."""
    script = f'<script src="{assets.address("asking.js")}" type="module"></script>'

    async def answer(route: Any) -> None:
        form = '<form data-goes-on action="/en/hotels"><button>See the result</button></form>'
        await route.fulfill(body=f"<!doctype html>{script}{form}", content_type="text/html")

    await page.route("**/en/asking", answer)
    await page.goto("/en/asking")
    await page.wait_for_url("**/en/hotels*")


async def a_passkey_is_asked_for(page: Page) -> None:
    await page.goto("/en/account/sign-in")
    async with page.expect_request(lambda request: "passkey" in request.url and request.method == "POST"):
        await page.locator("form[data-passkey] button").click()


async def keys_are_told(page: Page) -> None:
    await page.goto("/admin/account")
    await page.keyboard.press("?")
    await page.get_by_role("dialog", name="Keys").wait_for()
    await page.keyboard.press("Escape")


async def everything_is_found_by_typing(page: Page) -> None:
    await page.goto("/admin/account")
    await page.locator("[data-find]").wait_for()
    await page.keyboard.press("Control+k")
    await page.get_by_role("combobox", name="Go to a page").fill("toda")
    await page.get_by_role("option", name="Today").wait_for()
    await page.get_by_role("combobox", name="Go to a page").fill("till")
    await page.get_by_role("option", name="Close the till").wait_for()
    assert await page.get_by_role("option", name="Closings of the till").count() == 1
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/admin/payments/desk/close")


async def figures_are_drawn(page: Page) -> None:
    await page.goto("/styleguide")
    await page.locator(".chart canvas").first.wait_for()


async def dashboards_say_that_prometheus_is_silent(page: Page) -> None:
    await page.goto("/admin/monitoring")
    await page.get_by_text("Nothing is known of what happens now").wait_for()


async def long_lists_are_narrowed(page: Page) -> None:
    await page.goto("/admin/properties/new")
    field = page.locator("[data-choices]").first
    assert await field.locator("label:has(input[type=checkbox])").count() > 5
    await field.locator("[data-choices-search] input").fill("24-hour")
    assert 0 < await field.locator("label:has(input[type=checkbox]):visible").count() < 5


async def an_amount_is_read_as_it_is_typed(page: Page) -> None:
    await page.goto(GRID)
    await page.locator("[data-grid].live").wait_for()
    cell = page.locator('tr[data-c="price"] td').first
    await cell.click()
    await page.keyboard.type("131,5")
    await page.keyboard.press("Enter")
    assert await cell.get_attribute("data-v") == "131.50"


async def the_grid_is_live(page: Page) -> None:
    await page.goto(GRID)
    await page.locator("[data-grid].live").wait_for()
    await page.locator('tr[data-c="price"] td').first.click()
    await page.keyboard.press("ArrowRight")
    assert await page.evaluate("document.activeElement.tagName") == "TD"


async def what_was_typed_comes_back(page: Page) -> None:
    await page.goto("/en/account/register")
    await page.fill("#email", "ana@example.com")
    await page.locator("details.site-menu summary").first.click()
    async with page.expect_navigation():
        await page.locator("details.site-menu a[hreflang=de]").click()
    assert await page.input_value("#email") == "ana@example.com"


async def coming_back_asks_nothing(page: Page) -> None:
    """To a page that refused a form of a browser without cookies, for which nothing can be kept; without the
    script the browser shows an error of its own."""
    await page.goto("/en/booking")
    await page.fill("#reference", "ABCDE-FGHIJ")
    await page.fill("#email", "ana@example.com")
    await page.context.clear_cookies()
    await sent(page, "form.card button.primary")
    await page.locator(".alert.danger").first.wait_for()
    await page.goto("/en/hotels")
    async with page.expect_request(lambda request: request.is_navigation_request()) as asked:
        await page.go_back()
    assert (await asked.value).method == "GET"
    await page.locator("#reference").wait_for()


SITE: Mapping[str, Feature] = {
    "answered.js": coming_back_asks_nothing,
    "theme.js": a_theme_stays,
    "menus.js": menus_close,
    "places.js": places_are_suggested,
    "dates.js": dates_open_without_a_date,
    "gallery.js": pictures_open,
    "hold.js": a_hold_is_counted_down,
    "once.js": a_form_is_sent_once,
    "typed.js": what_was_typed_comes_back,
    "print.js": a_booking_prints,
    "asking.js": a_form_goes_on_by_itself,
    "passkeys.js": a_passkey_is_asked_for,
}
PANEL: Mapping[str, Feature] = {
    "panel.js": keys_are_told,
    "palette.js": everything_is_found_by_typing,
    "charts.js": figures_are_drawn,
    "monitoring.js": dashboards_say_that_prometheus_is_silent,
    "choices.js": long_lists_are_narrowed,
    "grid.js": the_grid_is_live,
    "amounts.js": an_amount_is_read_as_it_is_typed,
}
CARD: Mapping[str, Feature] = {"pay.js": a_card_is_typed_into_stripes_form}


def test_every_script_is_walked() -> None:
    there = {path.name for path in (Path(assets.__file__).parent / "assets").glob("*.js")}
    assert there == {*SITE, *PANEL, *CARD}


async def noticed(
    browser: Browser,
    site: str,
    features: Mapping[str, Feature],
    token: str = "",
    *,
    empty: bool,
    **more: Any,
) -> list[str]:
    """The scripts whose feature is walked just as well when they are `empty`; each is walked as it is too."""
    unnoticed: list[str] = []
    for script, feature in features.items():
        for without in ((), (script,)) if empty else ((),):
            try:
                async with visiting(browser, site, without=without, reduced_motion="reduce", **more) as page:
                    if token:
                        await enter(page, site, token)
                    if without:
                        page.set_default_timeout(BLIND_MS)
                    await feature(page)
            except (AssertionError, PlaywrightError):
                if not without:
                    raise
            else:
                unnoticed += without
    return unnoticed


# As they are at every push, and without them each night.
as_they_are_and_empty = pytest.mark.parametrize(
    "empty", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["as they are", "empty"]
)


@as_they_are_and_empty
async def test_the_sites_scripts(db: Database, database_url: str, browser: Browser, empty: bool) -> None:
    await small_hotel(db, rooms=9)
    await in_lisbon(db)
    async with serving(database_url, HOTEL_SECRET_KEY=KEY) as site:
        assert await noticed(browser, site, SITE, empty=empty) == []


@as_they_are_and_empty
async def test_the_card_forms_script(db: Database, database_url: str, browser: Browser, empty: bool) -> None:
    await small_hotel(db, rooms=9)
    with StripeDouble() as stripe:
        settings = {
            "HOTEL_GATEWAY": "stripe",
            "HOTEL_STRIPE_SECRET_KEY": "sk_test_double",
            "HOTEL_STRIPE_PUBLISHABLE_KEY": "pk_test_double",
            "HOTEL_STRIPE_WEBHOOK_SECRETS": "whsec_double",
            "HOTEL_STRIPE_API_BASE": stripe.url,
        }
        async with (
            serving(database_url, HOTEL_SECRET_KEY=KEY, **settings) as site,
        ):
            assert await noticed(browser, site, CARD, empty=empty, expected=(STRIPE,)) == []


@as_they_are_and_empty
async def test_the_panels_scripts(db: Database, database_url: str, browser: Browser, empty: bool) -> None:
    await hotel(db)
    token = await session_of(db, await staff(db, (Role.OWNER, None)))
    nobody = "http://127.0.0.1:9"
    async with serving(database_url, HOTEL_MFA_REQUIRED="false", HOTEL_PROMETHEUS_URL=nobody) as site:
        assert await noticed(browser, site, PANEL, token, empty=empty) == []


async def test_a_complaint_of_the_console_fails_a_browser_test(database_url: str, browser: Browser) -> None:
    async with serving(database_url) as site:
        for wrong in ("console.error('odd')", "console.warn('odd')", "fetch('/en/no-such-page')"):
            with pytest.raises(AssertionError):  # noqa: PT012 - what is heard is told when the visit ends
                async with visiting(browser, site) as page:
                    await page.goto("/en/")
                    await page.evaluate(f"async () => {{ await {wrong}; }}")
