"""Hotels by name, in every language and script: as they are called, with where they lie behind it, and what
looks alike."""

from __future__ import annotations

from hotel_booking.core.db import Row, Transaction
from hotel_booking.domains.properties.hits import PlaceHit, RankedHit, country_name
from hotel_booking.domains.properties.reading import MOST_OF_HOTEL, parts
from hotel_booking.domains.properties.region_codes import with_codes

# {script} may leave only names of other scripts. $1 the form, $2 another spelling of it, $3 how many, $4
# whether likeness counts, $5 pairs of letters of a form in another script: pg_trgm may not see them.
_BY_LETTERS = """
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
# A hotel before its city, region or country, or before two of them, as suggestions write it: each by its
# name in any language. `OFFSET 0` has each name looked for by itself, by index.
_BEFORE_WHERE_THEY_LIE = """
SELECT p.id, p.slug, p.name, p.country, p.lat, p.lon, p.city, 1 AS rank, h.form, h.shown,
       c.name AS city_name, c.names AS city_names
  FROM (SELECT DISTINCT ON (n.property_id) n.property_id, n.name AS form, n.shown
          FROM unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[])
               AS s (name, inside, around, inside_region, around_region)
         CROSS JOIN LATERAL (SELECT property_id, name, shown FROM property_name
                              WHERE property_name.name = s.name OFFSET 0) AS n
          JOIN property p ON p.id = n.property_id AND p.active
          LEFT JOIN place c ON c.id = p.place_id
         WHERE CASE WHEN s.inside_region > 0 THEN s.inside_region = c.region
                    WHEN s.around = '' AND s.inside = lower(p.country) THEN true
                    ELSE EXISTS (SELECT FROM place_name t JOIN place q ON q.id = t.place_id
                        WHERE left(t.name, 3) = left(s.inside, 3) AND t.name || '' = s.inside AND CASE q.kind
                              WHEN 'country' THEN q.country = p.country AND s.around = ''
                              WHEN 'region' THEN q.id = c.region
                              ELSE q.id = c.id END) END
           AND (s.around IN ('', lower(p.country)) OR s.around_region = c.region
                OR EXISTS (SELECT FROM place_name t JOIN place q ON q.id = t.place_id
                            WHERE left(t.name, 3) = left(s.around, 3) AND t.name || '' = s.around
                              AND CASE q.kind WHEN 'country' THEN q.country = p.country
                                              WHEN 'region' THEN q.id = c.region ELSE false END))
         ORDER BY n.property_id, length(n.name) DESC LIMIT $6) AS h
  JOIN property p ON p.id = h.property_id
  LEFT JOIN place c ON c.id = p.place_id
 ORDER BY p.name, p.id
"""
_BY_SLUG = """
SELECT p.id, p.slug, p.name, p.country, p.lat, p.lon, p.city, 0 AS rank, '' AS form, p.name AS shown,
       c.name AS city_name, c.names AS city_names
  FROM property p LEFT JOIN place c ON c.id = p.place_id WHERE p.slug = $1 AND p.active
"""


async def hotels_by_letters(
    tx: Transaction, form: str, spelled: str, *, limit: int, fuzzy: bool
) -> list[RankedHit]:
    """Active hotels whose name is `form` or its other spelling `spelled`, begins so or has such a word inside
    (`rank` 0 to 2), and, if `fuzzy`, those whose name looks alike (3)."""
    pairs = [form[at : at + 2] for at in range(len(form) - 1)] if fuzzy and not form.isascii() else []
    other = not any(letter.isascii() and letter.isalnum() for letter in form + spelled)
    statement = _BY_LETTERS.format(script=_OTHER_SCRIPT if other else "")
    return [_hotel(row) for row in await tx.fetch(statement, form, spelled, limit, fuzzy, pairs)]


async def hotels_before_where_they_lie(tx: Transaction, forms: set[str], *, limit: int) -> list[RankedHit]:
    """Active hotels by a name with what they lie in behind it: "Sea View, Portugal", "Sea View, Lissabon,
    Portugal". `rank` is 1."""
    ways = sorted({way for form in forms for way in parts(form, MOST_OF_HOTEL)})
    if not ways:
        return []
    columns = zip(*with_codes(ways), strict=True)
    return [_hotel(row) for row in await tx.fetch(_BEFORE_WHERE_THEY_LIE, *columns, limit)]


async def hotel_by_slug(tx: Transaction, slug: str) -> RankedHit | None:
    """The active hotel with this slug."""
    row = await tx.fetchrow(_BY_SLUG, slug)
    return _hotel(row) if row else None


def _hotel(row: Row) -> RankedHit:
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
    return RankedHit(hit, row["rank"], 0, row["form"], {}, {}, row["city_name"], cities)
