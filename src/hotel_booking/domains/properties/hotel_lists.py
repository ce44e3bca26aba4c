"""All hotels by country and city, for pages that need no date."""

from __future__ import annotations

import msgspec

from hotel_booking.core.db import Transaction


class ListedHotel(msgspec.Struct, frozen=True):
    """A hotel in a list of them. `place` is what the place is called that its city is, `names` that in other
    languages."""

    id: int
    slug: str
    name: str
    stars: int
    city: str
    country: str
    place: str | None
    names: dict[str, str] | None


# OFFSET 0: each hotel's place is looked up by its id, and no plan reads all places for a page of hotels.
_WITH_PLACES = (
    "SELECT h.*, c.name AS place, c.names FROM ({}) h"
    "  LEFT JOIN LATERAL (SELECT name, names FROM place WHERE id = h.place_id OFFSET 0) c ON true"
)
_LISTED = f"{_WITH_PLACES} ORDER BY h.country, h.city, h.id"


async def list_hotels(
    tx: Transaction, *, country: str | None = None, after: tuple[str, int] | None = None, limit: int
) -> list[ListedHotel]:
    """Active hotels by country, city and id as the database orders them, or those of a country after a city
    and id. Reads no more than `limit` entries of an index."""
    if country is None:
        return await tx.fetch_as(
            ListedHotel,
            _LISTED.format(
                "SELECT id, slug, name, stars, city, country, place_id FROM property WHERE active"
                " ORDER BY country, city, id LIMIT $1"
            ),
            limit,
        )
    return await tx.fetch_as(
        ListedHotel,
        _LISTED.format(
            "SELECT id, slug, name, stars, city, country, place_id FROM property"
            " WHERE active AND country = $1 AND (city, id) > ($2, $3) ORDER BY city, id LIMIT $4"
        ),
        country,
        *(after or ("", 0)),
        limit,
    )


class CountedCity(msgspec.Struct, frozen=True):
    """A city of a country with so many hotels in all; `place` and `names` as of a `ListedHotel`."""

    country: str
    hotels: int
    city: str
    place: str | None
    names: dict[str, str] | None


async def counted_countries(tx: Transaction, *, cities: int) -> list[CountedCity]:
    """Every country with an active hotel, a row for each of its `cities` with the most. One pass over an
    index of all hotels, so keep what it gives."""
    return await tx.fetch_as(
        CountedCity,
        _WITH_PLACES.format(
            "SELECT country, hotels, city,"
            "       (SELECT place_id FROM property one WHERE one.active AND one.country = counted.country"
            "           AND one.city = counted.city ORDER BY one.id LIMIT 1) AS place_id"
            "  FROM ("
            "SELECT country, city, (sum(count(*)) OVER (PARTITION BY country))::int AS hotels,"
            "       row_number() OVER (PARTITION BY country ORDER BY count(*) DESC, city) AS rank"
            "  FROM property WHERE active GROUP BY country, city) counted WHERE rank <= $1"
        ),
        cities,
    )
