"""The money of a booking in a real browser, with everything on the page at once: disputes, a failed refund,
reserved money, transfers, a kept card."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page

from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.domains.bookings import service
from hotel_booking.domains.identity.permissions import Role
from hotel_booking.domains.payments import service as payments
from hotel_booking.domains.payments.gateway import Gateways
from hotel_booking.integrations.bank_transfer import BankTransfer
from hotel_booking.integrations.sandbox import SandboxGateway
from tests.clients.browser import (
    WIDTHS,
    accessibility,
    enter,
    lit,
    screenshot,
    screenshots_wanted,
    visiting,
)
from tests.clients.server import serving
from tests.clients.staff_client import session_of, staff
from tests.e2e.test_panel_pages import ALL, ONCE, SCHEMES, Scheme, wider_than_the_screen
from tests.factories.paying import held, paid, paying_hotel


async def troubled(db: Database) -> list[str]:
    """Pages of two bookings: one to which everything has happened, and one that waits for a transfer after
    an earlier one was let go."""
    now = utc_now()
    gateways = Gateways(SandboxGateway(db), BankTransfer("Sea View, IBAN PT50 0000"))
    agreement = "I allow Sea View to keep my card with its payment provider and to charge it later."
    booking = await paid(db, gateways, "DEP", token="tok_success", agreement=agreement)
    async with db.transaction() as tx:
        await payments.give_back(tx, booking_id=booking.id, amount=2_000, reason="Noise <b>", now=now)
        refund_id = await tx.fetchval("SELECT id FROM refund")
        await payments.refund_failed(tx, refund_id=refund_id, now=now, problem="the account was closed")
        await payments.give_back(tx, booking_id=booking.id, amount=1_000, reason="Late breakfast", now=now)
        await tx.execute(
            "INSERT INTO dispute (gateway, reference, payment_id, amount, currency, status, reason,"
            "                     respond_by, opened_at, updated_at)"
            " SELECT gateway, 'dp_1', id, amount, currency, 'needs_response', 'product_not_received',"
            "        current_date + 9, now(), now() FROM payment WHERE booking_id = $1",
            booking.id,
        )
        await tx.execute(
            "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, purpose, capture_at,"
            "                     gateway_reference, created_at, updated_at)"
            " SELECT gen_random_uuid(), id, 5000, currency, 'sandbox', 'reserved', 'balance',"
            "        now() + interval '5 days', 'sandbox_' || repeat('0123456789abcdef', 4), now(), now()"
            "   FROM booking WHERE id = $1",
            booking.id,
        )
    waiting = await held(db, "PRE")
    await service.pay(db, gateways.of("bank_transfer"), booking_id=waiting.id, token=None, now=now)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO payment (id, booking_id, amount, currency, gateway, status, created_at, updated_at)"
            " SELECT gen_random_uuid(), id, 20000, currency, 'bank_transfer', 'voided', now(), now()"
            "   FROM booking WHERE id = $1",
            waiting.id,
        )
        run_id = await tx.fetchval(
            "INSERT INTO reconciliation (gateway, since, until, ran_at, payments, differences)"
            " VALUES ('sandbox', now() - interval '35 days', now(), now(), 1234, 1) RETURNING id"
        )
        await tx.execute(
            "INSERT INTO reconciliation_difference (reconciliation_id, position, kind, payment_id, reference,"
            "                                       ours, theirs)"
            " SELECT $1, 1, 'captured', id, 'sandbox_' || id, '0 (reserved)', '6000 (captured)'"
            "   FROM payment WHERE booking_id = $2 LIMIT 1",
            run_id,
            booking.id,
        )
        payment_id = await tx.fetchval(
            "SELECT id FROM payment WHERE booking_id = $1 AND status = 'captured'", booking.id
        )
    here = f"/admin/bookings/{booking.reference}"
    return [
        here,
        f"{here}/cancel",
        f"{here}/payments?ask={payment_id}",
        f"/admin/bookings/{waiting.reference}/payments",
        "/admin/payments",
        f"/admin/payments/comparisons/{run_id}",
    ]


async def looked_at(page: Page, name: str, judged: list[tuple[str, Scheme]]) -> list[str]:
    """In every width; judged by axe in some, by day and by night: its colours alone differ then."""
    wrong: list[str] = []
    for size, width in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": 900})
        wrong += [f"{name} at {width}: wider: {item}" for item in await wider_than_the_screen(page)]
        for scheme in SCHEMES:
            if (size, scheme) not in judged and not screenshots_wanted():
                continue  # its width is all that is looked at
            await lit(page, scheme)
            await screenshot(page, f"{name}-{scheme}-{size}")
            if (size, scheme) in judged:
                found = await accessibility(page, colours_only=scheme == "dark")
                wrong += [f"{name} at {width} ({scheme}): {item}" for item in found]
    return wrong


@pytest.mark.parametrize("judged", [ONCE, pytest.param(ALL, marks=pytest.mark.nightly)], ids=["once", "all"])
async def test_troubled_money_at_every_width(
    db: Database, database_url: str, judged: list[tuple[str, Scheme]], browser: Browser
) -> None:
    paths = await troubled(await paying_hotel(db))
    token = await session_of(db, await staff(db, (Role.OWNER, None)))
    wrong: list[str] = []
    async with (
        serving(
            database_url, HOTEL_MFA_REQUIRED="false", HOTEL_BANK_ACCOUNT="Sea View, IBAN PT50 0000"
        ) as site,
        visiting(browser, site, reduced_motion="reduce") as page,
    ):
        await enter(page, site, token)
        names = ("booking", "cancel", "asked", "transfer", "attention", "comparison")
        for name, path in zip(names, paths, strict=True):
            answer = await page.goto(path)
            assert answer is not None
            assert answer.status == 200, path
            wrong += await looked_at(page, f"money-{name}", judged)
        # A wrong amount and a repeated refund are said beside what was typed.
        await page.goto(paths[3])
        await page.locator("input[name=received]").first.fill("199.00")
        await page.locator("input[name=statement]").first.fill("17/3")
        await page.get_by_role("button", name="Record the transfer").first.click()
        await page.get_by_text("nothing was recorded").wait_for()
        wrong += await looked_at(page, "money-wrong", judged)
        await page.goto(paths[2])
        await page.get_by_label("Amount", exact=True).fill("10.00")
        await page.get_by_label("Reason").fill("Again")
        await page.get_by_role("button", name="Refund", exact=True).click()
        await page.get_by_label("Yes, refund the same amount").wait_for()
        wrong += await looked_at(page, "money-again", judged)
    assert wrong == []
