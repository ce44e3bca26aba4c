"""The list of all hotels of a large catalogue: countries first, then each country's page by page, and no
page reads the catalogue."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.properties.hotel_lists import list_hotels
from tests.clients.http_client import running, settings_for

MANY = """
INSERT INTO property (slug, name, city, country, lat, lon, timezone, currency)
SELECT 'hotel-' || n, 'Hotel ' || n, 'City ' || n % 30, 'PT', 38.7, -9.1, 'Europe/Lisbon', 'EUR'
  FROM generate_series(1, 1000) n
UNION ALL
SELECT 'haus-' || n, 'Haus ' || n, 'Berlin', 'DE', 52.5, 13.4, 'Europe/Berlin', 'EUR'
  FROM generate_series(1, 3) n
"""


def slugs(page: str) -> list[str]:
    """The hotels that a page leads to."""
    return re.findall(r'href="/en/hotels/([^"?]+)"', page)


@pytest.fixture
async def many(db: Database) -> None:
    """A thousand hotels in Portugal and three in Germany."""
    async with db.transaction() as tx:
        await tx.execute(MANY)
        await tx.execute("UPDATE property SET active = false WHERE slug = 'hotel-7'")
        await tx.execute("ANALYZE property")


async def test_a_countrys_hotels_are_listed_page_by_page_each_once(database_url: str, many: None) -> None:
    async with running(settings_for(database_url)) as (_, client):
        overview = (await client.get("/en/hotels")).text
        assert slugs(overview) == []
        assert "Show all 999 hotels" in overview
        assert "Show all 3 hotels" in overview
        assert overview.count("City ") == 20
        assert "1,002 hotels, by country and city." in overview
        assert "1.002 Hotels" in (await client.get("/de/hotels")).text
        found: list[str] = []
        sizes = []
        address = "/en/hotels?country=PT"
        while address:
            page = await client.get(address)
            assert page.status_code == 200
            assert "999 hotels" in page.text
            sizes.append(len(slugs(page.text)))
            found += slugs(page.text)
            assert ("First page" in page.text) == (len(sizes) > 1)
            more = re.search(r'rel="next" href="([^"]+)"', page.text)
            address = unescape(more[1]) if more else ""
        assert sizes == [400, 400, 199]
        assert len(set(found)) == 999
        assert "hotel-7" not in found
        assert sorted(slugs((await client.get("/en/hotels?country=DE")).text)) == [
            "haus-1",
            "haus-2",
            "haus-3",
        ]
        first = slugs((await client.get("/en/hotels?country=PT")).text)
        for odd in (
            "x",
            "W10",
            "WyIAIiwxXQ",
            "WyJcdTAwMDAiLDFd",
            "WyJhIiwtMV0",
        ):  # not of this list: its beginning
            assert slugs((await client.get(f"/en/hotels?country=PT&cursor={odd}")).text) == first, odd


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """A plan's steps."""
    return [plan, *(one for part in plan.get("Plans", []) for one in nodes(part))]


async def test_a_page_of_hotels_reads_its_own_by_an_index(db: Database, many: None) -> None:
    class Explained:
        """Asks for the plan of a statement instead of its rows."""

        def __init__(self, tx: Any) -> None:
            self.tx, self.steps = tx, list[dict[str, Any]]()

        async def fetch_as(self, _kind: Any, sql: str, *values: Any) -> list[Any]:
            plan = await self.tx.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *values)
            self.steps = nodes((json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"])
            return []

    async with db.transaction() as tx:
        for how in ("force_custom_plan", "force_generic_plan"):
            await tx.execute(f"SET LOCAL plan_cache_mode = {how}")
            cases: list[dict[str, Any]] = [{}, {"country": "PT"}, {"country": "PT", "after": ("City 20", 50)}]
            for asked in cases:
                explained: Any = Explained(tx)
                await list_hotels(explained, limit=50, **asked)
                assert {one["Index Name"] for one in explained.steps if "Index Name" in one} == {
                    "property_listed",
                    "place_pkey",
                }
                assert "Seq Scan" not in {one["Node Type"] for one in explained.steps}
                assert max(one["Actual Rows"] for one in explained.steps) <= 50, (how, asked)
