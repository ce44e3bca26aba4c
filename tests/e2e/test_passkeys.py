"""Passkeys in a real browser, with Chromium's virtual authenticator in place of a fingerprint reader."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, Page, expect

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.caller import Grant
from hotel_booking.domains.identity.permissions import Role
from tests.clients.browser import (
    accessibility,
    visiting,
)
from tests.clients.outbox import sent
from tests.clients.server import serving
from tests.factories.staff_accounts import PASSWORD, member

EMAIL = "ana@example.com"
FACTORS = "/admin/account/second-factor"


class Authenticator:
    """A device that can be told whether its holder shows their finger."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def plug_in(self) -> None:
        self._session = await self._page.context.new_cdp_session(self._page)
        await self._session.send("WebAuthn.enable")
        added = await self._session.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        self._id = added["authenticatorId"]

    async def recognise(self, holder: bool) -> None:
        await self._session.send(
            "WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": holder}
        )


@asynccontextmanager
async def at_the_panel(
    browser: Browser, db: Database, database_url: str, *, expected: tuple[str, ...] = ()
) -> AsyncIterator[tuple[Page, Authenticator]]:
    """Ana, an owner without a second factor, at the sign-in page with a device. Requests to `expected` may be
    refused."""
    await member(db, EMAIL, Grant(Role.OWNER))
    async with (
        serving(database_url) as site,
        visiting(browser, site, expected=expected) as page,
    ):
        device = Authenticator(page)
        await device.plug_in()
        await page.goto("/admin/sign-in?next=/admin/keys")
        yield page, device


async def type_password(page: Page) -> None:
    await page.get_by_label("Email address").fill(EMAIL)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in", exact=True).click()


async def add_passkey(page: Page, name: str) -> None:
    await page.get_by_label("Name for the new passkey").fill(name)
    await page.get_by_role("button", name="Add a passkey").click()


async def sign_out(page: Page) -> None:
    await page.goto("/admin/account")
    await page.get_by_role("button", name="Sign out", exact=True).first.click()
    await expect(page).to_have_url(re.compile("/admin/sign-in"))


async def test_a_passkey_from_its_making_to_its_end(
    db: Database, database_url: str, browser: Browser
) -> None:
    async with at_the_panel(browser, db, database_url) as (page, device):
        assert await accessibility(page) == []
        await type_password(page)
        # The role demands a second factor, so this page is all there is.
        await expect(page).to_have_url(re.compile(f"{FACTORS}$"))
        await expect(page.get_by_text("Your role needs a second factor")).to_be_visible()
        assert await accessibility(page) == []
        await add_passkey(page, "My laptop")
        await expect(page.get_by_role("heading", name="Save your recovery codes")).to_be_visible()
        assert await page.locator("ol.codes li").count() == 10
        assert await accessibility(page) == []
        await page.get_by_role("link", name="I’ve saved them").click()
        await expect(page.get_by_text("My laptop")).to_be_visible()
        await expect(page.get_by_text("not used yet")).to_be_visible()

        # As the second step, after the password.
        await sign_out(page)
        await type_password(page)
        await expect(page.get_by_role("heading", name="Second step")).to_be_visible()
        assert await accessibility(page) == []
        await page.get_by_role("button", name="Use a passkey").click()
        await expect(page).not_to_have_url(re.compile("sign-in"))

        # Alone: the device recognises its holder.
        await sign_out(page)
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page).not_to_have_url(re.compile("sign-in"))

        # Not alone where it does not.
        await sign_out(page)
        await device.recognise(holder=False)
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_text("cancelled or took too long")).to_be_visible()
        await device.recognise(holder=True)
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page).not_to_have_url(re.compile("sign-in"))

        # Proving again: the passkey opens the way to the form.
        async with db.transaction() as tx:
            await tx.execute("UPDATE staff_session SET confirmed_at = confirmed_at - interval '1 hour'")
        await page.goto("/admin/account/password")
        await expect(page.get_by_role("heading", name="Confirm it’s you")).to_be_visible()
        assert await accessibility(page) == []
        await page.get_by_role("button", name="Use a passkey").click()
        await expect(page).to_have_url(re.compile(r"^[^?]*/admin/account/password$"))

        # The device has a passkey for this account already.
        await page.goto(FACTORS)
        await add_passkey(page, "Again")
        await expect(page.get_by_text("already has a passkey for your account")).to_be_visible()

        page.on("dialog", lambda dialog: dialog.accept())
        await page.get_by_role("button", name="Remove").click()
        confirm = page.get_by_role("dialog").get_by_role("button", name="Remove")
        if await confirm.count():
            await confirm.click()
        await expect(page.get_by_text("My laptop has been removed")).to_be_visible()
        await sign_out(page)
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page.get_by_text("belong to an account here")).to_be_visible()
    assert [mail.data["what"] for mail in await sent(db)] == ["passkey_added", "passkey_removed"]
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM staff_recovery_code") == 0


async def test_what_a_passkey_signed_opens_once_and_here(
    db: Database, database_url: str, browser: Browser
) -> None:
    async with at_the_panel(browser, db, database_url, expected=("/sign-in/passkey",)) as (page, _):
        await type_password(page)
        await add_passkey(page, "My laptop")
        await page.get_by_role("link", name="I’ve saved them").click()
        await sign_out(page)
        sent_by_browser: list[str] = []
        page.on(
            "request",
            lambda request: (
                sent_by_browser.append(request.post_data or "")
                if request.url.endswith("/admin/sign-in/passkey")
                else None
            ),
        )
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await expect(page).not_to_have_url(re.compile("sign-in"))
        await sign_out(page)
        # The same answer again, and one to a challenge that was made for something else.
        replay = """async ([path, body]) => (await fetch(path, {
            method: 'POST', body, headers: {'content-type': 'application/x-www-form-urlencoded'},
        })).status"""
        body = sent_by_browser[0]
        assert await page.evaluate(replay, ["/admin/sign-in/passkey", body]) == 422
        async with db.transaction() as tx:
            await tx.execute("UPDATE staff_challenge SET purpose = 'prove'")
        for junk in ("credential=", "credential=%5B%5D", "credential=%7B%7D", "credential=%00", "x=1"):
            assert await page.evaluate(replay, ["/admin/sign-in/passkey", junk]) == 422
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM staff_session") == 0
