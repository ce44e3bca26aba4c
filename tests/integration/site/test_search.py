"""The calendar of the search box by plain requests: the lowest price of each night, exactly."""

from __future__ import annotations

import re

import pytest

from hotel_booking.core.db import Database
from tests.clients.http_client import running, settings_for
from tests.e2e.test_site_pages import in_lisbon
from tests.factories.small_hotel import SLUG, small_hotel
from tests.integration.site.test_checkout import held, site

MARCH = "/en/nights?place=2267057&month=2030-03"


def prices(html: str) -> dict[str, str]:
    """What the calendar says of each day that can be chosen."""
    return dict(re.findall(r'data-day="([^"]+)"[^>]*><span class="visually-hidden">[^<]*, ([^<]+)<', html))


async def test_each_night_has_the_lowest_price_of_what_is_free_with_taxes(
    db: Database, database_url: str
) -> None:
    ids = await small_hotel(db, rooms=1, room_types=("DBL", "TWN"))
    await in_lisbon(db)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE rate_night SET price = 20000 WHERE room_type_id = $1 AND night = '2030-03-10'", ids["DBL"]
        )
        await tx.execute("UPDATE rate_night SET closed = true WHERE night = '2030-03-11'")
        await tx.execute("UPDATE rate_night SET price = 20000 WHERE night = '2030-03-12'")
        await tx.execute(
            "INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)"
            " SELECT id, 'VAT', 'VAT', 'percent', 100000, 12, false FROM property"
        )
    async with site(database_url) as (_, client):
        shown = prices((await client.get(MARCH)).text)
        assert shown["2030-03-09"] == "from €99"  # 90 of the cheaper plan, and a tenth for tax
        assert shown["2030-03-10"] == "from €99"  # the other room type's
        assert shown["2030-03-11"] == "not available"
        assert shown["2030-03-12"] == "from €198"
        assert shown["2030-04-29"] == "from €99"
        assert shown["2030-04-30"] == "not available"
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET taken = 1 WHERE room_type_id = $1", ids["TWN"])
        await held(client)  # the last one, for two nights from the 21st
        shown = prices((await client.get(MARCH)).text)
        nights = [shown[f"2030-03-{day}"] for day in (20, 21, 22, 23)]
        assert nights == ["from €99", "not available", "not available", "from €99"]
        by_name = await client.get("/en/nights?place=Sea+View&month=2030-03")
        assert prices(by_name.text)["2030-03-09"] == "from €99"


@pytest.mark.parametrize(
    "query",
    [
        "",
        "place=Nowhere-at-all",
        "place=2267057&month=soon",
        "place=2267057&month=1999-01",
        "place=2267057&month=2099-12",
        "place=2267057&adults=99&children=4,x&rooms=0",
        "place=%01%ff&month=2030-03",
        "place=2267057&adults=30&rooms=1",
    ],
)
async def test_whatever_is_asked_there_is_a_calendar(db: Database, database_url: str, query: str) -> None:
    await small_hotel(db)
    await in_lisbon(db)
    async with site(database_url) as (_, client):
        answer = await client.get(f"/ar/nights?{query}")
        assert answer.status_code == 200, answer.text
        assert answer.text.count('role="grid"') == 2


async def test_where_nothing_is_free_the_hotels_say_why(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=1)
    await in_lisbon(db)
    when = "&arrival=2030-03-04&departure=2030-03-07"
    async with db.transaction() as tx:
        await tx.execute("UPDATE room_night SET taken = 1 WHERE night = '2030-03-05'")
    async with site(database_url) as (_, client):
        page = await client.get(f"/de/search?place=2267057{when}")
        assert "Warum ist nichts frei?" in page.text
        assert "Sea View</a>: Ausgebucht am Di., 5. März 2030" in page.text
        assert "other-dates" in page.text
        filtered = await client.get(
            "/en/search?place=2267057&stars=5&arrival=2030-03-10&departure=2030-03-12"
        )
        assert "Sea View</a>: Available, but not with your filters" in filtered.text
        async with db.transaction() as tx:
            await tx.execute("UPDATE property SET active = false")
        nobody = await client.get(f"/en/search?place=2267057{when}")
        assert "<h2>We don’t have a hotel here yet.</h2>" in nobody.text
        # Where there is no hotel, no other dates help.
        assert "Try other dates" not in nobody.text
        assert "Nothing is available" not in nobody.text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("&arrival=2030-03-04&departure=2030-03-07&children=x", "Please check what you’ve entered above"),
        ("&arrival=2030-03-07&departure=2030-03-04", "Please check what you’ve entered above"),
        ("&adults=2", "Choose your dates above"),
    ],
)
async def test_who_has_chosen_dates_is_not_told_to_choose_them(
    db: Database, database_url: str, wrong: str, said: str
) -> None:
    await small_hotel(db)
    await in_lisbon(db)
    async with site(database_url) as (_, client):
        pages = [
            (await client.get(f"/en/{path}{wrong}")).text
            for path in ("search?place=2267057", f"hotels/{SLUG}?x=")
        ]
    assert f'<p class="muted">{said}' in pages[0]
    # What is read aloud first says that something is wrong.
    assert ["<title>Error: " in page for page in pages] == [said.startswith("Please")] * 2


async def test_a_party_that_needs_more_rooms_is_told_whether_they_are_free(
    db: Database, database_url: str
) -> None:
    await small_hotel(db, rooms=4)
    await in_lisbon(db)
    asked = "place=2267057&arrival=2030-03-04&departure=2030-03-07&adults=7"
    async with site(database_url) as (_, client):
        free = (await client.get(f"/en/search?{asked}")).text
        said = re.search(r'<li><a href="([^"]+)">Sea View</a>: ([^<]+)</li>', free)
        assert said is not None
        assert said[2].startswith("Available for your party in 3 rooms: DBL, €")
        assert "rooms=3" in said[1]
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET taken = 2")
        sold = (await client.get(f"/es/search?{asked}")).text
        said = re.search(r'<li><a href="([^"]+)">Sea View</a>: ([^<]+)</li>', sold)
        assert said is not None
        assert said[2] == "Caben todos en 3 habitaciones, pero no están libres en sus fechas"
        assert "rooms=3" not in said[1]


async def test_tiles_lie_under_the_map_only_where_they_are_set(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=1)
    await in_lisbon(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency, place_id)"
            " SELECT 'hill', 'Hill', country, lat + 0.02, lon + 0.03, timezone, currency, place_id"
            "   FROM property"
        )
        await tx.execute(
            "WITH plan AS (INSERT INTO cancellation_policy (property_id, code, name, steps, no_show)"
            "   SELECT h.id, c.code, c.name, c.steps, c.no_show FROM cancellation_policy c, property h"
            "    WHERE c.code = 'FLEX' AND h.slug = 'hill' RETURNING id, property_id),"
            " rate AS (INSERT INTO rate_plan (property_id, code, name, policy_id)"
            "   SELECT property_id, 'FLEX', 'Flexible', id FROM plan RETURNING id, property_id),"
            " type AS (INSERT INTO room_type (property_id, code, name, max_occupancy, max_adults)"
            "   SELECT property_id, 'DBL', 'DBL', 2, 2 FROM rate RETURNING id),"
            " nights AS (INSERT INTO room_night (room_type_id, night, physical)"
            "   SELECT type.id, n.night, 1 FROM type, room_night n RETURNING room_type_id, night)"
            " INSERT INTO rate_night (room_type_id, rate_plan_id, night, price)"
            " SELECT n.room_type_id, rate.id, n.night, 9900 FROM nights n, rate"
        )
    path = "/en/search?place=2267057&arrival=2030-03-04&departure=2030-03-07"
    async with site(database_url) as (_, client):
        plain = await client.get(path)
        assert plain.text.count('class="dot"') == 2
        assert "<image" not in plain.text
        assert "img-src 'self' data:" in plain.headers["content-security-policy"]
        french = (await client.get(path.replace("/en/", "/fr/"))).text
        arabic = (await client.get(path.replace("/en/", "/ar/"))).text
        assert '<a href="#hotel-1" aria-label="1\xa0: ' in french
        rings = re.findall('class="ring-name"[^>]*>([^<]+)<', arabic)
        assert rings
        assert all("كم" in ring and "km" not in ring for ring in rings), rings
    settings = settings_for(
        database_url,
        secret_key="k" * 40,
        map_tiles="https://tiles.example.com/{z}/{x}/{y}.png",
        map_attribution="© Somebody",
    )
    async with running(settings) as (_, client):
        page = await client.get(path)
        policy = page.headers["content-security-policy"]
        assert "img-src 'self' https://tiles.example.com data:" in policy
        assert policy.count("https:") == 1
        tiles = re.findall(
            r'<image href="https://tiles.example.com/(\d+)/(\d+)/(\d+).png" x="(\S+)"', page.text
        )
        assert 4 <= len(tiles) <= 12
        assert page.text.count('class="dot"') == 2
        assert "© Somebody" in page.text


async def test_another_currency_is_for_orientation_and_the_page_says_so(
    db: Database, database_url: str
) -> None:
    await small_hotel(db)
    await in_lisbon(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO exchange_rate (currency, per_euro, as_of) VALUES ('USD', 2, '2030-01-01')"
        )
    path = "/en/search?place=2267057&arrival=2030-03-04&departure=2030-03-07"
    async with site(database_url) as (_, client):
        assert "≈" not in (await client.get(path)).text
        await client.get("/currency/USD", params={"to": path})
        page = (await client.get(path)).text
        assert "≈ US$540.00" in page
        assert "You’ll be charged in the hotel" in page
        assert "no exchange rate" not in page
        await client.get("/currency/KWD", params={"to": path})
        page = (await client.get(path)).text
        assert "We have no exchange rate to show prices in KWD." in page
        assert 'aria-current="true">KWD<' in page, "what was chosen stands in the menu"


async def test_a_date_is_typed_as_the_page_writes_it(db: Database, database_url: str) -> None:
    await small_hotel(db)
    await in_lisbon(db)
    async with site(database_url) as (_, client):
        found = await client.get("/de/search?place=2267057&arrival=4.3.2030&departure=07.+März+2030")
        assert "3 Nächte" in found.text
        assert 'name="arrival" type="date" value="2030-03-04"' in found.text
        assert "arrival=2030-03-04&amp;departure=2030-03-07" in found.text
        hotel = await client.get(f"/fr/hotels/{SLUG}?arrival=4/3/2030&departure=7/3/2030")
        assert "3 nuits" in hotel.text
        doubtful = await client.get("/en/search?place=2267057&arrival=04/03/2030&departure=2030-03-07")
        (asked,) = re.findall(r'id="search-arrival-below">([^<]+)<', doubtful.text)
        example = asked.removeprefix("Please enter the date like this: ").rstrip(".")
        again = await client.get("/en/search", params={"place": "2267057", "arrival": example})
        assert "search-arrival-below" not in again.text, "the example is read, and is still to come"
