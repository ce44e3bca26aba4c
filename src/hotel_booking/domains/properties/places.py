"""Places and hotels by name, found while the guest is still typing, in every script.

What places there are, `place_data` loads; which of them a text means, `destinations` decides.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hotel_booking.core.db import Row, Transaction
from hotel_booking.core.folding import fold_spelled
from hotel_booking.domains.properties.hits import Kind, PlaceHit, RankedHit, country_name
from hotel_booking.domains.properties.hotel_names import hotels_before_where_they_lie, hotels_by_letters
from hotel_booking.domains.properties.place_data import NAMES_PER_PLACE, search_form
from hotel_booking.domains.properties.reading import MOST_OF_PLACE, parts, without_hotel
from hotel_booking.domains.properties.region_codes import ends_in_code, with_codes
from hotel_booking.domains.properties.similarity import distance, latin, resembles

MAX_QUERY = 80
# Below this many matches by their first letters, words inside names and misspellings are looked for too.
_ENOUGH = 3
# Fewer letters have too few trigrams: everything would look alike, and cost 20 ms.
_FUZZY_FROM = 4
# A misspelling's candidates that are this much less alike than the best one are left out.
_NOISE = 0.25

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
          FROM unnest($1::text[], $2::text[], $3::text[], $4::int[]) AS s (name, inside, country, region)
          JOIN place_name n ON left(n.name, 3) = left(s.name, 3) AND n.name || '' = s.name
          JOIN place c ON c.id = n.place_id AND c.kind <> 'country'
         WHERE CASE WHEN s.region > 0 THEN c.region = s.region
                    WHEN s.country = '' AND s.inside = lower(c.country) THEN true
                    ELSE EXISTS (SELECT FROM place_name t JOIN place q ON q.id = t.place_id
                        WHERE left(t.name, 3) = left(s.inside, 3) AND t.name || '' = s.inside AND CASE q.kind
                              WHEN 'country' THEN q.country = c.country AND s.country = ''
                              ELSE q.id = c.region END) END
           AND (s.country IN ('', lower(c.country))
                OR EXISTS (SELECT FROM place_name t JOIN place q ON q.id = t.place_id
                            WHERE left(t.name, 3) = left(s.country, 3) AND t.name || '' = s.country
                              AND q.kind = 'country' AND q.country = c.country))
         ORDER BY n.place_id, n.weight DESC) AS h
  JOIN place p ON p.id = h.place_id
  LEFT JOIN place r ON r.id = p.region
 ORDER BY h.weight DESC, p.id LIMIT $5
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


async def find_places(tx: Transaction, q: str, *, limit: int = 10) -> list[PlaceHit]:
    """Places and hotels that `q` may mean, at most `limit`, the likeliest first: see `found`."""
    return [one.hit for one in await found(tx, q, limit=limit)]


async def found(tx: Transaction, q: str, *, limit: int) -> list[RankedHit]:
    """Exact names, then names that begin with `q`, or places and hotels before what they lie in ("Paris,
    France"), then names with such a word inside, then misspellings; in each group places by their people and
    then hotels. Up to a third of the list is kept for hotels that were found by their letters. What is sure
    of nothing is looked for without the word for hotel. At most five statements, and as many for that."""
    hits = await found_as_typed(tx, q, limit=limit)
    if any(one.rank < 3 for one in hits):
        return hits
    for rest in without_hotel(search_form(q[:MAX_QUERY])):
        others = await found_as_typed(tx, rest, limit=limit)
        if any(one.rank == 0 for one in others) or (not hits and others):
            return others
    return hits


async def found_as_typed(tx: Transaction, q: str, *, limit: int) -> list[RankedHit]:
    """The same with the word for hotel, where that is there. At most five statements."""
    form = search_form(q[:MAX_QUERY])
    if not form:
        return []
    spelled = search_form(fold_spelled(q[:MAX_QUERY])) or form
    places = await _find_places(tx, form, limit)
    by_letters = await hotels_by_letters(tx, form, spelled, limit=limit, fuzzy=len(form) >= _FUZZY_FROM)
    hotels = _alike(form, by_letters)
    if not any(one.rank < 3 for one in hotels):
        there = await hotels_before_where_they_lie(tx, {form, spelled}, limit=limit)
        if there:
            hotels, places = there, [one for one in places if one.rank < 3]
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


async def exact(tx: Transaction, form: str, *, limit: int = 6) -> list[RankedHit]:
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


async def place_by_id(tx: Transaction, place_id: int) -> RankedHit | None:
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


async def _find_places(tx: Transaction, form: str, limit: int) -> list[RankedHit]:
    statement = _BY_FIRST_LETTERS.format(condition=_PREFIXES[min(len(form), 3)], names=NAMES_PER_PLACE)
    hits = [_place(row) for row in await tx.fetch(statement, form, f"{form}%", limit)]
    sure = bool(hits) and hits[0].rank == 0
    coded = not sure and ends_in_code(form)
    if (not hits or coded) and (ways := parts(form, MOST_OF_PLACE)):
        # "Köln, DE" is the city, though the name of a part of it, Köln-Deutz, begins so.
        columns = zip(*(way[:4] for way in with_codes(ways) if not way[4]), strict=True)
        within = [_place(row) for row in await tx.fetch(_BEFORE_WHERE_IT_LIES, *columns, limit)]
        known = {one.hit.id for one in within}
        hits = [*within, *(one for one in hits if one.hit.id not in known)]
        sure = bool(within)
    if len(form) >= _FUZZY_FROM and len(hits) < min(_ENOUGH, limit) and not sure:
        known = {one.hit.id for one in hits}
        sound = latin(form) or form
        rows = await tx.fetch(_BY_WORD_OR_LIKENESS, form, f"% {form}%", limit, sound, f"% {sound}%")
        best = max((row["score"] for row in rows), default=0)
        near = (row for row in rows if row["id"] not in known and row["score"] > best - _NOISE)
        hits += _alike(form, map(_place, near))
    return hits[:limit]


def _alike(form: str, hits: Iterable[RankedHit]) -> list[RankedHit]:
    """Without those that have nothing but trigrams in common with what was typed. A hotel's name may have its
    city and country behind it."""

    def named(one: RankedHit) -> str:
        hit = one.hit
        where = f" {hit.city or ''} {one.city or ''} {hit.country_name}" if hit.kind == "property" else ""
        return f"{one.form} {search_form(where)}".strip()

    return [one for one in hits if one.rank < 3 or resembles(form, one.form) or resembles(form, named(one))]


def _fitted(ranked: list[RankedHit], limit: int) -> list[RankedHit]:
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


def _place(row: Row) -> RankedHit:
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
    return RankedHit(hit, row["rank"], row["weight"], row["form"], names, regions)
