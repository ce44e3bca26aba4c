"""No link and no form of the site loses a part of the search: all of them are walked, page by page."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from hotel_booking.core.db import Database
from tests.e2e.test_site_pages import in_lisbon
from tests.factories.small_hotel import SLUG, small_hotel, stay
from tests.integration.site.test_checkout import GUEST, refused_page, site

WHEN = stay(20, 2)
SEARCH = {
    "place": "Lisbon",
    "arrival": WHEN.arrival.isoformat(),
    "departure": WHEN.departure.isoformat(),
    "adults": "3",
    "children": "4,9",
    "rooms": "2",
    "sort": "distance",
    "stars": "3",
    "refundable": "1",
}
# What a link may change on purpose, by what it is for. Everything else it hands on as it is.
PURPOSE = {
    "fix": {"arrival", "departure"},
    "other dates": {"arrival", "departure"},
    "calendar": {"arrival", "departure"},
    "instead": {"rooms"},
    "filters": {"stars", "refundable"},
    "place-card": {"place"},
}


class Page(HTMLParser):
    """A page's links and forms: (what it is for, where it leads, what it hands on). The brand, the foot and
    the links of the head that belong to no search are left aside."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, list[str]]]] = []
        self._form: tuple[str, dict[str, list[str]]] | None = None
        self._within: list[str] = []
        self._select = ""
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in ("div", "section", "td", "table", "li", "p", "ul", "footer", "nav", "header"):
            self._within.append(f"{tag}.{values.get('class', '')}")
        if tag == "a":
            self._link(values)
        elif tag == "form":
            self._form = (values.get("action", ""), {})
            if values.get("method") == "get":
                self.found.append(("form", *self._form))
        elif tag == "form-end":
            self._form = None
        elif tag == "input" and self._form is not None:
            if values.get("type") not in ("checkbox", "radio") or "checked" in values:
                self._form[1].setdefault(values.get("name", ""), []).append(values.get("value", ""))
        elif tag == "select":
            self._select = values.get("name", "")
        elif tag == "option" and "selected" in values and self._form is not None:
            self._form[1].setdefault(self._select, []).append(values.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in ("div", "section", "td", "table", "li", "p", "ul", "footer", "nav", "header"):
            self._within.pop()

    def _link(self, values: dict[str, str]) -> None:
        parts = urlsplit(values.get("href", ""))
        if parts.netloc or any(one.startswith("footer") for one in self._within):
            return
        handed = parse_qs(parts.query)
        for name in ("to", "next"):  # languages, currencies, signing in: they come back here
            if name in handed:
                inner = urlsplit(handed[name][0])
                parts, handed = inner, parse_qs(inner.query)
        around = " ".join(self._within)
        purpose = values.get("class", "")
        if "fix" in purpose.split():
            purpose = "fix"
        elif "other-dates" in around:
            purpose = "other dates"
        elif "calendar" in around or "section-head" in around or ".day" in around:
            purpose = "calendar"
        elif "instead" in around:
            purpose = "instead" if "rooms=2" not in parts.query else "filters"
        elif "nothing" in around and "stars" not in parts.query:
            purpose = "filters"
        self.found.append((purpose, parts.path, handed))


def leads_to_a_search(path: str) -> bool:
    inner = path.split("/", 2)[2] if path.count("/") > 1 else ""
    return inner.startswith(("search", "hotels/"))


def losses(answer: httpx.Response, search: dict[str, str] = SEARCH, also: tuple[str, ...] = ()) -> list[str]:
    """What of the search is lost by which link of a page. `also`: paths that have to hand on what the list
    asked."""
    lost = []
    checked = 0
    for purpose, path, handed in Page(answer).found:
        if leads_to_a_search(path):
            wanted = dict(search)
        elif path.endswith(also) and also:
            wanted = {
                name: search[name] for name in ("place", "sort", "stars", "refundable") if name in search
            }
        else:
            continue
        checked += 1
        for name, value in wanted.items():
            if handed.get(name) != [value] and name not in PURPOSE.get(purpose, set()):
                lost.append(f"{purpose} {path} loses {name}: {handed.get(name)}")
    assert checked, "no link of the page leads to a search"
    return lost


async def lisbon(db: Database, rooms: int = 6) -> None:
    await small_hotel(db, rooms=rooms, room_types=("DBL", "TWN"))
    await in_lisbon(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET stars = 4")


def offer(answer: httpx.Response) -> dict[str, Any]:
    """The form of the page's first offer."""
    start = answer.text.index('action="/en/book"')
    form = Page(
        httpx.Response(
            200, text="<form method='get' " + answer.text[start : answer.text.index("</form>", start)]
        )
    )
    return form.found[0][2]


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_no_link_of_the_list_and_the_hotel_loses_the_search(
    db: Database, database_url: str, language: str
) -> None:
    await lisbon(db)
    async with site(database_url) as (_, client):
        found = await client.get(f"/{language}/search", params=SEARCH)
        assert f"/hotels/{SLUG}?" in found.text
        assert losses(found) == []
        hotel = await client.get(f"/{language}/hotels/{SLUG}", params=SEARCH)
        assert losses(hotel) == []
        # Only what was asked for is offered: the other plan gives nothing back.
        assert "Flexible" in hotel.text
        assert 'value="NRF"' not in hotel.text
        choosing = {name: value for name, value in SEARCH.items() if name != "departure"}
        months = await client.get(f"/{language}/hotels/{SLUG}", params=choosing)
        assert losses(months, choosing) == []
        unknown = await client.get(f"/{language}/hotels/no-such-hotel", params=SEARCH)
        home = await client.get(f"/{language}/", params=SEARCH)
        assert urlencode({"children": "4,9"}) in unknown.text
        assert losses(home) == []


async def test_where_nothing_is_free_no_way_out_loses_the_search(db: Database, database_url: str) -> None:
    await lisbon(db, rooms=3)
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_night SET taken = physical WHERE night = $1", WHEN.arrival)
    async with site(database_url) as (_, client):
        nothing = await client.get("/en/search", params=SEARCH)
        assert "Nothing is available for your search" in nothing.text
        assert losses(nothing) == []
        assert losses(await client.get(f"/en/hotels/{SLUG}", params=SEARCH)) == []


async def test_no_link_of_checkout_and_payment_loses_the_search(db: Database, database_url: str) -> None:
    await lisbon(db)
    async with site(database_url) as (_, client):
        hotel = await client.get(f"/en/hotels/{SLUG}", params=SEARCH)
        taken = await client.post("/en/book", data=offer(hotel))
        assert taken.status_code == 303
        quote = taken.headers["location"]
        path = urlsplit(quote).path
        details = await client.get(quote)
        assert losses(details, also=(path,)) == []
        wrong = await refused_page(client, await client.post(quote, data={**GUEST, "email": "nobody"}))
        assert losses(wrong, also=(path,)) == []
        async with db.transaction() as tx:
            await tx.execute("UPDATE quote SET expires_at = now() - interval '1 minute'")
        expired = await client.get(quote)
        assert losses(expired, also=("/again",)) == []
        fresh = await client.post(f"{path}/again?{urlsplit(quote).query}")
        held = await client.post(fresh.headers["location"], data=GUEST)
        pay = held.headers["location"]
        for step in (pay, pay.replace("/pay", "/contact")):
            page = await client.get(step)
            for name in ("place", "sort", "stars", "refundable"):
                assert f"{name}={SEARCH[name]}" in page.text.split("<main")[1], (step, name)
        paying = await client.get(pay)
        assert losses(paying, also=("/pay", "/contact")) == []
        declined = await client.post(pay, data={"method": "card", "expected": "1", "card": "tok_decline"})
        declined = await refused_page(client, declined)
        assert losses(declined, also=("/pay", "/contact")) == []
        async with db.transaction() as tx:
            await tx.execute("UPDATE booking SET hold_expires_at = now() - interval '1 minute'")
        lapsed = await client.get(pay)
        assert losses(lapsed, also=("/again",)) == []
        booking = await client.get(urlsplit(pay).path.removesuffix("/pay"), params=urlsplit(pay).query)
        assert losses(booking, also=("/again",)) == []
        again = await client.post(pay.replace("/pay", "/again"))
        assert losses(await client.get(again.headers["location"])) == []


async def test_an_offer_that_is_gone_leads_to_the_whole_search(db: Database, database_url: str) -> None:
    await lisbon(db)
    async with site(database_url) as (_, client):
        form = offer(await client.get(f"/en/hotels/{SLUG}", params=SEARCH))
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET taken = physical")
        gone = await client.post("/en/book", data=form)
        handed = parse_qs(urlsplit(gone.headers["location"]).query)
        assert {name: values[0] for name, values in handed.items()} == SEARCH


async def test_a_family_is_told_when_another_number_of_rooms_is_cheaper(
    db: Database, database_url: str
) -> None:
    await lisbon(db)
    family = {**SEARCH, "adults": "2", "children": "4,9", "rooms": "2"}
    del family["refundable"]
    async with site(database_url) as (_, client):
        listed = (await client.get("/en/search", params=family)).text
        assert "Cheaper in 1 room" in listed
        assert "for 2 rooms together" in listed
        assert "per room and night" in listed
        assert "Room only" in listed
        hotel = (await client.get(f"/en/hotels/{SLUG}", params=family)).text
        assert "Cheaper in 1 room" in hotel
        assert "You save €180.00" in hotel
        # One room asked for that nobody has: two are free.
        crowd = {**family, "adults": "4", "children": "", "rooms": "1"}
        nothing = (await client.get("/en/search", params=crowd)).text
        assert "Available for your party in 2 rooms" in nothing
        assert (
            "Available for your party in 2 rooms"
            in (await client.get(f"/en/hotels/{SLUG}", params=crowd)).text
        )
        # A couple in one room is left alone.
        couple = {**family, "adults": "2", "children": "", "rooms": "1"}
        assert "Cheaper in" not in (await client.get("/en/search", params=couple)).text
