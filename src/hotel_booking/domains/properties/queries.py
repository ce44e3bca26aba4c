"""Reading the catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians
from typing import Literal, TypeVar

import msgspec

from hotel_booking.core.code_names import called
from hotel_booking.core.db import Transaction, as_struct
from hotel_booking.domains.properties import tables
from hotel_booking.domains.properties.called import city_called, town
from hotel_booking.domains.properties.catalogue import CatalogueRow, Property
from hotel_booking.domains.properties.errors import NoSuchItem, NoSuchProperty
from hotel_booking.domains.properties.surroundings import Surroundings
from hotel_booking.domains.properties.types import TranslatedKind

T = TypeVar("T", bound=CatalogueRow)
MAX_LISTED = 2_000  # of one kind in one property


async def property_by_slug(
    tx: Transaction, slug: str, *, active_only: bool = False, lock: bool = False
) -> Property:
    """The property, locked against other editors with `lock`. Raises `NoSuchProperty`."""
    property_ = await tx.fetchrow_as(
        Property,
        f"SELECT {tables.property_.listed} FROM property WHERE slug = $1"  # our own names
        # KEY SHARE stays possible: bookings refer to the property while it is edited.
        f"{' AND active' if active_only else ''}{' FOR NO KEY UPDATE' if lock else ''}",
        slug,
    )
    if property_ is None:
        raise no_such(slug)
    return property_


def no_such(slug: str) -> NoSuchProperty:
    """What is said where there is no property of this name, or none for whoever asks."""
    return NoSuchProperty(f"there is no property {slug!r}", fix="GET /properties lists them")


async def properties(tx: Transaction, *, after: int, limit: int) -> list[Property]:
    """Active properties by id, the first `limit` with an id above `after`."""
    return await tx.fetch_as(
        Property,
        f"SELECT {tables.property_.listed} FROM property"  # our own names
        " WHERE active AND id > $1 ORDER BY id LIMIT $2",
        after,
        limit,
    )


async def currency_of(tx: Transaction, property_id: int) -> str:
    """The currency that a property sells in."""
    return str(await tx.fetchval("SELECT currency FROM property WHERE id = $1", property_id))


async def list_items(tx: Transaction, of: tables.TableOf[T], property_id: int) -> list[T]:
    """Everything of one kind in a property, in its order."""
    order = ", ".join(name for name in ("sort", "number", "id") if name in of.columns)
    return await tx.fetch_as(
        of.kind,
        f"SELECT {of.listed} FROM {of.name}"  # our own names
        f" WHERE property_id = $1 ORDER BY {order} LIMIT {MAX_LISTED}",
        property_id,
    )


async def find_item(
    tx: Transaction,
    of: tables.TableOf[T],
    property_id: int,
    code: str | int,
    *,
    key: Literal["code", "number", "id"] = "code",
    lock: bool = False,
    field: str | None = None,
) -> T:
    """One of a kind by its code or number, which the input's `field` names. Raises `NoSuchItem`."""
    found = await tx.fetchrow_as(
        of.kind,
        f"SELECT {of.listed} FROM {of.name}"  # our own names
        f" WHERE property_id = $1 AND {key} = $2{' FOR UPDATE' if lock else ''}",
        property_id,
        code,
    )
    if found is None:
        kind = called(of.name, "object")
        raise NoSuchItem(
            f"the property has no {kind} {code!r}", field=field, fix="list them to see what it has"
        )
    return found


async def last_changed_by(tx: Transaction, kind: str, object_id: int) -> str | None:
    """Who changed an object last, by the audit log; None where it does not know a name."""
    name: str | None = await tx.fetchval(
        "SELECT actor_name FROM audit_entry WHERE object_kind = $1 AND object_id = $2"
        " ORDER BY id DESC LIMIT 1",
        kind,
        str(object_id),
    )
    return name or None


# Texts in other languages ------------------------------------------------------------------------


async def translated(
    tx: Transaction, kind: TranslatedKind, ids: Sequence[int], language: str
) -> dict[int, dict[str, str]]:
    """The texts of some objects in a language, by id and field; what is not translated is missing.

    One indexed statement. Show an object's own text where there is none here:
    `texts.get(one.id, {}).get("name", one.name)`.
    """
    rows = await tx.fetch(
        "SELECT object_id, field, content FROM translation"
        " WHERE kind = $1 AND object_id = ANY ($2) AND language = $3",
        kind,
        list(ids),
        language,
    )
    found: dict[int, dict[str, str]] = {}
    for row in rows:
        found.setdefault(row["object_id"], {})[row["field"]] = row["content"]
    return found


async def names_in(tx: Transaction, property_id: int, language: str) -> dict[tuple[str, int], str]:
    """What a property, its room types and rate plans are called in a language, by kind and id. One indexed
    statement; show an object's own name where there is none here."""
    rows = await tx.fetch(
        "SELECT kind, object_id, content FROM translation"
        " WHERE property_id = $1 AND language = $2 AND field = 'name'",
        property_id,
        language,
    )
    return {(row["kind"], row["object_id"]): row["content"] for row in rows}


async def postal_address(tx: Transaction, property_id: int, language: str) -> tuple[list[str], str]:
    """Where a property is: its street, and its town as a language calls it, as far as they are known; and its
    country's code. One indexed statement."""
    row = await tx.fetchrow(
        "SELECT p.address, p.postal_code, p.city, p.country, c.name AS place, c.names"
        "  FROM property p LEFT JOIN place c ON c.id = p.place_id WHERE p.id = $1",
        property_id,
    )
    if row is None:
        raise LookupError(f"no property {property_id}")
    city = city_called(row["city"], row["place"], row["names"], language)
    line = town(row["postal_code"], city, row["country"])
    return [part for part in (row["address"], line) if part], row["country"]


async def mail_address(tx: Transaction, property_id: int) -> str | None:
    """The property's own e-mail address; None where it has none. One indexed statement."""
    found: str | None = await tx.fetchval("SELECT email FROM property WHERE id = $1", property_id)
    return found or None


async def room_type_names(
    tx: Transaction, types: Sequence[tuple[int, str]], language: str
) -> dict[tuple[int, str], str]:
    """The same for some room types of several properties, by property and code. One indexed statement."""
    rows = await tx.fetch(
        "SELECT t.property_id, t.code, x.content"
        "  FROM unnest($1::int[], $2::text[]) AS asked (property_id, code)"
        "  JOIN room_type t ON (t.property_id, t.code) = (asked.property_id, asked.code)"
        "  JOIN translation x ON x.kind = 'room_type' AND x.object_id = t.id"
        "                    AND x.language = $3 AND x.field = 'name'",
        [property_id for property_id, _ in types],
        [code for _, code in types],
        language,
    )
    return {(row["property_id"], row["code"]): row["content"] for row in rows}


async def translations(tx: Transaction, property_id: int) -> dict[tuple[str, int], dict[str, dict[str, str]]]:
    """All texts of a property in other languages: by kind and id, then language, then field."""
    rows = await tx.fetch(
        "SELECT kind, object_id, language, field, content FROM translation WHERE property_id = $1",
        property_id,
    )
    found: dict[tuple[str, int], dict[str, dict[str, str]]] = {}
    for row in rows:
        texts = found.setdefault((row["kind"], row["object_id"]), {}).setdefault(row["language"], {})
        texts[row["field"]] = row["content"]
    return found


# Photos ------------------------------------------------------------------------------------------


class Photo(msgspec.Struct, frozen=True):
    """A photo of a property, or of the room type with the code `room_type`; `width` and `height` are those of
    its largest file."""

    id: int
    file: str
    widths: tuple[int, ...]
    width: int
    height: int
    alt: str
    room_type: str | None

    def address(self, width: int) -> str:
        """Where its file of at least this width is served; the largest where there is none."""
        fitting = next((own for own in self.widths if own >= width), self.widths[-1])
        return f"/media/{file_name(self.file, fitting)}"

    @property
    def srcset(self) -> str:
        """All its files, as `srcset` of an img names them."""
        return ", ".join(f"/media/{file_name(self.file, width)} {width}w" for width in self.widths)


def file_name(file: str, width: int) -> str:
    """The name of a photo's file of this width."""
    return f"{file}-{width}.webp"


async def photos(tx: Transaction, property_id: int) -> list[Photo]:
    """The photos of a property in their order; the first is its cover."""
    return await tx.fetch_as(
        Photo,
        "SELECT p.id, p.file, p.widths, p.width, p.height, p.alt, t.code AS room_type"
        "  FROM property_photo p LEFT JOIN room_type t ON t.id = p.room_type_id"
        " WHERE p.property_id = $1 ORDER BY p.sort, p.id",
        property_id,
    )


async def covers(tx: Transaction, property_ids: Sequence[int]) -> dict[int, Photo]:
    """The first photo of each property that has one."""
    rows = await tx.fetch(
        "SELECT DISTINCT ON (p.property_id) p.property_id, p.id, p.file, p.widths, p.width, p.height, p.alt,"
        "       NULL AS room_type"
        "  FROM property_photo p WHERE p.property_id = ANY ($1) ORDER BY p.property_id, p.sort, p.id",
        list(property_ids),
    )
    return {row["property_id"]: as_struct(Photo, row) for row in rows}


class InList(msgspec.Struct, frozen=True):
    """What a list shows of a hotel besides its offer: its name in the language, None where that is its own;
    its city in the language; its first photo, or else where it stands, for a picture that is drawn of it."""

    name: str | None
    city: str
    photo: Photo | None
    around: Surroundings


async def in_lists(tx: Transaction, property_ids: Sequence[int], language: str) -> dict[int, InList]:
    """By property id, in one statement by indexes; a property that is no more is missing."""
    rows = await tx.fetch(
        "SELECT p.id AS property_id, p.lat, p.lon, p.amenities, p.place_id, c.population, p.city,"
        "       c.name AS city_name, c.names AS city_names,"
        "       (SELECT x.content FROM translation x WHERE x.kind = 'property' AND x.object_id = p.id"
        "           AND x.language = $2 AND x.field = 'name') AS called,"
        "       f.id, f.file, f.widths, f.width, f.height, f.alt, NULL AS room_type"
        "  FROM property p LEFT JOIN place c ON c.id = p.place_id"
        "  LEFT JOIN LATERAL (SELECT * FROM property_photo o WHERE o.property_id = p.id"
        "                      ORDER BY o.sort, o.id LIMIT 1) f ON true"
        " WHERE p.id = ANY ($1)",
        list(property_ids),
        language,
    )
    return {
        row["property_id"]: InList(
            row["called"],
            city_called(row["city"], row["city_name"], row["city_names"], language),
            None if row["file"] is None else as_struct(Photo, row),
            Surroundings(row["lat"], row["lon"], tuple(row["amenities"]), row["place_id"], row["population"]),
        )
        for row in rows
    }


class NearHotel(msgspec.Struct, frozen=True):
    """A hotel so many km, on the great circle, from a point."""

    slug: str
    name: str
    km: float


# How far is looked at first, and then, in kilometres: hotels are measured that lie in a square so wide. The
# last is all of the earth.
_REACHES = (50.0, 500.0, 20_100.0)
_KM_PER_DEGREE = 111.195
_POLAR = 85.0  # degrees north or south, from where on meridians lie too close to tell near from far


async def nearest_hotel(tx: Transaction, lat: float, lon: float) -> NearHotel | None:
    """The active hotel next to a point: looked for around it, and further away only where there is none."""
    for reach in _REACHES:
        degrees = reach / _KM_PER_DEGREE
        found = await tx.fetchrow_as(
            NearHotel,
            "SELECT slug, name, 2 * 6371.0088 * asin(least(1, sqrt(sind((lat - $1) / 2) ^ 2"
            "         + cosd($1) * cosd(lat) * sind((lon - $2) / 2) ^ 2))) AS km"
            "  FROM property WHERE active AND lat BETWEEN $1 - $3 AND $1 + $3 AND lon BETWEEN $4 AND $5"
            " ORDER BY km, id LIMIT 1",
            lat,
            lon,
            degrees,
            *meridians_around(lat, lon, degrees),
        )
        if found is not None and found.km <= reach:
            return found
    return None


def meridians_around(lat: float, lon: float, degrees: float) -> tuple[float, float]:
    """The meridians between which everything lies that is so many degrees of the great circle away, or
    nearer: all of them around the poles, and where they meet."""
    edge = abs(lat) + degrees
    if edge < _POLAR:
        half = degrees / cos(radians(edge))
        if lon - half >= -180 and lon + half <= 180:
            return lon - half, lon + half
    return -180.0, 180.0


class PopularCity(msgspec.Struct, frozen=True):
    """A city, what it is called elsewhere, how many hotels it has, and one of them by its slug and id."""

    place_id: int
    city: str
    names: dict[str, str]
    country: str
    hotels: int
    slug: str
    property_id: int


async def popular_cities(tx: Transaction, *, limit: int) -> list[PopularCity]:
    """The cities with the most hotels. All properties are counted for it, and only what is counted meets
    places: a hundred thousand take a tenth of a second, so callers keep what they were told for a while."""
    return await tx.fetch_as(
        PopularCity,
        "SELECT city.id AS place_id, city.name AS city, city.names, city.country, counted.hotels,"
        "       counted.slug, hotel.id AS property_id"
        "  FROM (SELECT place_id, count(*) AS hotels, min(slug) AS slug FROM property"
        "         WHERE active AND place_id IS NOT NULL GROUP BY place_id) counted"
        "  JOIN place city ON city.id = counted.place_id"
        "  JOIN property hotel ON hotel.slug = counted.slug"
        " ORDER BY counted.hotels DESC, city.population DESC, city.id LIMIT $1",
        limit,
    )
