"""In which language and script places are suggested and named, on the whole of GeoNames; every city of the
demo in every language; and what is no part of a name."""

# ruff: noqa: RUF001  # letters that look alike are what this is about

from __future__ import annotations

import re
import tomllib
from importlib.resources import files

import pytest

from hotel_booking.core.db import Transaction
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.domains.properties.called import city_called, readable, town
from hotel_booking.domains.properties.city_names import cleaned, in_arabic
from hotel_booking.domains.properties.destinations import destination
from hotel_booking.domains.properties.places import found, place_by_id
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.web.search.destinations import suggestion


async def suggested(tx: Transaction, language: str, typed: str) -> list[tuple[str, str]]:
    """Name and detail of what is suggested."""
    texts = translations(language)
    given = [suggestion(one, language, texts) for one in await found(tx, typed, limit=8)]
    return [(one.name, one.detail) for one in given]


async def test_the_first_suggestion_is_called_as_in_the_pages_language(among_places: Transaction) -> None:
    for language, typed, first in (
        ("de", "münch", ("München", "Bayern, Deutschland")),
        ("de", "Muenchen", ("München", "Bayern, Deutschland")),
        ("de", "Munich", ("München", "Munich, Bayern, Deutschland")),
        ("de", "österr", ("Österreich", "Land")),
        ("de", "germ", ("Deutschland", "Land, Germany")),
        ("fr", "münch", ("Munich", "München, Bavière, Allemagne")),
        ("en", "münch", ("Munich", "München, Bavaria, Germany")),
        ("en", "東京", ("Tokyo", "東京, Japan")),
        ("fr", "édim", ("Édimbourg", "Écosse, Royaume-Uni")),
        ("es", "londr", ("Londres", "Inglaterra, Reino Unido")),
        ("es", "мюнх", ("Múnich", "Мюнхен, Baviera, Alemania")),
        ("fr", "wallon", ("Wallonie", "Région, Belgique")),
        ("es", "getafe", ("Getafe", "Madrid, España")),
        ("es", "pamplona", ("Pamplona", "Navarra, España")),
        ("fr", "namur", ("Namur", "Wallonie, Belgique")),
        ("ar", "أمستردم", ("أمستردام", "شمال هولندا، هولندا")),
        ("ar", "برلي", ("برلين", "ألمانيا")),
        ("ar", "ams", ("أمستردام", "Amsterdam، شمال هولندا، هولندا")),
    ):
        assert (await suggested(among_places, language, typed))[0] == first, (language, typed)
    names = [name for name, _ in await suggested(among_places, "es", "londr")]
    assert names[:2] == ["Londres", "Londrina"]  # by their people


async def test_nothing_is_shown_in_a_script_that_is_neither_the_pages_nor_typed(
    among_places: Transaction,
) -> None:
    for language, letters, typed in (
        ("de", "", ("lond", "mailnad", "barclona", "krak", "reyk", "san", "edinbrugh")),
        ("fr", "", ("édim", "saint", "île", "munihc")),
        ("es", "", ("londr", "sevi", "lond", "nuev")),
        ("en", "Ѐ-ӿ", ("Москва", "лонд", "мюнх")),
        ("ar", "A-Za-zÀ-ʿḀ-ỿ", ("أمستردم", "برلي", "برلينن", "القا", "م", "لند")),
    ):
        allowed = re.compile(f"[{letters}]") if letters else None
        for one in typed:
            for name, detail in await suggested(among_places, language, one):
                shown = allowed.sub("", name + detail) if allowed else name + detail
                assert readable(shown, language), (language, one, name, detail)
                assert "²" not in name + detail


async def test_a_code_is_found_only_by_who_types_the_whole_of_it(among_places: Transaction) -> None:
    assert (await suggested(among_places, "de", "muc"))[0] == ("München", "MUC, Bayern, Deutschland")
    assert (await suggested(among_places, "de", "qqy"))[0][0] == "York"
    for typed in ("q", "qq", "qqqq", "qqqqq", "qqyy", "mucc"):
        for one in await found(among_places, typed, limit=8):
            assert not re.fullmatch("[A-Z]{3}", one.hit.matched or ""), (typed, one.hit)


async def test_what_was_typed_without_choosing_is_called_so_too(among_places: Transaction) -> None:
    for language, typed, name in (
        ("de", "München", "München"),
        ("de", "munich", "München"),
        ("es", "Londres", "Londres"),
        ("fr", "Firenze", "Florence"),
        ("en", "Firenze", "Florence"),
        ("ar", "London", "لندن"),
    ):
        to = await destination(among_places, typed)
        assert to.meant is not None, typed
        assert to.meant.name_in(language) == name, (language, typed)


async def test_every_city_of_the_demo_has_its_name_in_every_language(among_places: Transaction) -> None:
    hotels = tomllib.loads((files("hotel_booking.demo") / "hotels.toml").read_text("utf-8"))
    ids = set(map(int, re.findall(r"'place': (\d+)", str(hotels))))
    assert len(ids) > 40
    for place_id in ids:
        place = await place_by_id(among_places, place_id)
        assert place is not None
        for language in LANGUAGES:
            assert language == "en" or language in place.names, (place.hit.name, language)
            assert readable(place.name_in(language), language), (place.hit.name, language)


async def test_no_name_has_characters_that_are_not_seen(among_places: Transaction) -> None:
    odd = "[\u00ad\u200b\u200e\u200f\t]|\u00b2$"
    statement = "SELECT count(*) FROM place WHERE name ~ $1 OR names::text ~ $1"
    assert await among_places.fetchval(statement, odd) == 0
    assert await among_places.fetchval("SELECT count(*) FROM place_name WHERE shown ~ $1", odd) == 0


@pytest.mark.parametrize(
    ("written", "clean"),
    [
        ("Reyk\u00adja\u00advík", "Reykjavík"),
        ("Île-de-France\u00b2", "Île-de-France"),
        ("\t瓦杜茲", "瓦杜茲"),
        (" Aizu  Wakamatsu\u3000", "Aizu Wakamatsu"),
        ("کیپ\u200cتاون", "کیپ\u200cتاون"),  # spelt with it
        ("\u200fנהריה", "נהריה"),
        ("Paris", "Paris"),
        ("", ""),
    ],
)
def test_names_are_cleaned(written: str, clean: str) -> None:
    assert cleaned(written) == clean


@pytest.mark.parametrize(
    ("names", "arabic"),
    [
        (("آمستردام", "أمستردام", "امستردام", "ایمسٹرڈیم", "אמסטרדם"), "أمستردام"),
        (("برلینگتون، انتاریو", "Burlington"), None),
        (("مقاطعة مانتوفا", "مانتوا"), "مانتوا"),  # a province is no city
        (("ئادىياما",), None),  # Uyghur
        (("رانس", "رمس"), None),  # may be either, and Persian
        (("نيس", "Nice"), "نيس"),
        ((), None),
    ],
)
def test_which_of_many_names_is_arabic(names: tuple[str, ...], arabic: str | None) -> None:
    assert in_arabic(names) == arabic


def test_a_hotels_city_is_its_places_only_where_it_is_one_of_its_names() -> None:
    names = {"de": "Florenz", "local": "Firenze", "ar": "فلورنسا"}
    for written, language, called in (
        ("Florence", "de", "Florenz"),
        ("FIRENZE", "de", "Florenz"),
        ("Firenze", "es", "Florence"),
        ("Florenz", "ar", "فلورنسا"),
        ("Fiesole", "de", "Fiesole"),
    ):
        assert city_called(written, "Florence", names, language) == called
    assert city_called("Fiesole", None, None, "de") == "Fiesole"


def test_a_towns_line_is_written_as_in_its_country() -> None:
    for line in (
        ("1100", "Lisboa", "PT", "1100 Lisboa"),
        ("10115", "Berlin", "DE", "10115 Berlin"),
        ("SE1 9DL", "London", "GB", "London SE1 9DL"),
        ("94103", "San Francisco", "US", "San Francisco 94103"),
        ("111-0053", "Tokyo", "JP", "Tokyo 111-0053"),
        ("", "Dubai", "AE", "Dubai"),
        ("1100", "", "PT", "1100"),
        ("SE1 9DL", "", "GB", "SE1 9DL"),
    ):
        assert town(*line[:3]) == line[3]
