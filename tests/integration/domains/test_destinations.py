"""What a destination means that somebody typed: hotels, cities, regions and countries in every script,
decided where it is sure and asked where it is not; on the whole of GeoNames."""

from __future__ import annotations

from typing import cast

import pytest

from hotel_booking.core.db import Database, Transaction
from hotel_booking.domains.properties.destinations import Destination, destination
from hotel_booking.domains.properties.places import find_places, place_by_id
from hotel_booking.domains.properties.queries import nearest_hotel
from hotel_booking.domains.properties.similarity import distance, resembles
from tests.factories.world import Counting, make_property


@pytest.fixture
def tx(among_places: Transaction) -> Transaction:
    return among_places


def said(found: Destination) -> str:
    """`kind name` of what is meant, or `?`."""
    return f"{found.meant.hit.kind} {found.meant.hit.name}" if found.meant else "?"


# Names in every script, with hyphens, apostrophes, accents and letters that do not come apart.
HOTELS = (
    ("sea-view", "Sea View", "Lisbon"),
    ("ritz", "Hôtel Ritz", "Paris"),
    ("smorrebrod", "Smørrebrød Hotel", "Copenhagen"),
    ("lodz", "Hotel Łódź", "Łódź"),
    ("strasse", "Große Straße", "Berlin"),
    ("thing", "Þingvellir Lodge", "Reykjavík"),
    ("isik", "Işık Otel", "Istanbul"),  # noqa: RUF001  # a Turkish name
    ("muller", "Gasthof Müller", "Munich"),
    ("laquila", "L’Aquila d’Oro", "Rome"),
    ("saint-jean", "Saint-Jean-de-Luz Palace", "Bayonne"),
    ("acropolis", "Ξενοδοχείο Ακρόπολη", "Athens"),
    ("metropol", "Гостиница Ёлка", "Moscow"),
    ("sakura", "東京さくらホテル", "Tokyo"),
    ("han", "서울한옥호텔", "Seoul"),
    ("nour", "فندق أحمد", "Cairo"),
)


async def test_a_hotel_typed_by_its_name_is_that_hotel_in_every_script(tx: Transaction) -> None:
    for slug, name, city in HOTELS:
        await make_property(tx, slug, name=name)
        await tx.execute("UPDATE property SET city = $2 WHERE slug = $1", slug, city)
    for typed, slug in (
        ("Sea View", "sea-view"),
        ("sea  view", "sea-view"),
        ("seaview", "sea-view"),
        ("Sea View Lisbon", "sea-view"),
        ("sea viev", "sea-view"),
        ("hotel ritz", "ritz"),
        ("RITZ", "ritz"),
        ("smorrebrod hotel", "smorrebrod"),
        ("Smørrebrød", "smorrebrod"),
        ("smoerrebroed hotel", "smorrebrod"),
        ("hotel lodz", "lodz"),
        ("grosse strasse", "strasse"),
        ("GROSSE STRASSE", "strasse"),
        ("thingvellir lodge", "thing"),
        ("þingvellir", "thing"),
        ("isik otel", "isik"),
        ("IŞIK OTEL", "isik"),
        ("gasthof mueller", "muller"),
        ("Gasthof Muller", "muller"),
        ("l'aquila d'oro", "laquila"),
        ("l aquila d oro", "laquila"),
        ("saint jean de luz palace", "saint-jean"),
        ("ξενοδοχειο ακροπολη", "acropolis"),
        ("ΑΚΡΌΠΟΛΗ", "acropolis"),
        ("гостиница елка", "metropol"),
        ("гостинница ёлка", "metropol"),
        ("東京さくらホテル", "sakura"),
        ("東京サクラホテル", "sakura"),
        ("서울한옥", "han"),
        ("فندق احمد", "nour"),
    ):
        found = await destination(tx, typed)
        assert found.meant is not None, typed
        assert found.meant.hit.slug == slug, (typed, said(found))
        hits = await find_places(tx, typed, limit=8)
        assert hits[0].slug == slug, (typed, hits)


async def placed(tx: Transaction, slug: str, name: str, city: str, place: str) -> None:
    """A hotel in a city that GeoNames has as `place`, of the same country."""
    await make_property(tx, slug, name=name)
    await tx.execute(
        "UPDATE property SET city = $2, place_id = p.id, country = p.country, lat = p.lat, lon = p.lon"
        "  FROM place p WHERE slug = $1 AND p.kind = 'city' AND p.name = $3"
        "   AND p.population = (SELECT max(population) FROM place WHERE kind = 'city' AND name = $3)",
        slug,
        city,
        place,
    )


async def test_a_hotel_is_meant_by_its_name_before_where_it_lies(tx: Transaction) -> None:
    await placed(tx, "grand", "Wayfinch Grand Lisbon", "Lisbon", "Lisbon")
    await placed(tx, "rose", "Gasthof zur Röse", "München", "Munich")
    await placed(tx, "bay", "Bay Window San Francisco", "San Francisco", "San Francisco")
    await placed(tx, "sakura", "さくらホテル", "Tokyo", "Tokyo")
    await placed(tx, "central-de", "Central House", "Munich", "Munich")
    await placed(tx, "central-pt", "Central House", "Lisbon", "Lisbon")
    await placed(tx, "gone", "Gone House", "Lisbon", "Lisbon")
    await tx.execute("UPDATE property SET active = false WHERE slug = 'gone'")
    for typed, slug in (
        ("Wayfinch Grand Lisbon, Portugal", "grand"),
        ("Wayfinch Grand Lisbon, Lisbon, Portugal", "grand"),
        ("Wayfinch Grand Lisbon, Lissabon, Portugal", "grand"),
        ("wayfinch grand lisbon لشبونة", "grand"),
        ("Wayfinch Grand Lisbon البرتغال", "grand"),
        ("Gasthof zur Roese, Bayern, Deutschland", "rose"),
        ("Gasthof zur Rose, Munich, Allemagne", "rose"),
        ("Bay Window San Francisco, San Francisco, United States", "bay"),
        ("Bay Window San Francisco, California", "bay"),
        ("さくらホテル 日本", "sakura"),
        ("Central House, Germany", "central-de"),
        ("Central House, Lisboa", "central-pt"),
    ):
        found = await destination(tx, typed)
        assert found.meant is not None, typed
        assert found.meant.hit.slug == slug, (typed, said(found))
        hits = await find_places(tx, typed, limit=8)
        assert [hit.slug for hit in hits] == [slug], (typed, hits)
    for typed in ("Wayfinch Grand Lisbon, Germany", "Gone House, Portugal", "Central House"):
        assert said(await destination(tx, typed)) == "?", typed
    counting = Counting(tx)
    await destination(cast(Transaction, counting), "Wayfinch Grand Lisbon, Portugal")
    assert len(counting.statements) <= 8


async def test_the_word_for_hotel_stands_beside_a_name_in_every_language(tx: Transaction) -> None:
    await placed(tx, "grand", "Wayfinch Grand Lisbon", "Lisbon", "Lisbon")
    await placed(tx, "ritz", "Hotel Ritz", "Paris", "Paris")
    await placed(tx, "merlin", "Hotel Merlin", "Munich", "Munich")
    for typed, meant in (
        ("hotels in Lisbon", "place Lisbon"),
        ("Lisbon hotels", "place Lisbon"),
        ("Hotel Lissabon", "place Lisbon"),
        ("Hotels in München", "place Munich"),
        ("hôtels à Paris", "place Paris"),
        ("hoteles en Madrid", "place Madrid"),
        ("فنادق في القاهرة", "place Cairo"),
        ("فندق القاهرة", "place Cairo"),
        ("Hotel Berlin", "place Berlin"),  # not Hotel Merlin, which merely looks alike
        ("hotels in Portugal", "country Portugal"),
        ("hotel wayfinch grand lisbon", "property Wayfinch Grand Lisbon"),
        ("Wayfinch Grand Hotel", "property Wayfinch Grand Lisbon"),
        ("Hotel Wayfinch Grand Lisbon, Portugal", "property Wayfinch Grand Lisbon"),
        ("Hotel Ritz", "property Hotel Ritz"),
        ("hotel rits", "property Hotel Ritz"),
        ("cheap hotels in Madrid", "place Madrid"),
        ("東京 ホテル", "place Tokyo"),
        ("отель Москва", "place Moscow"),
        ("otel istanbul", "place Istanbul"),
        ("istanbul otelleri", "place Istanbul"),
        ("東京ホテル", "place Tokyo"),
        ("東京のホテル", "place Tokyo"),
        ("ﾎﾃﾙ東京", "place Tokyo"),
        ("東京酒店", "place Tokyo"),
        ("在东京的酒店", "place Tokyo"),
        ("东京饭店", "place Tokyo"),
        ("서울호텔", "place Seoul"),
        ("서울의 호텔", "place Seoul"),
        ("โรงแรมกรุงเทพ", "place Bangkok"),
        ("โรงแรมในกรุงเทพ", "place Bangkok"),
        ("khách sạn Hà Nội", "place Hanoi"),
        ("ホテル 日本", "country Japan"),
        ("日本ホテル", "country Japan"),
        ("פריז מלון", "place Paris"),
        ("מלונות בפריז", "place Paris"),
        ("מלון ברלין", "place Berlin"),
        ("فنادق بباريس", "place Paris"),
        ("فنادق برلين", "place Berlin"),
        ("هتل تهران", "place Tehran"),
        ("दिल्ली में होटल", "place Delhi"),
        ("ξενοδοχεία στην Αθήνα", "place Athens"),
        ("hotele w Warszawa", "place Warsaw"),
        ("ホテル", "?"),
        ("酒店", "?"),
        ("hotels in", "?"),
        ("hotel", "?"),  # and not the Hôtel-de-Ville of Paris
        ("فندق", "?"),
        ("hotel qqqqzzzz", "?"),
    ):
        assert said(await destination(tx, typed)) == meant, typed
        if meant != "?":
            hits = await find_places(tx, typed, limit=8)
            assert f"{hits[0].kind} {hits[0].name}" == meant, (typed, hits)


async def test_suggestions_follow_every_letter_of_a_hotels_name(tx: Transaction) -> None:
    for slug, name, _ in HOTELS:
        await make_property(tx, slug, name=name)
    for slug, name, _ in HOTELS:
        for letters in range(1 if not name.isascii() else 3, len(name) + 1):
            slugs = [hit.slug for hit in await find_places(tx, name[:letters], limit=8)]
            assert slug in slugs, name[:letters]


async def test_countries_and_regions_are_places_in_many_languages(tx: Transaction) -> None:
    for typed, meant in (
        ("Portugal", "country Portugal"),
        ("Germany", "country Germany"),
        ("Deutschland", "country Germany"),
        ("Allemagne", "country Germany"),
        ("ألمانيا", "country Germany"),
        ("Германия", "country Germany"),
        ("ドイツ", "country Germany"),
        ("USA", "country United States"),
        ("Holland", "country The Netherlands"),
        ("Algarve", "region Faro"),
        ("Bavaria", "region Bavaria"),
        ("Bayern", "region Bavaria"),
        ("Toskana", "region Tuscany"),
        ("Kalifornien", "region California"),
        ("Andalousie", "region Andalusia"),
        ("Крит", "region Crete"),
        ("Luxembourg", "country Luxembourg"),
    ):
        assert said(await destination(tx, typed)) == meant, typed
    for typed, meant in (
        ("Madrid", "place Madrid"),
        ("New York", "place New York City"),
        ("Tokyo", "place Tokyo"),
        ("Munich", "place Munich"),
        ("MÜNCHEN", "place Munich"),
        ("Muenchen", "place Munich"),
        ("muc", "place Munich"),
        ("Lissabon", "place Lisbon"),
        ("Αθηνα", "place Athens"),
        ("Москва", "place Moscow"),
        ("東京", "place Tokyo"),
        ("Saint Denis", "place Saint-Denis"),
        ("l aquila", "place L'Aquila"),
        ("Washington", "place Washington"),
    ):
        assert said(await destination(tx, typed)) == meant, typed


async def test_well_known_cities_have_names_in_the_sites_languages(tx: Transaction) -> None:
    for typed, language, name in (
        ("Lisbon", "de", "Lissabon"),
        ("Vienna", "fr", "Vienne"),
        ("Tokyo", "es", "Tokio"),
        ("Cairo", "ar", "القاهرة"),
        ("Zürich", "de", "Zürich"),
        ("Freising", "de", "Freising"),
        ("Lisbon", "en", "Lisbon"),
        ("Munich", "de", "München"),
        ("Munich", "fr", "Munich"),
        ("Florence", "de", "Florenz"),
        ("Venice", "fr", "Venise"),
        ("Milan", "es", "Milán"),
        ("Nice", "de", "Nizza"),
        ("Kraków", "de", "Krakau"),
        ("Cape Town", "de", "Kapstadt"),
        ("Edinburgh", "fr", "Édimbourg"),
        ("Hamburg", "fr", "Hambourg"),
        ("Sevilla", "fr", "Séville"),
        ("Sevilla", "en", "Seville"),
        ("Dublin", "es", "Dublín"),
        ("Barcelona", "ar", "برشلونة"),
        ("Reykjavík", "de", "Reykjavík"),
        ("Reykjavík", "es", "Reikiavik"),
        ("Poughkeepsie", "ar", "بكبسي"),
        ("Bavaria", "de", "Bayern"),
        ("Upper Austria", "de", "Oberösterreich"),
        ("Lombardy", "de", "Lombardei"),
        ("Scotland", "fr", "Écosse"),
        ("Catalonia", "ar", "كتالونيا"),
    ):
        found = await place_by_id(tx, (await find_places(tx, typed, limit=1))[0].id)
        assert found is not None
        assert found.called_in(language).name == name, (typed, language)


async def test_a_slip_is_forgiven_and_a_guess_is_asked_about(tx: Transaction) -> None:
    for typed, meant in (
        ("lisbin", "place Lisbon"),
        ("barclona", "place Barcelona"),
        ("sam fransisco", "place San Francisco"),
        ("Масква", "place Moscow"),
        ("pari", "place Paris"),
    ):
        assert said(await destination(tx, typed)) == meant, typed
    for typed in ("san", "s", "Germani Town West", "springfeld", "qqqqzzzzxxxx", "Springfield", "port"):
        found = await destination(tx, typed)
        assert found.meant is None, (typed, said(found))
    for typed in ("san", "Springfield"):
        assert len((await destination(tx, typed)).others) >= 3


async def test_a_place_is_also_typed_with_what_it_lies_in(tx: Transaction) -> None:
    """As suggestions write it, and as people write addresses."""
    for typed, meant in (
        ("Paris, France", "FR"),
        ("paris texas", "US"),
        ("Munich, Bavaria, Germany", "DE"),
        ("München, Deutschland", "DE"),
        ("London UK", "GB"),
        ("Springfield, Illinois", "US"),
        ("Portland, Oregon, USA", "US"),
        ("San Francisco, California, United States", "US"),
        ("باريس، فرنسا", "FR"),
        ("東京 日本", "JP"),
    ):
        found = await destination(tx, typed)
        assert found.meant is not None, typed
        assert found.meant.hit.kind == "place", typed
        assert found.meant.hit.country == meant, typed
    # Two regions have one, which country it is does not tell; and no country has this one.
    assert said(await destination(tx, "Springfield, United States")) == "?"
    assert len((await destination(tx, "Springfield, United States")).others) >= 3
    assert (await destination(tx, "Lisbon, Germany")).meant is None
    assert (await destination(tx, "Munich, Bavaria, Spain")).meant is None


async def test_what_is_no_name_is_like_none(tx: Transaction) -> None:
    for slug, name, _ in HOTELS:
        await make_property(tx, slug, name=name)
    for typed in (
        "aaaa",
        "zzzz",
        "zzzzzz",
        "bbbb",
        "asdf",
        "kkkk",
        "blabla",
        "qwertz",
        "жжжжж",
        "ああああ",
        "لللل",
    ):
        assert await find_places(tx, typed, limit=8) == [], typed
        assert await destination(tx, typed) == Destination(None), typed
    # Where letters are wrong, only what these could be.
    for typed, names in (
        ("hello", {"Bello"}),
        ("warzawa", {"Warsaw"}),
        ("lonodn", {"London"}),
        ("munichh", {"Munich"}),
        ("nwe york", {"New York City", "New York"}),
        ("sea viev", {"Sea View"}),
        ("gasthf mullr", {"Gasthof Müller"}),
        ("palma mallorka", {"Palma"}),
    ):
        assert {hit.name for hit in await find_places(tx, typed, limit=8)} == names, typed


async def test_the_place_with_hotels_of_ours_is_meant_and_the_others_are_named(tx: Transaction) -> None:
    assert said(await destination(tx, "Springfield")) == "?"
    await make_property(tx, "lincoln", at=(39.8, -89.65), country="US")
    found = await destination(tx, "Springfield")
    assert found.meant is not None
    assert found.meant.hit.region == "Illinois"
    assert {one.hit.region for one in found.others} >= {"Missouri", "Massachusetts"}


async def test_two_hotels_of_one_name_are_asked_about_and_a_key_decides(tx: Transaction) -> None:
    for slug in ("grand-one", "grand-two"):
        await make_property(tx, slug, name="Grand Hotel Imperial")
    found = await destination(tx, "grand hotel imperial")
    assert found.meant is None
    assert {one.hit.slug for one in found.others} >= {"grand-one", "grand-two"}
    found = await destination(tx, "grand hotel imperial", key="hotel:grand-two")
    assert found.meant is not None
    assert found.meant.hit.slug == "grand-two"
    assert said(await destination(tx, "", key="2988507")) == "place Paris"
    assert said(await destination(tx, "PARIS", key="4717560")) == "place Paris"
    found = await destination(tx, "PARIS", key="4717560")
    assert found.meant is not None
    assert found.meant.hit.region == "Texas"
    # What was typed over a choice is meant, and not the choice.
    assert said(await destination(tx, "Lisbon", key="2988507")) == "place Lisbon"
    assert said(await destination(tx, "Lisbon", key="hotel:gone")) == "place Lisbon"
    await tx.execute("UPDATE property SET active = false WHERE slug = 'grand-two'")
    found = await destination(tx, "grand hotel imperial")
    assert found.meant is not None
    assert found.meant.hit.slug == "grand-one"


async def test_a_hotel_is_found_by_its_name_in_another_language(tx: Transaction) -> None:
    hotel = await make_property(tx, "rose", name="The Rose")
    await tx.execute(
        "INSERT INTO translation VALUES ($1, 'property', $1, 'de', 'name', 'Gasthaus zur Rose')", hotel.id
    )
    hits = await find_places(tx, "gasthaus zur r", limit=5)
    assert [(hit.slug, hit.name, hit.matched) for hit in hits][:1] == [
        ("rose", "The Rose", "Gasthaus zur Rose")
    ]
    await tx.execute("UPDATE property SET name = 'The Lily' WHERE id = $1", hotel.id)
    await tx.execute("DELETE FROM translation WHERE object_id = $1", hotel.id)
    assert "rose" not in [hit.slug for hit in await find_places(tx, "zur rose", limit=5)]
    assert [hit.slug for hit in await find_places(tx, "the lily", limit=5)][:1] == ["rose"]


async def test_nothing_that_is_typed_breaks_it_and_it_takes_at_most_seven_statements(tx: Transaction) -> None:
    for typed in (
        "",
        " ",
        "%",
        "_",
        "\\",
        "\x00",
        "\ud800",
        "'; DROP TABLE place; --",
        "\u200f",
        "9" * 30,
        "ab" * 500,
    ):
        assert (await destination(tx, typed)).meant is None
    for typed in ("b", "be", "berl", "barclona", "zzzzqq", "Масква", "東京", "Springfield", "Paris, Frence"):
        counting = Counting(tx)
        await destination(cast(Transaction, counting), typed)
        assert len(counting.statements) <= 7


def test_slips_are_counted_in_letters_and_by_sound() -> None:
    pairs = (("lisbon", "lisbin", 1), ("new york", "new yrok", 1), ("a", "", 1), ("ab", "ba", 1))
    for one, other, count in (*pairs, ("москва", "масква", 1), ("kitten", "sitting", 3)):
        assert distance(one, other) == distance(other, one) == count


def test_what_shares_letters_with_a_name_is_no_slip_for_it() -> None:
    for typed, name in (
        ("lisbn", "lisbon"),
        ("barclna", "barcelona"),
        ("wayfinch harbr", "wayfinch harbour sydney"),
        ("мюнхн", "мюнхен"),
        ("里斯木海港", "莱芬里斯本海港酒店"),
    ):
        assert resembles(typed, name), typed
    for typed, name in (
        ("aaaa", "aabenraa"),
        ("aaaa", "макао аәа"),
        ("bbbb", "ببا"),
        ("la", "lima"),
        ("munich germany", "munich"),
        ("wayfinch harbr", "wayfinch laguna azul"),
    ):
        assert not resembles(typed, name), typed


@pytest.mark.parametrize(
    ("at", "slug"),
    [((38.7, -9.1), "lisbon"), ((10.0, 0.0), "lisbon"), ((-36.8, 174.7), "suva"), ((-89.0, 10.0), "suva")],
)
async def test_the_nearest_hotel_is_found_however_far_it_is(
    db: Database, at: tuple[float, float], slug: str
) -> None:
    """Near ones are found by their latitude; one that lies beyond a band is not passed over."""
    async with db.transaction() as tx:
        assert await nearest_hotel(tx, *at) is None
        await make_property(tx, "lisbon", at=(38.7, -9.1))
        await make_property(tx, "suva", at=(-18.1, 178.4))
        found = await nearest_hotel(tx, *at)
    assert found is not None
    assert found.slug == slug


async def test_a_region_or_country_is_also_typed_by_its_code(tx: Transaction) -> None:
    """As addresses are written, and as many search boxes show a place."""
    for typed, where in (
        ("Portland, OR", "Oregon"),
        ("portland or", "Oregon"),
        ("Portland, ME", "Maine"),
        ("Portland, OR, USA", "Oregon"),
        ("Portland, OR, US", "Oregon"),
        ("Paris, FR", "Île-de-France"),
        ("Paris TX", "Texas"),
        ("Paris, TX, Vereinigte Staaten", "Texas"),
        ("Sydney, NSW", "New South Wales"),
        ("Sydney NSW, Australia", "New South Wales"),
        ("Vancouver, BC", "British Columbia"),
        ("Vancouver, WA", "Washington"),
        ("Cambridge, MA", "Massachusetts"),
        ("Cambridge, GB", "England"),
        ("Springfield, IL", "Illinois"),
        ("Los Angeles, CA", "California"),
        ("London, CA", "Ontario"),
        ("London, ON", "Ontario"),
        ("Rom, IT", "Lazio"),
        ("Köln, DE", "North Rhine-Westphalia"),
        ("München, BY", "Bavaria"),
        ("Munich, Bavaria, DE", "Bavaria"),
        ("باريس، FR", "Île-de-France"),
        ("東京, JP", "Tokyo"),
        ("hotels in Portland, OR", "Oregon"),
    ):
        found = await destination(tx, typed)
        assert found.meant is not None, typed
        assert (found.meant.hit.kind, found.meant.hit.region) == ("place", where), (typed, said(found))
        hits = await find_places(tx, typed, limit=8)
        assert (hits[0].kind, hits[0].region) == ("place", where), (typed, hits)
    assert (await destination(tx, "Lisbon, DE")).meant is None
    assert (await destination(tx, "Portland, OR, Australia")).meant is None
    # What is only half typed is found as before.
    for typed, name in (("rio de", "Rio de Janeiro"), ("santiago de", "Santiago de Querétaro")):
        assert (await find_places(tx, typed, limit=8))[0].name == name


async def test_a_hotel_is_also_typed_with_the_code_of_where_it_lies(tx: Transaction) -> None:
    await placed(tx, "bay", "Bay Window", "San Francisco", "San Francisco")
    await placed(tx, "central-de", "Central House", "Munich", "Munich")
    await placed(tx, "central-pt", "Central House", "Lisbon", "Lisbon")
    for typed, slug in (
        ("Bay Window, San Francisco, CA", "bay"),
        ("Bay Window, CA", "bay"),
        ("Bay Window, CA, USA", "bay"),
        ("Central House, PT", "central-pt"),
        ("Central House, Munich, BY", "central-de"),
        ("Central House, München, DE", "central-de"),
        ("Central House, BY", "central-de"),
    ):
        found = await destination(tx, typed)
        assert found.meant is not None, typed
        assert found.meant.hit.slug == slug, (typed, said(found))
    assert said(await destination(tx, "Bay Window, TX")) == "?"
    assert said(await destination(tx, "Central House, Munich, PT")) == "?"
