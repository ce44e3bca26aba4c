"""A guest's booking in a real browser: changed after seeing the price, written about, paid in part, printed
and cancelled; on a phone, and from right to left; every page with axe-core."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from hotel_booking.core.db import Database
from tests.clients.browser import (
    accessibility,
    screenshot,
    visiting,
)
from tests.clients.server import serving
from tests.e2e.test_panel_pages import wider_than_the_screen
from tests.e2e.test_site_booking import CONFIRMED, NARROW, ROOMS, WIDE, scalar, sent
from tests.e2e.test_site_pages import KEY, fill_in
from tests.factories.small_hotel import small_hotel


async def flawless(page: Page, name: str) -> None:
    await screenshot(page, f"manage-{name}")
    assert await accessibility(page) == []
    assert await wider_than_the_screen(page) == []


@pytest.mark.parametrize(
    ("language", "narrow", "script"),
    [
        pytest.param("en", False, True, marks=pytest.mark.nightly),
        ("ar", True, True),
        pytest.param("de", True, False, marks=pytest.mark.nightly),
    ],
    ids=["desktop", "arabic-phone", "no-javascript"],
)
async def test_a_booking_is_changed_written_about_and_cancelled(
    db: Database, database_url: str, language: str, narrow: bool, script: bool, browser: Browser
) -> None:
    await small_hotel(db, rooms=2)
    how = (NARROW if narrow else WIDE) | {"java_script_enabled": script}
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, reduced_motion="reduce", **how) as page,
    ):
        await page.goto(f"/{language}{ROOMS}")
        await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
        await fill_in(page)
        await sent(page, "form.card button.primary")
        assert await page.locator("h1").inner_text() == CONFIRMED[language]
        booking = page.url
        await page.goto(f"{booking}/amend")
        await page.fill("#departure", "2030-03-08")
        await sent(page, "button[value=preview]")
        await page.goto(f"/{language}/hotels")
        await page.go_back()
        await page.reload()
        await expect(page.locator(".preview")).to_be_focused()  # and so on the screen, as long as the form is
        assert await scalar(db, "SELECT total FROM booking") == 30_000
        if script:
            await flawless(page, f"amend-{language}")
        await sent(page, "button[value=confirm]")
        assert await scalar(db, "SELECT total FROM booking") == 40_000
        # On paper no heading stands over nothing.
        await page.emulate_media(media="print")
        assert await page.locator("#message").is_hidden()
        await page.emulate_media(media="screen")
        await page.fill("#text", "We come late, at about 23:00.")
        await sent(page, "#message button")
        assert "23:00" in await page.locator("#message blockquote").inner_text()
        if script:
            await flawless(page, f"booking-{language}")
            assert await page.locator("[data-print]").is_visible()
            await page.emulate_media(media="print")
            assert await page.locator(".site-head").is_hidden()
            assert await page.locator("#message blockquote").is_visible()
            assert await page.locator("#message form").is_hidden()
            await screenshot(page, f"manage-print-{language}")
            await page.emulate_media(media="screen")
        await page.locator(".cancel summary").click()
        # Nothing was paid: no amount of nothing is promised.
        shown = await page.locator(".cancel li").all_inner_texts()
        assert len(shown) == 1
        assert "0" not in shown[0]
        await sent(page, ".cancel button")
        assert await page.locator(".cancel").count() == 0
        await screenshot(page, f"manage-cancelled-{language}")
    assert await scalar(db, "SELECT status FROM booking") == "cancelled"
    assert await scalar(db, "SELECT sum(taken) FROM room_night") == 0


async def test_one_room_of_two_is_cancelled_on_a_phone(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=2)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, reduced_motion="reduce", **NARROW) as page,
    ):
        await page.goto(f"/ar{ROOMS}&adults=2&rooms=2")
        await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
        await fill_in(page)
        await sent(page, "form.card button.primary")
        second = page.get_by_role("region").filter(has=page.locator("#room-2"))
        await second.locator(".cancel summary").click()
        await flawless(page, "cancel-a-room-ar")
        await second.locator(".cancel button").click()
        await expect(second.locator(".badge.negative")).to_be_visible()
        await expect(page.locator("#room-1 .badge")).to_have_count(0)
        await expect(page.locator("details.cancel")).to_have_count(1)  # all that is left: the booking
        await flawless(page, "room-cancelled-ar")
    assert await scalar(db, "SELECT array_agg(status ORDER BY position) FROM reservation") == [
        "confirmed",
        "cancelled",
    ]


async def test_a_fee_that_grew_since_the_page_was_opened_is_never_taken_unseen(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=2)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, **NARROW) as page,
    ):
        await page.goto(f"/en{ROOMS}")
        await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
        await fill_in(page)
        await sent(page, "form.card button.primary")
        async with db.transaction() as tx:
            # As if the guest had left the page open until after the deadline.
            await tx.execute(
                "INSERT INTO sale_terms (id, body) SELECT gen_random_uuid(), jsonb_set(body,"
                " '{policy,steps,0,days_before}', 'null') FROM sale_terms"
            )
            await tx.execute(
                "UPDATE reservation SET terms_id ="
                " (SELECT id FROM sale_terms WHERE body #> '{policy,steps,0,days_before}' = 'null' LIMIT 1)"
            )
        await page.locator(".cancel summary").click()
        await sent(page, ".cancel button")
        assert await page.locator(".alert").count() == 1
        assert await scalar(db, "SELECT status FROM booking") == "confirmed"
        # The form stands open with the fee as it is now.
        assert "€100.00" in await page.locator(".cancel li").first.inner_text()
        await sent(page, ".cancel button")
        assert await scalar(db, "SELECT status FROM booking") == "cancelled"
        assert await scalar(db, "SELECT sum(fee) FROM reservation") == 10_000


async def test_what_guests_type_without_a_gap_stays_on_a_phones_screen(
    db: Database, database_url: str, browser: Browser
) -> None:
    await small_hotel(db, rooms=2)
    async with (
        serving(database_url, HOTEL_SECRET_KEY=KEY) as site,
        visiting(browser, site, **NARROW) as page,
    ):
        await page.goto(f"/en{ROOMS}&adults=2&rooms=2")
        await sent(page, ".offer-buy:has([name=rate_plan][value=FLEX]) button")
        for name, text in (
            ("given_name", "W" * 100),
            ("family_name", "x"),
            ("email", f"{'a' * 60}@{'b' * 60}.{'c' * 60}.example"),
            ("guest-1", "W" * 200),
            ("requests", "https://example.com/" + "y" * 300),
        ):
            await page.fill(f"#{name}", text)
        await sent(page, "form.card button.primary")
        assert await wider_than_the_screen(page) == []
        await page.goto(page.url.replace("/pay", "/contact"))
        assert await wider_than_the_screen(page) == []
        await page.go_back()
        await sent(page, "form.card button.primary")
        assert await wider_than_the_screen(page) == []
        await page.goto(f"{page.url}/amend")
        assert await wider_than_the_screen(page) == []
