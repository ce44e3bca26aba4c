"""A hotel's page: it offers what the API offers, in five languages, whatever the hotel has written."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, time
from html import unescape
from typing import Any

import pytest

from hotel_booking.core.db import Database
from hotel_booking.domains.properties.topics import PROPERTY_TOPICS, ROOM_TOPICS
from hotel_booking.domains.rates.cancellation import describe
from hotel_booking.domains.rates.types import CancellationPolicy, Fee, Step
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.code_names import (
    AMENITIES,
    MEALS,
    ROOM_AMENITIES,
    TAXES,
)
from hotel_booking.web import placeholder_art
from hotel_booking.web.i18n.conditions import Conditions
from tests.clients.http_client import running, settings_for
from tests.factories.small_hotel import SLUG, small_hotel

STAY = {"arrival": "2030-03-04", "departure": "2030-03-07"}
HOSTILE = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'


def forms(page: str) -> list[dict[str, list[str]]]:
    """The hidden fields of each form that chooses an offer."""
    found = re.findall(r'<form method="post" action="/\w\w/book">(.*?)</form>', page, re.DOTALL)
    fields: list[dict[str, list[str]]] = []
    for form in found:
        values: dict[str, list[str]] = {}
        for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', form):
            values.setdefault(name, []).append(unescape(value))
        fields.append(values)
    return fields


def linked_data(page: str) -> dict[str, Any]:
    """What the page tells search engines."""
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


async def test_every_offer_is_what_the_api_says(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=3, room_types=("DBL", "SGL"))
    question = {**STAY, "adults": "3", "children": "4", "rooms": "2"}
    async with running(settings_for(database_url)) as (_, client):
        page = (await client.get(f"/en/hotels/{SLUG}", params=question)).text
        told = (await client.get(f"/api/v1/properties/{SLUG}/offers", params=question)).json()
    chosen = {(form["room_type"][0], form["rate_plan"][0]): form for form in forms(page)}
    assert chosen.keys() == {(offer["room_type"], offer["rate_plan"]) for offer in told["offers"]}
    # Also what stands at the top says what it is for and what is in it.
    assert "nights, taxes included · 3 adults, 1 child, 2 rooms</span>" in page
    for form in chosen.values():
        assert form["property"] == [SLUG]
        assert (form["arrival"], form["departure"]) == ([STAY["arrival"]], [STAY["departure"]])
        assert form["adults"] == [str(room["adults"]) for room in told["rooms"]]
        assert form["children"] == [",".join(map(str, room["children"])) for room in told["rooms"]]
    prices = sorted(offer["price"] for offer in linked_data(page)["makesOffer"])
    assert prices == sorted(f"{offer['total']['amount'] / 100:.2f}" for offer in told["offers"])
    for offer in told["offers"]:
        assert f"€{offer['total']['amount'] / 100:,.2f}" in page


async def test_rooms_that_are_alike_are_priced_once(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=9, room_types=("DBL",))
    async with running(settings_for(database_url)) as (_, client):
        page, other = [
            (await client.get(f"/en/hotels/{SLUG}", params={**STAY, "rooms": "3", "adults": adults})).text
            for adults in ("6", "5")
        ]
        question = {**STAY, "rooms": "3", "adults": "6"}
        told = (await client.get(f"/api/v1/properties/{SLUG}/offers", params=question)).json()
    (cheapest, *_), total = told["offers"], re.compile(r"<dt>(.*?)</dt><dd>(.*?)</dd>")
    details = re.findall(r'<details class="explained">(.*?)</details>', page, re.DOTALL)
    assert len(details) == len(told["offers"])
    assert re.findall(r"<h5>(.*?)</h5>", details[0]) == ["3 rooms, each for 2 adults"]
    sums = dict(total.findall(details[0]))
    whole = cheapest["total"]["amount"]
    assert sums["Total per room"] == f"€{whole / 300:,.2f}"
    assert sums["3 rooms"] == f"€{whole / 100:,.2f}"
    # Those that differ stand for themselves.
    details = re.findall(r'<details class="explained">(.*?)</details>', other, re.DOTALL)
    assert re.findall(r"<h5>(.*?)</h5>", details[0]) == [
        "2 rooms, each for 2 adults",
        'Room 3 <span class="hint">1 adult</span>',
    ]


async def test_what_is_not_sold_says_why_and_leads_to_what_is(db: Database, database_url: str) -> None:
    ids = await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE room_night SET taken = physical WHERE room_type_id = $1 AND night = $2",
            ids["DBL"],
            date(2030, 3, 5),
        )
    async with running(settings_for(database_url)) as (_, client):
        page = (await client.get(f"/de/hotels/{SLUG}", params=STAY)).text
        assert "Ausgebucht am" in page
        assert "sold out" not in page
        fix = re.search(r'<a class="fix" href="([^"#]+)', page)
        assert fix is not None
        assert forms((await client.get(f"/de/hotels/{SLUG}{unescape(fix[1])}")).text)


async def test_what_the_hotel_wrote_is_only_text(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute("UPDATE property SET name = $1, description = $1, address = $1, city = $1", HOSTILE)
        await tx.execute("UPDATE room_type SET name = $1, description = $1", HOSTILE)
        await tx.execute("UPDATE rate_plan SET name = $1", HOSTILE)
    async with running(settings_for(database_url)) as (_, client):
        page = (await client.get(f"/en/hotels/{SLUG}", params=STAY)).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert linked_data(page)["name"] == HOSTILE


async def test_a_hotels_address_may_be_typed_in_capitals(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with running(settings_for(database_url)) as (_, client):
        sent = await client.get(f"/en/hotels/{SLUG.upper()}", params=STAY)
        page = await client.get(sent.headers["location"])
        odd = await client.get("/en/hotels/A%0D%0AB")
    assert (sent.status_code, page.status_code, odd.status_code) == (301, 200, 404)
    assert f"/en/hotels/{SLUG}?" in str(page.url)
    assert STAY["arrival"] in str(page.url)


async def test_an_unknown_hotel_is_answered_kindly(db: Database, database_url: str) -> None:
    async with running(settings_for(database_url)) as (_, client):
        answer = await client.get("/fr/hotels/nowhere")
    assert answer.status_code == 404
    assert '<meta name="robots" content="noindex">' in answer.text
    assert "canonical" not in answer.text
    assert "Nous n’avons pas trouvé cet hôtel" in answer.text


async def test_what_is_wrong_stands_beside_its_field_and_is_kept(db: Database, database_url: str) -> None:
    await small_hotel(db)
    wrong = {"arrival": "2020-01-01", "departure": "soon", "adults": "0", "children": "abc", "rooms": "99"}
    async with running(settings_for(database_url)) as (_, client):
        answer = await client.get(f"/en/hotels/{SLUG}", params=wrong)
    assert answer.status_code == 200
    for name, value in wrong.items():
        assert f'id="stay-{name}-below"' in answer.text
        assert f'value="{value}"' in answer.text


async def test_a_stay_is_chosen_in_the_calendar_by_two_links(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with running(settings_for(database_url)) as (_, client):
        page = (await client.get(f"/en/hotels/{SLUG}", params={"arrival": "2030-03-04"})).text
    assert "Now choose your departure date" in page
    assert not forms(page)


async def test_nearby_dates_are_promised_only_where_they_are_given(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=4)
    promise, why = "what’s available on nearby dates", "Below you’ll see why"
    async with running(settings_for(database_url)) as (_, client):
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET taken = physical WHERE night = '2030-03-05'")
        given = (await client.get(f"/en/hotels/{SLUG}", params=STAY)).text
        assert promise in given
        assert 'class="fix"' in given
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET taken = physical")
        none = (await client.get(f"/en/hotels/{SLUG}", params=STAY)).text
        assert 'class="fix"' not in none
        assert promise not in none
        assert why in none


async def test_more_rooms_are_named_only_with_whether_they_are_free(db: Database, database_url: str) -> None:
    await small_hotel(db, rooms=4)
    large = STAY | {"adults": "7"}  # three rooms, one more than a look around would try
    async with running(settings_for(database_url)) as (_, client):
        free = (await client.get(f"/en/hotels/{SLUG}", params=large)).text
        assert "Available for your party in 3 rooms" in free
        assert "they aren’t available" not in free
        async with db.transaction() as tx:
            await tx.execute("UPDATE room_night SET taken = 2")
        sold = (await client.get(f"/en/hotels/{SLUG}", params=large)).text
        assert "Your party fits into 3 rooms, but they aren’t available on your dates" in sold
        assert "rooms=3" not in sold
        assert "nearby dates" not in sold


async def test_the_page_is_not_sent_twice(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with running(settings_for(database_url)) as (_, client):
        first = await client.get(f"/en/hotels/{SLUG}")
        again = await client.get(f"/en/hotels/{SLUG}", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


async def test_pictures_are_drawn_and_kept(db: Database, database_url: str) -> None:
    await small_hotel(db)
    async with running(settings_for(database_url)) as (_, client):
        page = (await client.get(f"/en/hotels/{SLUG}")).text
        shown = dict(re.findall(r'<img src="(/art/[^"]+)"[^>]* alt="([^"]*)"', page))
        assert {alt.split(":")[0] for alt in shown.values()} == {"Illustration"}
        names = {address.split("/")[3].split(".")[0] for address in shown}
        assert names >= {placeholder_art.COVER, placeholder_art.LOBBY, placeholder_art.BATHROOM}
        for address in shown:
            picture = await client.get(address)
            assert picture.headers["content-type"].startswith("image/svg+xml")
            assert "immutable" in picture.headers["cache-control"]
            assert picture.text.startswith("<svg")
        again = await client.get(address, headers={"if-none-match": picture.headers["etag"]})
        assert again.status_code == 304
        # An address of before is still answered, with a street, and not kept for long.
        old = await client.get(f"/art/{SLUG}/cover.0123456789ab.svg")
        assert old.text == placeholder_art.draw(SLUG)
        assert old.headers["cache-control"] == "public, max-age=3600"
        bad = ("cover.city-sea.svg", "else.svg", "room-.svg", "cover.city-sea-plain-oak-tiled-warm.svg")
        for path in ("/art/A..b/cover.svg", *(f"/art/{SLUG}/{name}" for name in bad)):
            assert (await client.get(path)).status_code == 404, path


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "Free cancellation until 30 March 2030, 18:00 (Lisbon time)"),
        ("de", "Kostenlose Stornierung bis 30. März 2030, 18:00 Uhr (Ortszeit Lissabon)"),
        ("fr", "Annulation gratuite jusqu\u2019au 30 mars 2030 à 18:00 (heure locale, Lisbonne)"),
        ("es", "Cancelación gratuita hasta el 30 de marzo de 2030, 18:00 (hora de Lisboa)"),
        ("ar", "إلغاء مجاني حتى"),
    ],
)
def test_a_deadline_is_said_by_the_clock_of_the_hotel(language: str, sentence: str) -> None:
    """Lisbon's clocks change on 31 March 2030: the deadline of the evening before is 18:00 on both sides."""
    policy = CancellationPolicy("F", "F", (Step(1, time(18), Fee("nights", 1)),), Fee("percent", 1_000_000))
    terms = describe(
        policy,
        arrival=date(2030, 3, 31),
        timezone="Europe/Lisbon",
        currency="EUR",
        total=20_000,
        night_totals=[10_000, 10_000],
        at=datetime(2030, 3, 1, tzinfo=UTC),
    )
    said = Conditions(language, translations(language)).cancellation(
        terms, total=20_000, currency="EUR", timezone="Europe/Lisbon"
    )
    assert said.kind == "free"
    assert said.headline.startswith(sentence)
    assert len(said.sentences) == 3


def test_an_hour_that_comes_twice_says_which() -> None:
    tell = Conditions("en", translations("en"))
    first, second = datetime(2030, 10, 27, 0, 30, tzinfo=UTC), datetime(2030, 10, 27, 1, 30, tzinfo=UTC)
    said = {tell.moment(first, "Europe/Lisbon"), tell.moment(second, "Europe/Lisbon")}
    assert len(said) == 2


@pytest.mark.parametrize("language", ["de", "fr", "es", "ar"])
def test_codes_have_words_in_every_language(language: str) -> None:
    words = translations(language)
    kept = {*AMENITIES.values(), *ROOM_AMENITIES.values(), *MEALS.values(), *TAXES}
    missing = [word for word in kept if words.gettext(word) == word and not _same(word)]
    assert not missing
    assert {code for codes in PROPERTY_TOPICS.values() for code in codes} == AMENITIES.keys()
    assert {code for codes in ROOM_TOPICS.values() for code in codes} == ROOM_AMENITIES.keys()


def _same(word: str) -> bool:
    """Whether a word is the same in several languages."""
    same = "Accessible Concierge Golf Kitchenette Massages Minibar Parking Patio Pool Restaurant Safe Sauna"
    return word in {*same.split(), "Piano bar", "Sofa", "Spa", "TV", "Telephone", "Whirlpool", "Wi-Fi"}


@pytest.mark.parametrize(
    ("language", "said"), [("en", "We have no exchange rate between KWD and EUR."), ("ar", None)]
)
async def test_amounts_that_are_not_there_are_no_guide(
    db: Database, database_url: str, language: str, said: str | None
) -> None:
    await small_hotel(db)
    async with db.transaction() as tx:
        await tx.execute(
            "INSERT INTO exchange_rate (currency, per_euro, as_of, source)"
            " VALUES ('EUR', 1, '2030-01-01', 'ecb'), ('USD', 2, '2030-01-01', 'ecb')"
        )
    guide = translations(language).gettext(
        "Amounts in %(currency)s are a guide only, based on reference rates. You’ll be charged in %(own)s."
    )
    none = said or translations(language).gettext(
        "We have no exchange rate between %(currency)s and %(own)s. Prices are in %(own)s."
    )
    stay = f"/{language}/hotels/{SLUG}?arrival=2030-03-04&departure=2030-03-06&adults=2"
    async with running(settings_for(database_url)) as (_, client):
        known = (await client.get(f"{stay}&currency=USD")).text
        unknown = (await client.get(f"{stay}&currency=KWD")).text
    assert guide % {"currency": "USD", "own": "EUR"} in known
    assert "≈" in known
    assert none % {"currency": "KWD", "own": "EUR"} in unknown
    assert guide % {"currency": "KWD", "own": "EUR"} not in unknown
    assert "≈" not in unknown
