"""How long a search takes, by the number of hotels: `.venv/bin/python benchmarks/search.py [hotels ...]`.

Fills a scratch database with hotels of 3 room types and 3 plans (one derived), 400 nights each, all in one
city, and prints the median of a search for 3 nights, of the offers of one hotel, and of a look-up of places.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta

from hotel_booking import migrations
from hotel_booking.core.dates import Stay
from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.properties.place_data import load_places, read_places
from hotel_booking.domains.properties.places import find_places
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.find import find
from hotel_booking.domains.search.offers import offers
from hotel_booking.domains.search.types import Around, SearchRequest
from hotel_booking.ops.embedded import throwaway

NIGHTS = 400
FIRST = date(2027, 1, 1)
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
STAY = Stay(date(2027, 6, 10), date(2027, 6, 13))
CENTRE = (48.137, 11.575)


_CATALOGUE = """
INSERT INTO cancellation_policy (id, property_id, code, name, steps, no_show) OVERRIDING SYSTEM VALUE
SELECT id, id, 'FLEX', 'Flexible',
       '[{"days_before": 1, "at": "18:00:00", "fee": {"kind": "percent", "value": 900000}}]',
       '{"kind": "percent", "value": 900000}' FROM property;
INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)
SELECT id, 'VAT', 'VAT', 'percent', 70000, 19, true FROM property
 UNION ALL SELECT id, 'CITY', 'City tax', 'fixed', 250, 21, false FROM property;
INSERT INTO room_type (id, property_id, code, name, extra_adult) OVERRIDING SYSTEM VALUE
SELECT 3 * p.id + k, p.id, 'T' || k, 'Type ' || k, 2000 FROM property p, generate_series(0, 2) k;
INSERT INTO rate_plan (id, property_id, code, name, policy_id, parent_id, adjust_kind, adjust_value)
       OVERRIDING SYSTEM VALUE
SELECT 3 * p.id + k, p.id, 'P' || k, 'Plan ' || k, p.id, CASE WHEN k = 2 THEN 3 * p.id END,
       CASE WHEN k = 2 THEN 'percent' END, CASE WHEN k = 2 THEN -100000 END
  FROM property p, generate_series(0, 2) k
"""


async def fill(tx: Transaction, hotels: int) -> None:
    """Hotels 1 to `hotels`; room types and plans are numbered by hotel."""
    rng = random.Random(hotels)  # noqa: S311
    places = [(h, f"hotel-{h}", f"Hotel {h}", rng.randint(2, 5), *near(rng)) for h in range(1, hotels + 1)]
    await tx.execute(
        "INSERT INTO property (id, slug, name, stars, lat, lon, country, timezone, currency)"
        " OVERRIDING SYSTEM VALUE SELECT *, 'DE', 'Europe/Berlin', 'EUR'"
        " FROM unnest($1::int[], $2::text[], $3::text[], $4::int[], $5::float8[], $6::float8[])",
        *map(list, zip(*places, strict=True)),
    )
    for statement in _CATALOGUE.split(";"):
        await tx.execute(statement)
    await tx.copy("room_night", ("room_type_id", "night", "physical", "taken"), room_nights(rng, hotels))
    await tx.copy("rate_night", ("room_type_id", "rate_plan_id", "night", "price"), rate_nights(rng, hotels))


def near(rng: random.Random) -> tuple[float, float]:
    """A point within a few kilometres of the centre."""
    return CENTRE[0] + rng.uniform(-0.1, 0.1), CENTRE[1] + rng.uniform(-0.1, 0.1)


def room_nights(rng: random.Random, hotels: int) -> Iterator[tuple[int, date, int, int]]:
    """Ten rooms a night, of which one night in twenty is sold out."""
    for room_type in range(3, 3 * hotels + 3):
        for i in range(NIGHTS):
            yield room_type, FIRST + timedelta(days=i), 10, 10 if rng.random() < 0.05 else rng.randint(0, 8)


def rate_nights(rng: random.Random, hotels: int) -> Iterator[tuple[int, int, date, int]]:
    """Prices of the two plans that have their own."""
    for hotel in range(1, hotels + 1):
        base = rng.randint(6000, 25000)
        for k in range(3):
            for plan in (0, 1):
                for i in range(NIGHTS):
                    price = base + 3000 * k + 1500 * plan + rng.randint(0, 2000)
                    yield 3 * hotel + k, 3 * hotel + plan, FIRST + timedelta(days=i), price


async def median_ms(call: Callable[[], Awaitable[object]], times: int) -> float:
    """The median of some calls after three to warm up, in milliseconds."""
    spent = []
    for i in range(times + 3):
        began = time.perf_counter()
        await call()
        if i >= 3:
            spent.append(time.perf_counter() - began)
    return statistics.median(spent) * 1000


async def measure(url: str, hotels: int) -> None:
    """Fill one database and print its line."""
    async with Database.open(url, statement_timeout_ms=0) as db:
        async with db.transaction() as tx:
            await fill(tx, hotels)
            await load_places(tx, read_places())
            await tx.execute("ANALYZE")
        requests = {
            sort: SearchRequest(
                where=Around(*CENTRE, 50),
                stay=STAY,
                party=(Occupancy(2),),
                sort=sort,
            )
            for sort in ("price", "distance")
        }
        async with db.transaction() as tx:
            times = 100 if hotels <= 200 else 30
            line = {
                "search by price": await median_ms(lambda: find(tx, requests["price"], NOW), times),
                "search by distance": await median_ms(lambda: find(tx, requests["distance"], NOW), times),
                "offers": await median_ms(
                    lambda: offers(tx, "hotel-1", STAY, (Occupancy(2),), explain=False, now=NOW), times
                ),
                "offers, explained": await median_ms(
                    lambda: offers(tx, "hotel-1", STAY, (Occupancy(2),), explain=True, now=NOW), times
                ),
                "places 'mun'": await median_ms(lambda: find_places(tx, "mun"), times),
                "places 'barclona'": await median_ms(lambda: find_places(tx, "barclona"), times),
            }
    print(f"{hotels:6,} hotels  " + "  ".join(f"{name} {ms:.1f} ms" for name, ms in line.items()))


def main() -> None:
    """One scratch cluster, one database per size."""
    sizes = [int(text) for text in sys.argv[1:]] or [40, 200, 2000]
    with throwaway() as cluster:
        for hotels in sizes:
            name = f"hotels_{hotels}"
            cluster.create_database(name)
            migrations.upgrade(cluster.url(name))
            asyncio.run(measure(cluster.url(name), hotels))


if __name__ == "__main__":
    main()
