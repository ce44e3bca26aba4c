"""The calendar of the search box by plain requests: the lowest price of each night, exactly."""

from __future__ import annotations

import re

import pytest

from hotel_booking.core.db import Database
from tests.e2e.test_site_pages import in_lisbon
from tests.integration.test_site_checkout import held, site
from tests.small_hotel import small_hotel

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
        assert shown["2030-03-11"] == "not free"
        assert shown["2030-03-12"] == "from €198"
        assert shown["2030-04-29"] == "from €99"
        assert shown["2030-04-30"] == "not free"
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET taken = 1 WHERE room_type_id = $1", ids["TWN"])
        await held(client)  # the last one, for two nights from the 21st
        shown = prices((await client.get(MARCH)).text)
        nights = [shown[f"2030-03-{day}"] for day in (20, 21, 22, 23)]
        assert nights == ["from €99", "not free", "not free", "from €99"]
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
        "place=%00%ff&month=2030-03",
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
