"""A real browser: Chromium, its console watched, axe-core at hand."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, ConsoleMessage, Page, Request, Response, async_playwright, expect

ROOT = Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "screenshots"  # git ignores it
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 60_000  # what comes at once on a quiet machine may be long in coming on a busy one
expect.set_options(timeout=PATIENCE_MS)
WIDTHS = {"phone": 375, "tablet": 768, "desktop": 1440}


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Headless Chromium: the system's, best the shell without windows, which takes two thirds of the time;
    or Playwright's own (`scripts/browser` sees to one of them)."""
    system = next(
        (path for name in BROWSERS if (path := shutil.which(name))),
        None,
    )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=system, args=FLAGS, headless=True)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visiting(
    browser: Browser,
    address: str,
    *,
    expected: Collection[str] = (),
    without: Collection[str] = (),
    **context: Any,
) -> AsyncIterator[Page]:
    """A page of a fresh visitor. At the end it fails on any error or warning of the console, and on any
    request that left the host, was refused (400 and above) or not answered; but not on those whose address
    has one of `expected` in it, nor on a page itself that is refused below 500: a test sees that. The scripts
    named in `without` come empty."""
    visitor = await browser.new_context(base_url=address, **context)
    page = await visitor.new_page()
    page.set_default_timeout(PATIENCE_MS)
    complaints: list[str] = []

    def odd(url: str) -> bool:
        return not any(part in url for part in expected)

    def hear(message: ConsoleMessage) -> None:
        # What could not be loaded is told below with its address and status, and may be expected.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            complaints.append(f"{message.type}: {message.text} ({page.url})")

    def answered(response: Response) -> None:
        own = response.request.is_navigation_request() and response.status < 500
        if response.status >= 400 and not own and odd(response.url):
            complaints.append(f"{response.status}: {response.url}")

    def failed(request: Request) -> None:
        # A page that is left gives up what it was still loading.
        if request.failure != "net::ERR_ABORTED" and odd(request.url):
            complaints.append(f"{request.failure}: {request.url}")

    def asked(request: Request) -> None:
        if not request.url.startswith((address, "data:", "blob:")) and odd(request.url):
            complaints.append(f"left the host: {request.url}")

    page.on("console", hear)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("response", answered)
    page.on("requestfailed", failed)
    page.on("request", asked)
    for name in without:
        await page.route(
            re.compile(rf"/{re.escape(Path(name).stem)}(\.\w+)?\.js$"),
            lambda route: route.fulfill(body="", content_type="text/javascript"),
        )
    try:
        yield page
    finally:
        await visitor.close()
    assert complaints == [], complaints


async def enter(page: Page, address: str, token: str) -> None:
    """Give the visitor a staff session."""
    await page.context.add_cookies([{"name": "hotel_staff", "value": token, "url": address}])


async def lit(page: Page, scheme: Literal["light", "dark"]) -> None:
    """Show the page by day or by night, without loading it again; returns when its colours have changed."""
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await settled(page)


async def settled(page: Page) -> None:
    """Returns when nothing fades or moves any more, but for what does so for ever: what is half faded in has
    no colours to judge."""
    await page.evaluate(
        """async () => {
            await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
            document.getAnimations()
                .filter(animation => animation.effect?.getComputedTiming().endTime !== Infinity)
                .forEach(animation => animation.finish());
        }"""
    )


async def accessibility(page: Page, *, colours_only: bool = False) -> list[str]:
    """What axe-core finds wrong with the page as it is now (WCAG 2.2 A and AA, and best practice). Of a page
    that was looked at in light already, the dark one differs in its colours alone."""
    source = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    assert source.is_file(), "axe-core is missing: run scripts/assets"
    await settled(page)
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(source.read_text())
    # Of a frame axe asks the axe inside it, and there is none.
    options: dict[str, Any] = {"resultTypes": ["violations"], "iframes": False}
    if colours_only:
        options["runOnly"] = {"type": "rule", "values": ["color-contrast"]}
    found = await page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{item['id']} ({item['impact']}): {node['html'][:200]} {node['failureSummary'][:300]}"
        for item in found["violations"]
        for node in item["nodes"][:3]
    ]


def screenshots_wanted() -> bool:
    """Whether people asked for pictures to look at: taking one costs more than the test."""
    return bool(os.environ.get("HOTEL_SCREENSHOTS"))


async def screenshot(page: Page, name: str) -> None:
    """The whole page, kept for people to look at, where they ask for it."""
    if not screenshots_wanted():
        return
    SCREENSHOTS.mkdir(exist_ok=True)
    await page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
