"""Pages that are given out as they were sent before: as long as they would be made the same, and not once
more. What they are compared with is the page as it is made when nothing is kept."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from hotel_booking.app import Application
from hotel_booking.core.clock import utc_now
from hotel_booking.core.db import Database
from hotel_booking.core.lru_cache import LruCache
from hotel_booking.http.ui import render
from hotel_booking.web.kept_pages import MOST_KEPT, Origin
from hotel_booking.web.property import view
from tests.clients.http_client import api_key, bearer, running, settings_for
from tests.clients.waiting import until
from tests.factories.small_hotel import SLUG, small_hotel, sold_from

PLACE = 2267057
IN_DAYS = 20


@pytest.fixture
async def hotel(db: Database) -> Database:
    """A hotel in Lisbon with five rooms of a kind, on sale from today on."""
    await small_hotel(db, rooms=5)
    async with db.transaction() as tx:
        await sold_from(tx, utc_now().date())
        await tx.execute(
            "INSERT INTO place (id, name, country, lat, lon, population, timezone)"
            " VALUES ($1, 'Lisbon', 'PT', 38.72, -9.13, 500000, 'Europe/Lisbon') ON CONFLICT DO NOTHING",
            PLACE,
        )
        await tx.execute(
            "UPDATE property SET place_id = $1, city = 'Lisbon', lat = 38.72, lon = -9.13", PLACE
        )
        await tx.execute(
            "INSERT INTO exchange_rate (currency, per_euro, as_of, source)"
            " VALUES ('USD', 1.1, '2026-01-01', 'hand')"
        )
    return db


class Site:
    """The site with a search index, and which of its pages were written."""

    def __init__(self, app: Application, client: httpx.AsyncClient, written: list[str]) -> None:
        self.app, self.client, self.written = app, client, written

    async def get(self, address: str, **headers: str) -> httpx.Response:
        page = await self.client.get(address, headers=headers)
        assert page.status_code in (200, 304), page.text
        return page

    async def kept(self, address: str) -> str:
        """The page, which nobody writes for this."""
        self.written.clear()
        page = await self.get(address)
        assert self.written == [], "it was written anew"
        return page.text

    async def anew(self, address: str) -> str:
        """The page as it is made when nothing is kept."""
        self.app.state.kept_pages = LruCache("pages", MOST_KEPT)
        self.written.clear()
        page = await self.get(address)
        assert self.written
        return page.text


Opened = Callable[[], AbstractAsyncContextManager[Site]]


@pytest.fixture
def opened(hotel: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    return lambda: _open(database_url, tmp_path, monkeypatch)


@asynccontextmanager
async def _open(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    written: list[str] = []
    whole = render.render

    def noting(scope: Any, template: str, /, **values: Any) -> str:
        written.append(template)
        return whole(scope, template, **values)

    monkeypatch.setattr(render, "render", noting)
    settings = settings_for(
        database_url, search_index=True, search_index_dir=str(tmp_path / "index"), search_index_poll_ms=20
    )
    async with running(settings) as (app, client):
        await until(lambda: app.state.search_index.current(utc_now()))
        yield Site(app, client, written)


def asked(**more: str) -> str:
    arrival = utc_now().date() + timedelta(days=IN_DAYS)
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=3)), **more}
    return str(httpx.QueryParams(stay))


def pages() -> list[str]:
    return [
        f"/en/hotels/{SLUG}",
        f"/en/hotels/{SLUG}?{asked()}",
        f"/ar/hotels/{SLUG}?{asked(adults='3', children='5', currency='USD')}",
        f"/de/hotels/{SLUG}?{asked(adults='18', rooms='9')}",
        f"/en/search?{asked(place=str(PLACE))}",
        f"/fr/search?{asked(place=str(PLACE), adults='3', rooms='2', sort='distance')}",
    ]


async def test_a_page_is_written_once_and_sent_as_it_was(opened: Opened) -> None:
    async with opened() as site:
        for address in pages():
            first = await site.get(address)
            assert site.written
            assert await site.kept(address) == first.text
            again = await site.get(address)
            differ = {name for name in first.headers if first.headers[name] != again.headers[name]}
            assert differ <= {"date", "x-request-id"}
            assert first.headers.keys() == again.headers.keys()
            unchanged = await site.get(address, **{"if-none-match": first.headers["etag"]})
            assert (unchanged.status_code, unchanged.content) == (304, b"")
            assert await site.anew(address) == first.text


async def _price(site: Site, db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET price = price + 3300")


async def _restriction(site: Site, db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET min_stay_through = 9")


async def _closed(site: Site, db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE rate_night SET closed = true")


async def _booked(site: Site, db: Database) -> None:
    room = {"room_type": "DBL", "rate_plan": "FLEX", "adults": 2, "children": []}
    arrival = utc_now().date() + timedelta(days=IN_DAYS)
    quote = await site.client.post(
        "/api/v1/quotes",
        json={
            "property": SLUG,
            "arrival": str(arrival),
            "departure": str(arrival + timedelta(days=1)),
            "rooms": [room] * 2,
        },
    )
    assert quote.status_code == 201, quote.text
    guest = {"given_name": "Ana", "family_name": "Silva", "email": "ana@example.com"}
    held = await site.client.post(
        "/api/v1/bookings",
        json={"quote": quote.json()["id"], "guest": guest},
        headers={"idempotency-key": "one-of-this-test", **bearer(await api_key(db))},
    )
    assert held.status_code == 201, held.text


async def _name(site: Site, db: Database) -> None:
    async with db.transaction() as tx:
        for language in ("en", "de", "fr", "ar"):
            await tx.execute(
                "INSERT INTO translation (property_id, kind, object_id, language, field, content)"
                " SELECT id, 'property', id, $1, 'name', 'Another name' FROM property",
                language,
            )


async def _photo(site: Site, db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO property_photo (property_id, file, widths, width, height, alt, sort, created_at)"
            " SELECT id, repeat('a', 32), '{640,960}', 960, 640, 'The house', 0, now() FROM property"
        )


async def _city(site: Site, db: Database) -> None:
    """What the hotel's city is called elsewhere."""
    async with db.transaction() as tx:
        await tx.execute("UPDATE place SET names = jsonb_build_object('de', 'Lissabon', 'ar', 'لشبونة')")


async def _policy(site: Site, db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE cancellation_policy SET steps = jsonb_set(steps, '{0,days_before}', '5')")


async def _exchange(site: Site, db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE exchange_rate SET per_euro = 7")


async def _another_hotel(site: Site, db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET stars = 5, lat = 38.73")


CHANGES = (
    _price,
    _booked,
    _name,
    _photo,
    _city,
    _policy,
    _exchange,
    _another_hotel,
    _restriction,
    _closed,
)


async def test_what_changes_is_on_the_page_as_on_one_that_is_made_anew(
    opened: Opened, hotel: Database
) -> None:
    async with opened() as site:

        async def in_step(address: str) -> bool:
            """Whether what is given out is what is made, before and after it: the index follows meanwhile."""
            made = await site.anew(address)
            return (await site.get(address)).text == made == await site.anew(address)

        for change in CHANGES:
            before = {address: (await site.get(address)).text for address in pages()}
            for address in pages() if change is not _closed else ():  # where nothing is free all is made anew
                assert await site.kept(address) == before[address]
            await change(site, hotel)

            async def shows(before: dict[str, str] = before) -> bool:
                return any([(await site.get(address)).text != text for address, text in before.items()])

            await until(shows)
            for address in pages():
                await until(partial(in_step, address))


async def test_who_looks_again_asks_the_database_nothing(opened: Opened, statements: list[str]) -> None:
    """Nor does who asks another question of the same hotels, but for what the rooms are called that are less
    dear in another number."""
    async with opened() as site:
        for address in pages():
            await site.get(address)
        for address in pages():
            for question in (address, f"{address}{'&' if '?' in address else '?'}sort=name"):
                statements.clear()
                await site.get(question)
                read = [text for text in statements if "search_change" not in text]  # the index follows
                assert len(read) == (question != address and "rooms=2" in address), (question, read)


async def test_no_change_is_kept_back_behind_a_page(opened: Opened, hotel: Database) -> None:
    """The same without making anything anew: the kept page itself gives way."""
    async with opened() as site:
        address = f"/en/hotels/{SLUG}?{asked()}"
        for price in (12_345, 23_456, 34_567):
            await site.get(address)
            await site.kept(address)
            async with hotel.transaction() as tx:
                await tx.execute("UPDATE rate_night SET price = $1", price)
            total = f"€{3 * price / 100:,.2f}"

            async def shows(total: str = total) -> bool:
                return total in (await site.get(address)).text

            await until(shows)
            assert total in await site.kept(address)


async def test_nights_that_change_while_a_page_is_made_are_not_kept_as_what_they_were(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dearer between their mark and their reading, and then as before: the dearer page is nobody's."""
    async with opened() as site:
        address = f"/en/hotels/{SLUG}?{asked()}"
        usual = await site.anew(address)
        prices = site.app.state.search_index._follower.writer.arrays["price"]  # noqa: SLF001 - no commit comes at a moment that is asked for
        whole = view.load

        async def dearer(*args: Any, **options: Any) -> Any:
            prices[prices == 10_000] = 77_700
            return await whole(*args, **options)

        monkeypatch.setattr(view, "load", dearer)
        assert await site.anew(address) != usual
        monkeypatch.setattr(view, "load", whole)
        prices[prices == 77_700] = 10_000
        assert (await site.get(address)).text == usual


async def test_a_deadline_that_passes_is_not_promised_any_more(opened: Opened, hotel: Database) -> None:
    async with opened() as site:
        index = site.app.state.search_index
        followed = index.applied
        soon = (datetime.now(UTC) + timedelta(seconds=4)).replace(microsecond=0)
        local = soon.astimezone(ZoneInfo("Europe/Lisbon"))
        arrival = utc_now().date() + timedelta(days=IN_DAYS)
        async with hotel.transaction() as tx:
            await tx.execute(
                "UPDATE cancellation_policy SET steps = jsonb_set(jsonb_set(steps, '{0,days_before}', $1),"
                " '{0,at}', $2) WHERE code = 'FLEX'",
                (arrival - local.date()).days,
                local.strftime("%H:%M:%S"),
            )
            await tx.execute("UPDATE rate_plan SET active = false WHERE code = 'NRF'")
            await tx.execute(
                "UPDATE cancellation_policy SET steps = jsonb_set(steps, '{0,fee}',"
                ' \'{"kind": "percent", "value": 1000000}\') WHERE code = \'FLEX\''
            )
        address = f"/de/hotels/{SLUG}?{asked()}"
        promise = re.compile(rf"Kostenlose Stornierung bis [^<]*{local:%H:%M}")

        async def promised() -> bool:
            return promise.search((await site.get(address)).text) is not None

        await until(lambda: index.applied > followed)
        assert await promised()
        await site.kept(address)
        results = f"/de/search?{asked(place=str(PLACE))}"
        listed = (await site.get(results)).text
        assert await site.kept(results) == listed
        await until(lambda: utc_now() >= soon)
        assert not await promised()
        assert not await promised()
        after = (await site.get(results)).text
        assert (">Erstattbar<" in listed, ">Erstattbar<" in after) == (True, False)


async def test_a_list_compares_prices_by_the_rates_of_now(opened: Opened, hotel: Database) -> None:
    async with opened() as site:
        site.client.cookies.set("hotel_currency", "USD")
        for order in ("price", "distance"):
            address = f"/en/search?{asked(place=str(PLACE), sort=order)}"
            before = (await site.get(address)).text
            assert "≈" in before
            assert await site.kept(address) == before
            async with hotel.transaction() as tx:
                await tx.execute("UPDATE exchange_rate SET per_euro = per_euro * 2")
            await until(partial(_differs, site, address, before))


async def _differs(site: Site, address: str, before: str) -> bool:
    return (await site.get(address)).text != before


async def test_what_one_browser_chose_is_on_nobody_elses_page(opened: Opened) -> None:
    async with opened() as site:
        address = f"/en/hotels/{SLUG}?{asked()}"
        plain = (await site.get(address)).text
        site.client.cookies.set("hotel_currency", "USD")
        chosen = (await site.get(address)).text
        assert "≈" in chosen
        assert await site.kept(address) == chosen
        site.client.cookies.clear()
        assert await site.kept(address) == plain
        site.written.clear()
        unpacked = await site.get(address, **{"accept-encoding": "identity"})
        assert site.written == []
        assert "content-encoding" not in unpacked.headers
        assert unpacked.text == plain


async def test_a_notice_is_shown_once_and_kept_by_nobody(opened: Opened) -> None:
    async with opened() as site:
        address = f"/en/hotels/{SLUG}?{asked()}"
        plain = (await site.get(address)).text
        site.client.cookies.set("hotel_notice", "SGVsbG8gdGhlcmU")
        assert "Hello there" in (await site.get(address)).text
        site.client.cookies.clear()
        assert await site.kept(address) == plain


def test_a_page_holds_from_when_it_was_made_to_the_next_deadline() -> None:
    at = datetime(2026, 11, 28, 12, tzinfo=UTC)
    second = timedelta(seconds=1)
    made = Origin(at, ("a", 1), until=at + second)
    assert made.holds(Origin(at, ("a", 1)))
    assert not made.holds(Origin(at, ("a", 2)))
    assert not made.holds(Origin(at - second, ("a", 1))), "the clock went back"
    assert not made.holds(Origin(at + second, ("a", 1)))
    assert Origin(at, ()).holds(Origin(at + timedelta(days=400), ()))


async def test_without_the_index_nothing_of_a_hotels_nights_is_kept(
    hotel: Database, database_url: str
) -> None:
    address = f"/en/hotels/{SLUG}?{asked()}"
    async with running(settings_for(database_url)) as (app, client):
        before = (await client.get(address)).text
        assert len(app.state.kept_pages) == 0
        async with hotel.transaction() as tx:
            await tx.execute("UPDATE rate_night SET price = price + 4400")
        assert (await client.get(address)).text != before
