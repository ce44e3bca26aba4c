"""Generated catalogues: cities of a hundred hotels, and one of two thousand where there are enough.

Five room types a hotel, one plan with prices of its own and two derived from it, 400 nights from today. The
cities are made up and lie far apart on a grid, so that a search of one finds its hotels and no others. In a
catalogue without nights (the search index's are then generated) nothing can be quoted or held.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date

import msgspec
import psycopg

from hotel_booking.domains.properties.place_data import search_form

NIGHTS = 400
TYPES = 5
_OF_A_CITY = 100
METROPOLIS = 2_000
_TIME_ZONES = (
    "America/Los_Angeles", "America/New_York", "America/Sao_Paulo", "Europe/London", "Europe/Berlin",
    "Asia/Dubai", "Asia/Kolkata", "Asia/Tokyo",
)  # fmt: skip
_COUNTRIES = ("US", "US", "BR", "GB", "DE", "AE", "IN", "JP")
_CURRENCIES = ("EUR", "USD", "GBP")


class City(msgspec.Struct, frozen=True):
    """A made-up city and the ids of its hotels: `first`, and so many."""

    id: int
    name: str
    country: str
    timezone: str
    lat: float
    lon: float
    first: int
    hotels: int


class Catalogue(msgspec.Struct, frozen=True):
    """What there is to search. `first` is the night of the first inventory."""

    properties: int
    cities: tuple[City, ...]
    first: date

    @property
    def metropolis(self) -> City | None:
        """The city of two thousand hotels, where there is one."""
        return next((city for city in self.cities if city.hotels == METROPOLIS), None)

    @property
    def towns(self) -> list[City]:
        """The cities of a hundred hotels (or fewer, in a catalogue too small for that)."""
        return [city for city in self.cities if city.hotels != METROPOLIS]


def catalogue_of(properties: int, first: date, *, each: int | None = None) -> Catalogue:
    """The cities of so many properties; `each` says how many hotels a city has."""
    sizes = [METROPOLIS] if properties >= 2 * METROPOLIS else []
    each = each or min(_OF_A_CITY, max(1, properties // 3))
    while (left := properties - sum(sizes)) > 0:
        sizes.append(min(each, left))
    cities, at = [], 1
    for number, hotels in enumerate(sizes):
        # Every 1.5 degrees from the south up, every 3 around: 180 km apart at 55 degrees.
        lat, lon = -50 + 1.5 * (number // 115), -172 + 3.0 * (number % 115)
        zone = min(7, int((lon + 180) / 45))
        cities.append(
            City(
                900_000_000 + number,
                f"Benchford {number}",
                _COUNTRIES[zone],
                _TIME_ZONES[zone],
                lat,
                lon,
                at,
                hotels,
            )
        )
        at += hotels
    return Catalogue(properties, tuple(cities), first)


def fill(url: str, catalogue: Catalogue, *, nights: int = NIGHTS) -> None:
    """Fill a migrated database with so many nights; the same catalogue each time. A million nights take some
    four seconds."""
    rng = random.Random(catalogue.properties)  # noqa: S311  # draws of a bench
    with psycopg.connect(url) as connection:
        # Triggers and references rest: what they would keep is written here, or is not asked for.
        connection.execute("SET session_replication_role = 'replica'")
        connection.execute("SELECT setseed(0.5)")
        _places(connection, catalogue)
        with connection.cursor() as cursor, cursor.copy(_COPY_PROPERTIES) as copy:
            for row in _properties(rng, catalogue):
                copy.write_row(row)
        for statement in _CATALOGUE.split(";"):
            connection.execute(statement)
        if nights:
            values = {"first": catalogue.first, "nights": nights}
            connection.execute(_ROOM_NIGHTS, values)
            connection.execute(_RATE_NIGHTS, values)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def _places(connection: psycopg.Connection[tuple[object, ...]], catalogue: Catalogue) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO place (id, kind, name, country, lat, lon, population, timezone)"
            " VALUES (%s, 'city', %s, %s, %s, %s, 100000, %s)",
            [(c.id, c.name, c.country, c.lat, c.lon, c.timezone) for c in catalogue.cities],
        )
        cursor.executemany(
            "INSERT INTO place_name (name, place_id, weight) VALUES (%s, %s, 100000)",
            [(search_form(city.name), city.id) for city in catalogue.cities],
        )
        cursor.executemany(
            "INSERT INTO exchange_rate (currency, per_euro, as_of) VALUES (%s, %s, %s)",
            [("USD", "1.0837", catalogue.first), ("GBP", "0.8561", catalogue.first)],
        )


_COPY_PROPERTIES = (
    "COPY property (slug, name, description, stars, place_id, address, postal_code, city, country, lat, lon,"
    " timezone, currency, amenities, email, phone, child_bands) FROM STDIN"
)
_WORDS = (
    "A house on a quiet street near the river, with a garden, a library and rooms that open to the sun."
    " Breakfast is served until noon, bread and cake come from the bakery next door, and the bar upstairs"
    " stays open for as long as somebody sits there. The station is a walk of ten minutes; bicycles stand in"
    " the yard."
)
AMENITIES = (5, 7, 22, 33, 35, 68, 71, 76, 77, 101)  # OpenTravel HAC


def _properties(rng: random.Random, catalogue: Catalogue) -> Iterator[tuple[object, ...]]:
    for city in catalogue.cities:
        for number in range(city.first, city.first + city.hotels):
            yield (
                slug(number), f"Hotel Bench {number}", f"{_WORDS} {number}", rng.randint(1, 5), city.id,
                f"{number} Bench Street", "12345", city.name, city.country,
                round(city.lat + rng.uniform(-0.1, 0.1), 5), round(city.lon + rng.uniform(-0.1, 0.1), 5),
                city.timezone, rng.choice(_CURRENCIES) if number % 10 == 0 else "EUR",
                sorted(rng.sample(AMENITIES, rng.randint(2, 6))), "desk@example.com", "+49 30 1234567",
                [6, 12],
            )  # fmt: skip


def slug(number: int) -> str:
    """The hotel's address, by its id."""
    return f"hotel-bench-{number}"


def room_type_ids(properties: int) -> tuple[int, int]:
    """The first and the last id of all room types: those of hotel h are 5h … 5h + 4."""
    return TYPES, TYPES * properties + TYPES - 1


_CATALOGUE = """
INSERT INTO cancellation_policy (id, property_id, code, name, steps, no_show) OVERRIDING SYSTEM VALUE
SELECT 2 * id, id, 'FLEX', 'Free until the day before',
       '[{"days_before": 1, "at": "18:00:00", "fee": {"kind": "percent", "value": 900000}}]'::jsonb,
       '{"kind": "percent", "value": 900000}'::jsonb FROM property
 UNION ALL
SELECT 2 * id + 1, id, 'NONE', 'Not refundable', '[]', '{"kind": "percent", "value": 1000000}' FROM property;
INSERT INTO tax (property_id, code, name, kind, value, charge_type, included)
SELECT id, 'VAT', 'VAT', 'percent', 70000, 19, true FROM property
 UNION ALL SELECT id, 'CITY', 'City tax', 'fixed', 250, 21, false FROM property;
INSERT INTO room_type (id, property_id, code, name, description, max_occupancy, max_adults, max_children,
                       extra_adult, child_amounts, beds, size_m2, amenities, sort) OVERRIDING SYSTEM VALUE
SELECT 5 * p.id + k, p.id, 'T' || k, (ARRAY['Single', 'Double', 'Twin', 'Family', 'Suite'])[k + 1] || ' room',
       'Wooden floor, a desk at the window, and a bath with daylight. Number ' || k || ' of this house.',
       2 + k / 2, 2 + k / 3, k / 2, 2500, '{0,1500}', '[{"type": "double", "count": 1}]', 16 + 4 * k,
       '{2,13,26,50,55,69,92,107}', k
  FROM property p, generate_series(0, 4) k;
INSERT INTO rate_plan (id, property_id, code, name, description, meal, policy_id, parent_id, adjust_kind,
                       adjust_value, adjust_per_person, sort) OVERRIDING SYSTEM VALUE
SELECT 3 * p.id + k, p.id, (ARRAY['FLEX', 'SAVER', 'BREAKFAST'])[k + 1],
       (ARRAY['Flexible', 'Saver', 'With breakfast'])[k + 1], '', CASE k WHEN 2 THEN 19 ELSE 14 END,
       2 * p.id + CASE k WHEN 1 THEN 1 ELSE 0 END, CASE WHEN k > 0 THEN 3 * p.id END,
       (ARRAY[NULL, 'percent', 'amount'])[k + 1], (ARRAY[NULL, -100000, 1200])[k + 1], k = 2, k
  FROM property p, generate_series(0, 2) k;
SELECT setval(pg_get_serial_sequence('room_type', 'id'), (SELECT max(id) FROM room_type));
SELECT setval(pg_get_serial_sequence('rate_plan', 'id'), (SELECT max(id) FROM rate_plan));
SELECT setval(pg_get_serial_sequence('cancellation_policy', 'id'), (SELECT max(id) FROM cancellation_policy))
"""
# Ten rooms, one night in twenty sold out, some restricted: two nights at least, or no arrival. The last type
# is for booking: it has rooms for as long as a bench may run.
_ROOM_NIGHTS = """
INSERT INTO room_night (room_type_id, night, physical, taken, min_stay_arrival, closed_to_arrival)
SELECT id, %(first)s::date + n, CASE WHEN id %% 5 = 4 THEN 5000 ELSE 10 END,
       CASE WHEN id %% 5 = 4 THEN 0 WHEN r < 0.05 THEN 10 ELSE floor(r * 8)::int END,
       CASE WHEN id %% 5 < 4 AND r BETWEEN 0.5 AND 0.55 THEN 2 END, id %% 5 < 4 AND r BETWEEN 0.6 AND 0.62
  FROM (SELECT t.id, n, random() AS r FROM room_type t, generate_series(0, %(nights)s - 1) AS n) AS drawn
"""
_RATE_NIGHTS = """
INSERT INTO rate_night (room_type_id, rate_plan_id, night, price)
SELECT t.id, 3 * t.property_id, %(first)s::date + n,
       6000 + (t.property_id * 7919) %% 19000 + 3000 * (t.id %% 5) + floor(random() * 2000)::int
  FROM room_type t, generate_series(0, %(nights)s - 1) AS n
"""
