"""The guests' way from the front page to a booking, in a real browser: every page at three widths, by day and
night, from left and right, with axe-core; and the whole way without JavaScript: two guests and one room."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page

from hotel_booking.core.db import Database
from hotel_booking.domains.notifications import rendering
from hotel_booking.domains.notifications.samples import SAMPLES
from tests.clients.browser import (
    WIDTHS,
    accessibility,
    screenshot,
    visiting,
)
from tests.clients.server import serving
from tests.e2e.test_panel_pages import wider_than_the_screen
from tests.factories.small_hotel import SLUG, small_hotel

QUESTION = "?arrival=2030-03-04&departure=2030-03-07"
KEY = "k" * 40
ENLARGED = 160  # a screen of 320 whose reader has made everything twice as large (WCAG 1.4.10)


async def looked_at(page: Page, name: str) -> list[str]:
    """What is wrong with the page as it stands, at every width."""
    wrong: list[str] = []
    for size, width in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": 900})
        await screenshot(page, f"site-{name}-{size}")
        wrong += [f"{name} at {width}: wider: {item}" for item in await wider_than_the_screen(page)]
        wrong += [f"{name} at {width}: {item}" for item in await accessibility(page)]
    await page.set_viewport_size({"width": ENLARGED, "height": 400})
    wrong += [f"{name} at {ENLARGED}: wider: {item}" for item in await wider_than_the_screen(page)]
    return wrong


async def in_lisbon(db: Database) -> None:
    """The hotel stands in a city that can be searched."""
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO place (id, name, country, lat, lon, population, timezone)"
            " VALUES (2267057, 'Lisbon', 'PT', 38.72, -9.13, 500000, 'Europe/Lisbon') ON CONFLICT DO NOTHING"
        )
        await tx.execute("INSERT INTO place_name (name, place_id, weight) VALUES ('lisbon', 2267057, 500000)")
        await tx.execute("UPDATE property SET place_id = 2267057, city = 'Lisbon'")


async def fill_in(page: Page) -> None:
    await page.fill("#given_name", "Ana")
    await page.fill("#family_name", "Example")
    await page.fill("#email", "ana@example.com")
    await page.locator("form.card button.primary").click()
    await page.wait_for_load_state()


@pytest.mark.parametrize(
    ("language", "scheme"),
    [
        ("ar", "light"),
        pytest.param("en", "light", marks=pytest.mark.nightly),
        pytest.param("de", "dark", marks=pytest.mark.nightly),
    ],
)
async def test_every_page_of_the_way(
    db: Database, database_url: str, language: str, scheme: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=5)
    await in_lisbon(db)
    wrong: list[str] = []
    mark = f"{language}-{scheme}"
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, color_scheme=scheme, reduced_motion="reduce") as page,
    ):
        for name, path in (
            ("home", "/"),
            ("results", f"/search{QUESTION}&place=2267057"),
            ("nothing", "/search?place=2267057&arrival=2030-12-04&departure=2030-12-07"),
            ("unknown", "/search?place=Nowhere-at-all"),
            ("problem", "/no-such-page"),
            ("find", "/booking"),
        ):
            await page.goto(f"/{language}{path}")
            wrong += await looked_at(page, f"{name}-{mark}")
        await page.goto(f"/{language}/hotels/{SLUG}{QUESTION}")
        await page.locator(".offer-buy button").last.click()
        await page.wait_for_load_state()
        wrong += await looked_at(page, f"details-{mark}")
        await fill_in(page)
        wrong += await looked_at(page, f"payment-{mark}")
        await page.locator("form.card button.primary").first.click()
        await page.wait_for_load_state()
        wrong += await looked_at(page, f"booking-{mark}")
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT status FROM booking") == "confirmed"
    assert wrong == []


@pytest.mark.nightly
async def test_two_guests_one_room_and_no_javascript(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=1)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, java_script_enabled=False) as first,
        visiting(browser, site, java_script_enabled=False) as second,
    ):
        for page in (first, second):
            await page.goto(f"/en/hotels/{SLUG}{QUESTION}")
            await page.locator(".offer-buy button").last.click()
            await page.wait_for_load_state()
        await fill_in(first)
        await fill_in(second)
        assert "You haven’t been charged" in await second.locator(".alert").inner_text()
        assert await second.input_value("#given_name") == "Ana"
        await first.locator("form.card button.primary").first.click()
        await first.wait_for_load_state()
        assert await first.locator("h1").inner_text() == "Your booking is confirmed"
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM booking WHERE status = 'confirmed'") == 1


@pytest.mark.parametrize("language", [pytest.param("de", marks=pytest.mark.nightly), "ar"])
async def test_menus_open_within_the_screen(
    db: Database, database_url: str, language: str, browser: Browser
) -> None:
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, viewport={"width": 375, "height": 800}) as page,
    ):
        await page.goto(f"/{language}/")
        wrong = []
        for width in (ENLARGED, 320, 375, 640, 700, 760, 1024, 1280):
            await page.set_viewport_size({"width": width, "height": 800})
            assert await wider_than_the_screen(page) == [], width
            for number in range(await page.locator(".site-menu").count()):
                await page.locator(".site-menu summary").nth(number).click()
                box = await page.locator(".site-menu ul").nth(number).bounding_box()
                assert box is not None
                if box["x"] < 0 or box["x"] + box["width"] > width:
                    wrong.append((width, number, box))
                await page.keyboard.press("Escape")
        assert wrong == []
        # The longest words, on the narrowest of today's phones: one line, no higher than a finger needs.
        await page.set_viewport_size({"width": 360, "height": 800})
        for longest in ("fr", "es"):
            await page.goto(f"/{longest}/")
            box = await page.locator(".site-nav").bounding_box()
            assert box is not None
            assert box["height"] < 50, longest


async def test_a_refused_form_has_the_focus_and_leads_to_its_fields_without_a_script(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=2)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, java_script_enabled=False, viewport={"width": 375, "height": 800}) as page,
    ):
        await page.goto(f"/en/hotels/{SLUG}{QUESTION}")
        await page.locator(".offer-buy button").last.click()
        await page.wait_for_load_state()
        await page.fill("#given_name", "Ana")
        await page.fill("#family_name", "Example")
        await page.fill("#email", "nobody")
        await page.locator("form.card button.primary").click()
        await page.wait_for_load_state()
        assert (await page.title()).startswith("Error: ")
        assert await page.locator(".alert:focus").count() == 1
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        assert await page.locator("#email:target").count() == 1
        await screenshot(page, "site-refused-phone")


async def test_long_words_of_headings_stay_on_a_phones_screen(
    db: Database, database_url: str, browser: Browser
) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO group_page (kind, language, body, updated_at) VALUES ('terms', 'de',"
            " E'# Rechtsschutzversicherungsgesellschaften\\n\\nText.', now())"
        )
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, viewport={"width": 320, "height": 800}) as page,
    ):
        await page.goto("/de/terms")
        assert "Geschäftsbedingungen" in await page.locator("h1").inner_text()
        await screenshot(page, "site-terms-320")
        assert await wider_than_the_screen(page) == []


SPACED = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
        word-spacing: 0.16em !important } p { margin-block-end: 2em !important }`);
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""


LARGE = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync("html { font-size: 200% !important }");
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}"""


@pytest.mark.parametrize("language", ["de", pytest.param("fr", marks=pytest.mark.nightly)])
async def test_the_checkout_fits_a_narrow_screen_with_any_spacing(
    db: Database, database_url: str, language: str, browser: Browser
) -> None:
    """320 pixels are a screen at four times its size (WCAG 1.4.10); readers may space texts (1.4.12)."""
    await small_hotel(db, rooms=2)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, viewport={"width": 320, "height": 800}) as page,
    ):
        await page.goto(f"/{language}/hotels/{SLUG}{QUESTION}")
        await page.evaluate(SPACED)
        where = page.locator(".location")  # which clips what is wider
        cut = await where.evaluate("e => e.scrollWidth - e.clientWidth")
        wrong = [f"{cut} pixels of the place are cut off"] if cut > 0 else []
        await page.locator(".offer-buy button").last.click()
        await page.wait_for_load_state()
        wrong += await wider_than_the_screen(page)
        await fill_in(page)
        await screenshot(page, f"site-payment-320-{language}")
        wrong += await wider_than_the_screen(page)
        await page.evaluate(SPACED)
        wrong += await wider_than_the_screen(page)
        await page.goto(f"/{language}/no-such-page")
        await page.evaluate(SPACED)
        assert wrong + await wider_than_the_screen(page) == []


@pytest.mark.nightly
async def test_nothing_is_cut_off_where_letters_are_twice_as_large(
    db: Database, database_url: str, browser: Browser
) -> None:
    """WCAG 1.4.4, on a phone: what is dear has the longest price, and German the longest words."""
    await small_hotel(db, rooms=5)
    await in_lisbon(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET price = price * 100")
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, viewport={"width": 390, "height": 844}) as page,
    ):
        wrong: list[str] = []

        async def looked() -> None:
            await page.evaluate(LARGE)
            wrong.extend(await wider_than_the_screen(page))
            clipped = await page.locator(":is(.hotel-card, .room, .summary)").evaluate_all(
                "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.className)"
            )
            wrong.extend(f"cut off: {one}" for one in clipped)

        for path in (
            "/de/",
            f"/de/search{QUESTION}&place=2267057",
            f"/es/hotels/{SLUG}{QUESTION}",
            f"/de/hotels/{SLUG}{QUESTION}",
        ):
            await page.goto(path)
            await looked()
        await page.locator(".offer-buy button").last.click()
        await page.wait_for_load_state()
        await looked()
        await fill_in(page)
        await looked()
        await page.locator("form.card button.primary").first.click()
        await page.wait_for_load_state()
        await looked()
        await screenshot(page, "site-booking-large")
        assert wrong == []


async def test_a_long_word_makes_no_message_wider_than_a_phone(browser: Browser) -> None:
    context = await browser.new_context(viewport={"width": 375, "height": 800})
    page = await context.new_page()
    try:
        for template in ("booking_confirmed", "booking_cancelled", "guest_message", "status_news"):
            long = {"rooms": ["Donau" * 15], "property": "Sea" * 25, "text": "x" * 99, "title": "y" * 99}
            message = rendering.render(template, "de", SAMPLES[template] | long, sender="Wellen" * 20)
            await page.set_content(message.html)
            assert await wider_than_the_screen(page) == [], template
    finally:
        await context.close()


async def test_where_the_system_gives_its_colours_what_has_the_focus_and_is_chosen_is_seen(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=2)
    await in_lisbon(db)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, forced_colors="active", viewport={"width": 1280, "height": 900}) as page,
    ):
        await page.goto(f"/en/search{QUESTION}&place=2267057")
        for field in ("#search-place", "#search-arrival", "#f-sort"):
            await page.focus(field)
            outline = await page.locator(field).evaluate("e => getComputedStyle(e).outlineStyle")
            assert outline == "solid", field
        look = "e => getComputedStyle(e).backgroundColor + getComputedStyle(e).borderTopStyle"
        await page.locator("[data-dates]").click()
        day = page.locator('.dates [data-day="2030-03-20"]')
        await day.wait_for()
        chosen = [page.locator(f'.dates [data-day="2030-03-0{number}"]') for number in (4, 5)]
        looks = {await one.evaluate(look) for one in (day, *chosen)}
        assert len(looks) == 3, "an end of the stay, a night within it and any other"
        await screenshot(page, "picker-forced-colours")
        await page.goto(f"/en/hotels/{SLUG}")
        days = page.locator(".month .day:not(.past, .today, .low)")
        for number, kind in enumerate(("arrival", "within", "plain")):  # nights of 2030 are not in it
            await days.nth(number).evaluate("(e, kind) => e.classList.add(kind)", kind)
        looks = {
            await page.locator(f".month .day.{kind} > *").evaluate(look)
            for kind in ("arrival", "within", "plain")
        }
        assert len(looks) == 3
