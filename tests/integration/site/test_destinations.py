"""Where to, on the site: a hotel's name leads to the hotel, a country lists its hotels, a town without one
names the nearest, what is not certain is asked, and every hotel is listed without a date."""

from __future__ import annotations

import re

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotel_booking.core.db import Database
from hotel_booking.domains.properties.queries import meridians_around, nearest_hotel
from hotel_booking.domains.search.area import distance_km
from hotel_booking.http.ui.render import query
from tests.clients.http_client import running, settings_for
from tests.factories.world import simple_hotel

WHEN = {"arrival": "2030-03-10", "departure": "2030-03-12"}
PLACES = """
INSERT INTO place (id, kind, name, country, lat, lon, population, timezone, region, names) VALUES
    (2264397, 'country', 'Portugal', 'PT', 38.72, -9.13, 10000000, 'Europe/Lisbon', NULL, '{}'),
    (2921044, 'country', 'Germany', 'DE', 52.52, 13.41, 83000000, 'Europe/Berlin', NULL,
     '{"de": "Deutschland", "fr": "Allemagne"}'),
    (2951839, 'region', 'Bavaria', 'DE', 48.13, 11.57, 13000000, 'Europe/Berlin', NULL, '{"de": "Bayern"}'),
    (2267057, 'city', 'Lisbon', 'PT', 38.72, -9.13, 517802, 'Europe/Lisbon', NULL,
     '{"de": "Lissabon", "fr": "Lisbonne", "ar": "لشبونة"}'),
    (2867714, 'city', 'Munich', 'DE', 48.13743, 11.57549, 1505005, 'Europe/Berlin', 2951839, '{}'),
    (4250542, 'city', 'Springfield', 'US', 39.8, -89.64, 116000, 'America/Chicago', NULL, '{}'),
    (4409896, 'city', 'Springfield', 'US', 37.2, -93.29, 170000, 'America/Chicago', NULL, '{}')
"""
NAMES = """
INSERT INTO place_name (name, place_id, weight, shown) VALUES
    ('portugal', 2264397, 2500000, NULL), ('germany', 2921044, 20000000, NULL), ('deutschland', 2921044,
    20000000, 'Deutschland'), ('bavaria', 2951839, 100000, NULL), ('bayern', 2951839, 100000, 'Bayern'),
    ('lisbon', 2267057, 517802, NULL), ('munich', 2867714, 1505005, NULL), ('munchen', 2867714, 50000,
    'München'), ('springfield', 4250542, 116000, NULL), ('springfield', 4409896, 170000, NULL)
"""


@pytest.fixture
async def world(db: Database) -> None:
    """Two hotels in Lisbon, one at the airport of Munich."""
    async with db.transaction() as tx:
        await tx.execute(PLACES)
        await tx.execute(NAMES)
        await simple_hotel(tx, "seaview", name="Sea View", at=(38.71, -9.14))
        await simple_hotel(tx, "zur-rose", name="Gasthof zur Röse", at=(38.73, -9.12))
        await simple_hotel(tx, "airport", name="Airport Hotel", at=(48.3538, 11.7861), country="DE",
                           timezone="Europe/Berlin")  # fmt: skip
        await tx.execute("UPDATE property SET city = 'Lisbon', place_id = 2267057 WHERE country = 'PT'")
        await tx.execute("UPDATE property SET city = 'Freising', place_id = 2867714 WHERE country = 'DE'")


async def found(client: httpx.AsyncClient, language: str, **asked: str) -> httpx.Response:
    return await client.get(query(f"/{language}/search", **asked))


def hotels(page: httpx.Response) -> list[str]:
    """The hotels that the page leads to, in order."""
    return list(dict.fromkeys(re.findall(r'href="/\w\w/hotels/([a-z0-9-]+)', page.text)))


async def test_a_hotels_name_leads_to_the_hotel(db: Database, database_url: str, world: None) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for typed in ("Sea View", "sea view", "SEA-VIEW", "Sea View Lisbon"):
            answer = await found(client, "en", place=typed, **WHEN)
            assert answer.status_code == 303, typed
            assert answer.headers["location"].startswith("/en/hotels/seaview?arrival=2030-03-10")
        for typed in ("gasthof zur roese", "Gasthof zur Rose"):
            answer = await found(client, "de", place=typed)
            assert answer.headers["location"].startswith("/de/hotels/zur-rose?place="), typed
        answer = await found(client, "en", place="Airport hotel", at="hotel:airport")
        assert answer.headers["location"].startswith("/en/hotels/airport")
        # A name typed over what was chosen before counts, also without a script.
        answer = await found(client, "en", place="Lisbon", at="hotel:airport", **WHEN)
        assert "Hotels in Lisbon" in answer.text


async def test_a_country_and_a_region_list_their_hotels(db: Database, database_url: str, world: None) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for language, typed, heading in (
            ("en", "Germany", "Hotels in Germany"),
            ("de", "Germany", "Hotels: Deutschland"),
            ("fr", "deutschland", "Hôtels\u00a0: Allemagne"),
            ("de", "bavaria", "Hotels: Bayern"),
        ):
            undated = await found(client, language, place=typed)
            dated = await found(client, language, place=typed, **WHEN)
            key = "2951839" if "avaria" in typed else "2921044"
            own = f"http://localhost:8000/{language}/search?place={key}"
            for page in (undated, dated):
                # Who shares the page, or finds it, comes to the same place.
                assert f'<link rel="canonical" href="{own}">' in page.text
                assert f'<meta property="og:url" content="{own}">' in page.text
                assert f'hreflang="ar" href="http://localhost:8000/ar/search?place={key}"' in page.text
                assert page.status_code == 200
                assert heading in page.text, (typed, language)
                assert f'<meta name="description" content="{heading}. ' in page.text
                assert hotels(page) == ["airport"], (typed, language)
        both = await found(client, "en", place="Portugal", sort="name", **WHEN)
        assert hotels(both) == ["zur-rose", "seaview"]
        narrowed = await client.get("/api/v1/search", params={"place": "Bayern", **WHEN})
        assert [one["property"]["slug"] for one in narrowed.json()["results"]] == ["airport"]
        assert narrowed.json()["place"]["name"] == "Bavaria"


async def test_a_city_is_called_as_in_the_guests_language(
    db: Database, database_url: str, world: None
) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for language, name in (("en", "Lisbon"), ("de", "Lissabon"), ("fr", "Lisbonne"), ("ar", "لشبونة")):
            assert f'<span class="place-name">{name}</span>' in (await client.get(f"/{language}/")).text
            page = await found(client, language, place="2267057")
            assert re.search(rf"<h1[^>]*>[^<]*{name}", page.text), language


async def test_a_city_without_a_hotel_names_the_nearest_with_its_distance(
    db: Database, database_url: str, world: None
) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for asked in ({}, WHEN):
            page = await found(client, "en", place="Munich", **asked)
            assert "The nearest is Airport Hotel, 29 km away." in page.text
            assert hotels(page) == ["airport"]
        page = await found(client, "en", place="Lisbon", **WHEN)
        assert "The nearest is" not in page.text
        assert hotels(page) == ["seaview", "zur-rose"]


async def test_what_is_not_certain_is_asked_and_nothing_is_searched(
    db: Database, database_url: str, world: None
) -> None:
    async with running(settings_for(database_url)) as (_, client):
        page = await found(client, "en", place="Springfield", **WHEN)
        assert "Which “Springfield” do you mean?" in page.text
        for key in ("4250542", "4409896"):
            assert f"at={key}" in page.text
        assert hotels(page) == []
        page = await found(client, "en", place="Springfield", at="4409896", **WHEN)
        assert "Hotels in Springfield" in page.text
        refused = await client.get("/api/v1/search", params={"place": "Springfield", **WHEN})
        assert refused.status_code == 404
        assert refused.json()["code"] == "place_not_found"
        assert "4250542" in refused.json()["fix"]
        a_hotel = await client.get("/api/v1/search", params={"place": "Sea View", **WHEN})
        assert "/properties/seaview/offers" in a_hotel.json()["fix"]
        # Where nothing is called so, none is asked for among what is.
        page = await found(client, "en", place="Springfild", **WHEN)
        assert "We couldn’t find “Springfild”" in page.text
        assert "Did you mean:" in page.text
        assert "at=4409896" in page.text
        assert "do you mean?" not in page.text
        page = await found(client, "en", place="Nowhere-at-all", **WHEN)
        assert "We couldn’t find “Nowhere-at-all”" in page.text


async def test_suggestions_are_in_the_pages_language(db: Database, database_url: str, world: None) -> None:
    async with running(settings_for(database_url)) as (_, client):

        async def suggested(language: str, typed: str) -> list[tuple[str, str, str]]:
            answer = await client.get(query(f"/{language}/places", q=typed))
            return [(one["key"], one["name"], one["detail"]) for one in answer.json()["places"]]

        assert await suggested("de", "germ") == [("2921044", "Deutschland", "Land, Germany")]
        assert await suggested("en", "deutsch") == [("2921044", "Germany", "Country, Deutschland")]
        assert await suggested("de", "münch") == [("2867714", "München", "Bayern, Deutschland")]
        assert await suggested("fr", "sea v") == [("hotel:seaview", "Sea View", "Hôtel, Lisbonne, Portugal")]
        assert await suggested("en", "") == []


async def test_a_hotels_city_is_called_in_the_language_on_every_page(
    db: Database, database_url: str, world: None
) -> None:
    async with running(settings_for(database_url)) as (_, client):
        for language, city, country in (
            ("en", "Lisbon", "Portugal"),
            ("de", "Lissabon", "Portugal"),
            ("fr", "Lisbonne", "Portugal"),
            ("ar", "لشبونة", "البرتغال"),
        ):
            listed = (await client.get(f"/{language}/hotels")).text
            assert f"<h3>{city}</h3>" in listed, language
            assert re.search("<h3>(<bdi>)?Freising<", listed), language  # at Munich, and a town of its own
            undated = (await found(client, language, place="2267057")).text
            assert undated.count(f"<bdi>{city}</bdi>") == 2, language
            page = (await client.get(f"/{language}/hotels/seaview")).text
            assert re.search(rf"<title>[^<]*Sea View[^<]*{city}", page), language
            assert f'"addressLocality":"{city}"' in page, language
            where = re.search(r'<p class="where">(.*?)</p>', page, re.DOTALL)
            assert where is not None
            assert city in where[1], language
            if language != "en":
                assert "Lisbon<" not in page + listed + undated, language
            assert country in listed


async def test_a_city_is_listed_once_however_hotels_write_it(
    db: Database, database_url: str, world: None
) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET city = 'LISSABON' WHERE slug = 'zur-rose'")
        await tx.execute(
            "INSERT INTO property (slug, name, city, country, lat, lon, timezone, currency, place_id)"
            " SELECT 'many-' || n, 'Many ' || n, 'Lisboa', 'PT', 38.7, -9.1, 'Europe/Lisbon', 'EUR', 2267057"
            "   FROM generate_series(1, 401) n"
        )
        await tx.execute('UPDATE place SET names = names || \'{"local": "Lisboa"}\' WHERE id = 2267057')
    async with running(settings_for(database_url)) as (_, client):
        page = (await client.get("/fr/hotels")).text
        assert re.search(r"</a>\u00a0?\s?: Lisbonne</p>", page)
        assert (await client.get("/fr/hotels?country=PT")).text.count("<h3>Lisbonne</h3>") == 1


async def test_every_hotel_is_listed_by_country_and_city_without_a_date(
    db: Database, database_url: str, world: None
) -> None:
    async with db.transaction() as tx:
        await simple_hotel(tx, "gone", name="Gone")
        await tx.execute("UPDATE property SET active = false WHERE slug = 'gone'")
    async with running(settings_for(database_url)) as (_, client):
        page = await client.get("/de/hotels")
        assert page.status_code == 200
        assert hotels(page) == ["airport", "zur-rose", "seaview"]  # Deutschland before Portugal
        assert re.findall(r"<h2[^>]*>([^<]+)</h2>", page.text) == ["Deutschland", "Portugal"]
        assert "Freising" in page.text
        only = await client.get("/en/hotels?country=PT")
        assert hotels(only) == ["zur-rose", "seaview"]
        for odd in ("/en/hotels?country=ZZ", "/en/hotels?country=%00x"):
            assert (await client.get(odd)).status_code < 500
        sent_on = await client.get("/hotels", headers={"accept-language": "fr"})
        assert sent_on.headers["location"] == "/fr/hotels"
        for path in ("/en/", "/en/search?place=Lisbon", "/en/hotels/seaview"):
            assert 'href="/en/hotels"' in (await client.get(path)).text, path
        assert "/en/hotels</loc>" in (await client.get("/sitemap.xml")).text
        home = await client.get("/en/")
        card = re.search(r'class="place-card" href="([^"]+)"', home.text)
        assert card is not None
        there = hotels(await client.get(card[1].replace("&amp;", "&")))
        assert sorted(there) == ["seaview", "zur-rose"]


@pytest.mark.parametrize(
    ("hotel", "point"),
    [
        ((38.71, -9.14), (38.72, -9.13)),  # around it
        ((-17.0, 179.99), (-17.0, -179.99)),  # where the meridians meet
        ((-17.0, 179.0), (-17.0, -179.0)),
        ((78.22, 15.6), (81.0, 40.0)),  # near a pole
        ((60.0, 10.0), (60.0, 18.9)),  # far, on one parallel
        ((38.71, -9.14), (-38.71, 170.86)),  # on the other side
    ],
)
async def test_the_nearest_hotel_is_found_wherever_it_lies(
    db: Database, hotel: tuple[float, float], point: tuple[float, float]
) -> None:
    async with db.transaction() as tx:
        await simple_hotel(tx, "near", name="Near", at=hotel)
        found = await nearest_hotel(tx, *point)
    assert found is not None
    assert (found.slug, round(found.km, 1)) == ("near", round(distance_km(*point, *hotel), 1))


@given(st.floats(-84, 84), st.floats(-175, 175), st.floats(-5, 5), st.floats(-5, 5), st.floats(1, 600))
def test_what_is_near_lies_between_the_meridians_looked_at(
    lat: float, lon: float, north: float, east: float, reach: float
) -> None:
    if distance_km(lat, lon, lat + north, lon + east) <= reach:
        first, last = meridians_around(lat, lon, reach / 111.195)
        assert first <= lon + east <= last
