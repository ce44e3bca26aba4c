"""Where properties stand, for pictures that are drawn of them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hotel_booking.core.db import Transaction


class Surroundings(msgspec.Struct, frozen=True):
    """A property's coordinates and OpenTravel amenities, its city by GeoNames id and the city's people, both
    None where no city is set."""

    lat: float
    lon: float
    amenities: tuple[int, ...] = ()
    place: int | None = None
    population: int | None = None


async def surroundings(tx: Transaction, property_ids: Sequence[int]) -> dict[int, Surroundings]:
    """By property id, by primary keys in one statement."""
    rows = await tx.fetch(
        "SELECT p.id, p.lat, p.lon, p.amenities, p.place_id, c.population"
        "  FROM property p LEFT JOIN place c ON c.id = p.place_id WHERE p.id = ANY ($1)",
        list(property_ids),
    )
    return {
        row["id"]: Surroundings(
            row["lat"], row["lon"], tuple(row["amenities"]), row["place_id"], row["population"]
        )
        for row in rows
    }
