"""The rates grid as a revenue manager uses it: in a browser, by the keyboard."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page

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
from tests.e2e.test_styleguide import within_the_screen
from tests.integration.panel.test_rates_grid import (
    GRID,
    SLUG,
    hotel,
    night,
)


def cell(page: Page, column: int, row: str = "price", plan: str = "FLEX", kind: str = "DBL") -> Locator:
    """A cell by its row and the number of its night from the first."""
    return page.locator(f'tbody[data-t="{kind}"] tr[data-c="{row}"][data-p="{plan}"] td').nth(column)


async def opened(page: Page, path: str = GRID) -> None:
    await page.goto(path)
    await page.wait_for_selector("[data-grid].live")


async def value(page: Page, column: int, **where: Any) -> str | None:
    return await cell(page, column, **where).get_attribute("data-v")


async def values(page: Page, count: int, **where: Any) -> list[str | None]:
    return [await value(page, column, **where) for column in range(count)]


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def active(page: Page) -> str:
    """Where the focus is: room type, column, plan, number of the night."""
    found: str = await page.evaluate(
        """() => {
            const cell = document.activeElement, row = cell.parentElement;
            if (cell.tagName !== 'TD') return cell.tagName;
            const at = [...row.querySelectorAll('td')].indexOf(cell);
            return `${row.parentElement.dataset.t} ${row.dataset.c ?? ''} ${row.dataset.p ?? ''} ${at}`;
        }"""
    )
    return found


async def test_the_grid_is_edited_by_the_keyboard(db: Database, database_url: str, browser: Browser) -> None:
    ids = await hotel(db)
    token = await session_of(db, await staff(db, (Role.REVENUE, SLUG), name="Ada"))
    async with (
        serving(database_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(browser, site, viewport={"width": 1440, "height": 900}) as page,
    ):
        await enter(page, site, token)
        await opened(page)
        table = page.get_by_role("grid", name="Rates and availability")
        assert await table.count() == 1
        assert await table.locator('[tabindex="0"]').count() == 1

        # Moving: one stop of the Tab key, arrows inside.
        await cell(page, 0).click()
        assert await active(page) == "DBL price FLEX 0"
        await press(page, "ArrowRight", "ArrowDown")
        assert await active(page) == "DBL rules FLEX 1"
        await press(page, "ArrowUp", "End")
        assert await active(page) == "DBL price FLEX 13"
        await press(page, "Home", "ArrowLeft")
        assert await active(page) == "DBL price FLEX 0"
        await press(page, "PageDown")
        assert (await active(page)).startswith("SGL")
        await cell(page, 0).click()

        # Typing edits; Escape leaves it as it was; Enter keeps and goes on; what is no price is not kept.
        await page.keyboard.type("12")
        await press(page, "Escape")
        assert await value(page, 0) == "100.00"
        assert await active(page) == "DBL price FLEX 0"
        await page.keyboard.type("120")
        await press(page, "Enter")
        assert await active(page) == "DBL price FLEX 1"
        await press(page, "F2")
        await page.keyboard.type("131,5")
        await press(page, "Enter")
        assert await values(page, 3) == ["120.00", "131.50", "100.00"]
        await page.keyboard.type("1.2.3")
        await press(page, "Enter")
        assert await page.locator(".rate-input[aria-invalid=true]").count() == 1
        await press(page, "Escape")
        await press(page, "F2")
        await page.keyboard.type("1.200")  # twelve hundred for some, one twenty for others
        await press(page, "Enter")
        assert "type 1200 or 1.20" in await page.locator("[data-say]").inner_text()
        assert "type 1200 or 1.20" in await page.evaluate("document.activeElement.validationMessage")
        await press(page, "Escape")
        assert await page.locator("td.dirty").count() == 2
        assert "2 values changed" in await page.locator(".rate-bar").inner_text()
        assert "changed, not saved" in (await cell(page, 0).text_content() or "")

        # A range: filled to the right, copied, pasted, cleared, and undone step by step.
        await press(page, "Home", "Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowRight")
        assert await page.locator('td[aria-selected="true"]').count() == 4
        await press(page, "Control+r")
        assert await values(page, 5) == ["120.00", "120.00", "120.00", "120.00", "100.00"]
        await press(page, "Control+z")
        assert await values(page, 3) == ["120.00", "131.50", "100.00"]
        await press(page, "Home", "Shift+ArrowRight", "Control+c")
        await press(page, "Home", *["ArrowRight"] * 5, "Control+v")
        assert (await values(page, 7))[5:] == ["120.00", "131.50"]
        await press(page, "Delete")
        assert await value(page, 5) == ""
        assert "no price" in (await cell(page, 5).text_content() or "")
        await press(page, "Control+z", "Control+z")
        assert (await values(page, 7))[5:] == ["100.00", "100.00"]
        await press(page, "Control+y")
        assert (await values(page, 7))[5:] == ["120.00", "131.50"]
        await press(page, "Control+z")

        # Typed over a selection, it goes into all of it.
        await cell(page, 8).click()
        await press(page, "Shift+ArrowRight")
        await page.keyboard.type("99")
        await press(page, "Enter")
        assert (await values(page, 10))[8:] == ["99.00", "99.00"]

        # Restrictions: letters and digits, or the dialog.
        rules = {"row": "rules"}
        await cell(page, 2, **rules).click()
        await press(page, "c", "2", "a")
        assert await value(page, 2, **rules) == "closed noarr arr2"
        assert "min stay 2 nights on arrival" in (await cell(page, 2, **rules).text_content() or "")
        await press(page, "c", "ArrowRight", "Shift+ArrowRight", "Enter")
        dialog = page.locator("#rule-dialog")
        await dialog.get_by_label("No departure").check()
        await dialog.get_by_label("Max stay").fill("7")
        await screenshot(page, "rates-dialog")
        assert await accessibility(page) == []
        await press(page, "Enter")
        await dialog.wait_for(state="hidden")
        assert await values(page, 5, **rules) == ["", "", "noarr arr2", "nodep max7", "nodep max7"]
        assert await active(page) == "DBL rules FLEX 4"

        # A derived price is only read.
        await cell(page, 0, plan="NRF").click()
        await page.keyboard.type("50")
        assert await page.locator(".rate-input").count() == 0
        assert await cell(page, 0, plan="NRF").get_attribute("aria-readonly") == "true"
        await screenshot(page, "rates-edited")
        assert await accessibility(page) == []

        await press(page, "Control+s")
        await page.wait_for_selector(".flash")
        assert "7 values saved" in await page.locator(".flash").inner_text()
        assert await active(page) == "DBL price NRF 0"  # where one was
        async with db.transaction() as tx:
            row = await tx.fetchrow(
                "SELECT price, closed_to_arrival, min_stay_arrival, closed FROM rate_night"
                " WHERE room_type_id = $1 AND rate_plan_id = $2 AND night = $3",
                ids["DBL"],
                ids["FLEX"],
                night(2),
            )
            assert row is not None
            assert tuple(row) == (10_000, True, 2, False)


@pytest.mark.parametrize(
    ("currency", "price"),
    [
        *(
            pytest.param(currency, price, marks=pytest.mark.nightly)
            for currency, price in (
                ("EUR", 99_900),
                ("EUR", 123_456),
                ("KWD", 50_050),
                ("KWD", 1_250_550),
            )
        ),
        ("IDR", 1_250_000_050),
    ],
)
async def test_a_price_of_any_length_stays_in_its_cell(
    db: Database, database_url: str, browser: Browser, currency: str, price: int
) -> None:
    await hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET currency = $1", currency)
        await tx.execute("UPDATE rate_night SET price = $1 WHERE price IS NOT NULL", price)
    token = await session_of(db, await staff(db, (Role.REVENUE, SLUG), name="Ada"))
    async with (
        serving(database_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(browser, site, viewport={"width": 1280, "height": 900}) as page,
    ):
        await enter(page, site, token)
        await opened(page)
        wider = await page.evaluate(
            "() => [...document.querySelectorAll('.rate-grid .price td')]"
            ".filter(td => td.scrollWidth > td.clientWidth).map(td => td.innerText)"
        )
    assert wider == []


async def test_two_editors_in_two_windows(db: Database, database_url: str, browser: Browser) -> None:
    ids = await hotel(db)
    ada = await session_of(db, await staff(db, (Role.REVENUE, SLUG), name="Ada"))
    bea = await session_of(db, await staff(db, (Role.REVENUE, SLUG), name="Bea"))
    async with (
        serving(database_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(browser, site, viewport={"width": 1440, "height": 900}) as one,
        visiting(browser, site, viewport={"width": 1440, "height": 900}) as other,
    ):
        await enter(one, site, ada)
        await enter(other, site, bea)
        await opened(one)
        await opened(other)
        for page, amount in ((other, "111"), (one, "99")):
            await cell(page, 1).click()
            await page.keyboard.type(amount)
            await press(page, "Enter", "Control+s")
            await page.wait_for_url("**/rates*" if page is one else "**/rates?*")
        await one.get_by_role("heading", name="Changed by someone else").wait_for()
        assert "Bea" in await one.locator(".rate-review").inner_text()
        assert await accessibility(one) == []
        await screenshot(one, "rates-conflict")
        await one.get_by_label("Use mine").check()
        await one.get_by_role("button", name="Save").click()
        await one.wait_for_selector(".flash")
        assert await value(one, 1) == "99.00"

        # A selection becomes a bulk edit; its preview, applied; and undone from the list of edits.
        await cell(one, 2).click()
        await press(one, "Shift+ArrowRight", "Shift+ArrowRight")
        await one.get_by_role("link", name="Bulk edit these").click()
        await one.get_by_label("Price change").select_option("percent")
        await one.get_by_label("Value").fill("-10")
        await one.get_by_role("button", name="Preview").click()
        await one.get_by_text("3 values on 3 nights change").wait_for()
        assert await accessibility(one) == []
        await screenshot(one, "rates-preview")
        await one.get_by_role("button", name="Apply").click()
        await one.wait_for_selector("[data-grid].live")
        await opened(one)
        assert await values(one, 5) == ["100.00", "99.00", "90.00", "90.00", "90.00"]
        await one.get_by_role("link", name="View and undo").first.click()
        assert await accessibility(one) == []
        await screenshot(one, "rates-undo")
        await one.get_by_role("button", name="Undo all 3").click()
        await one.wait_for_selector(".flash")
        assert "3 values were restored" in await one.locator(".flash").inner_text()
        async with db.transaction() as tx:
            assert (
                await tx.fetchval(
                    "SELECT count(*) FROM rate_night WHERE room_type_id = $1 AND price <> 10000", ids["DBL"]
                )
                == 1
            )


async def test_on_a_phone_one_room_type_at_a_time(db: Database, database_url: str, browser: Browser) -> None:
    await hotel(db)
    token = await session_of(db, await staff(db, (Role.REVENUE, SLUG)))
    phone: dict[str, Any] = {"viewport": {"width": 375, "height": 800}, "has_touch": True, "is_mobile": True}
    async with (
        serving(database_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(browser, site, **phone) as page,
    ):
        await enter(page, site, token)
        await opened(page)
        assert await page.evaluate("document.documentElement.scrollWidth") == 375
        assert await page.locator("tbody:visible").count() == 1
        await page.locator("[data-one-type]").select_option(label="SGL")
        assert await page.locator('tbody[data-t="SGL"]').is_visible()
        sgl = {"kind": "SGL"}
        await cell(page, 0, **sgl).tap()
        await cell(page, 0, **sgl).tap()
        await page.keyboard.type("88")
        await press(page, "Enter")
        assert await value(page, 0, **sgl) == "88.00"
        await screenshot(page, "rates-phone")
        plans = page.locator("details.menu")
        await plans.locator("summary").click()
        await within_the_screen(plans.locator("> :not(summary)"))
        await screenshot(page, "rates-phone-plans")
        await plans.locator("summary").click()
        assert await accessibility(page) == []
        await page.get_by_role("button", name="Save").tap()
        await page.wait_for_selector(".flash")
        assert await page.evaluate("document.documentElement.scrollWidth") == 375
