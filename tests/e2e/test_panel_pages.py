"""Every page of the panel in a real browser: no accessibility violation, nothing wider than the screen, no
complaint in the console, no request to another host. Screenshots are kept for people to look at."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from litestar.routes import HTTPRoute
from playwright.async_api import Browser, Page

from hotel_booking.core.db import Database
from hotel_booking.domains.identity.permissions import Role
from tests.clients.addresses import address
from tests.clients.browser import (
    WIDTHS,
    accessibility,
    enter,
    lit,
    screenshot,
    screenshots_wanted,
    visiting,
)
from tests.clients.http_client import looked_at
from tests.clients.server import serving
from tests.clients.staff_client import session_of, staff
from tests.integration.panel.test_panel_matrix import world

# Answers that are no page of the panel: parts of one, pictures, files, and what ends the session.
NOT_PAGES = re.compile(r"/(body|figures|download|preview|qr|thumbnail|sign-out|photos/\{)")

Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
# To ask axe is two thirds of this file's time: each night of every page in these widths and schemes, else of
# the pages that the navigation leads to, once.
ALL = [("phone", "light"), ("phone", "dark"), ("desktop", "light"), ("desktop", "dark")]
ONCE = [("phone", "light")]
# Pages of the panel and of a hotel, not of one thing in them.
TOP = re.compile(r"/admin(/properties/\{slug:str\})?(/[^/{]+)?")


def pages() -> list[HTTPRoute]:
    """Every GET route of the panel."""
    found = []
    for route in looked_at().routes:
        assert isinstance(route, HTTPRoute)
        if route.path.startswith("/admin") and "GET" in route.methods and not NOT_PAGES.search(route.path):
            found.append(route)
    return sorted(found, key=lambda route: route.path)


async def wider_than_the_screen(page: Page) -> list[str]:
    """Elements that make the whole page scroll sideways."""
    # The screen has just been given another width: the page is laid out for it within two frames.
    found: list[str] = await page.evaluate(
        """async () => {
            await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
            const wide = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= wide) return [];
            return [...document.querySelectorAll('body *')]
                .filter(e => e.getBoundingClientRect().right > wide + 1)
                .slice(0, 5).map(e => e.outerHTML.slice(0, 150));
        }"""
    )
    return found


@pytest.mark.parametrize(
    ("judged", "deep"),
    [
        pytest.param(ONCE, False, id="once"),
        pytest.param(ALL, True, id="all", marks=pytest.mark.nightly),
    ],
)
@pytest.mark.parametrize("whose", ["the chain's", "a hotel's"])
async def test_every_page_at_every_width_by_day_and_night(
    chain: Database,
    chain_url: str,
    whose: str,
    judged: list[tuple[str, Scheme]],
    deep: bool,
    browser: Browser,
) -> None:
    """A page is loaded once and looked at in every width and scheme: by night its colours alone differ. Where
    `deep`, axe is also asked about the pages of single things."""
    own, _ = await world(chain)
    token = await session_of(chain, await staff(chain, (Role.OWNER, None)))
    wrong: list[str] = []
    async with (
        serving(chain_url, HOTEL_MFA_REQUIRED="false") as site,
        visiting(browser, site, reduced_motion="reduce") as page,
    ):
        await enter(page, site, token)
        looked_at = 0
        for route in pages():
            if ("{slug:str}" in route.path) != (whose == "a hotel's"):
                continue
            path = address(route, own)
            answer = await page.goto(path)
            assert answer is not None
            if answer.status == 404 and "{" in route.path:
                continue  # there is nothing of this kind in the sample; the page's own tests have one
            # What cannot be done now says so on a page of its own, which is looked at like any other.
            refused = answer.status == 422 and route.path.endswith(("/no-show", "/undo-check-in"))
            if answer.status >= 400 and not refused:
                wrong.append(f"{path}: {answer.status}")
                continue
            looked_at += 1
            asked = judged if deep or TOP.fullmatch(route.path) else []
            name = re.sub(r"\{(\w+):\w+\}", r"\1", route.path).replace("/", "-")
            for size, width in WIDTHS.items():
                await page.set_viewport_size({"width": width, "height": 900})
                wrong += [f"{path} at {width}: wider: {item}" for item in await wider_than_the_screen(page)]
                for scheme in SCHEMES:
                    if (size, scheme) not in asked and not screenshots_wanted():
                        continue  # its width is all that is looked at
                    await lit(page, scheme)
                    await screenshot(page, f"{scheme}{name}-{size}")
                    if (size, scheme) in asked:
                        wrong += [
                            f"{path} at {width} ({scheme}): {item}"
                            for item in await accessibility(page, colours_only=scheme == "dark")
                        ]
    assert wrong == []
    assert looked_at > 25
