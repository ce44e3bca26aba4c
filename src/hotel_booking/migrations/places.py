"""The places of the world, which come with a release as its schema does."""

from __future__ import annotations

from hotel_booking.core.db import Database
from hotel_booking.domains.properties.place_data import load_places, places_are_loaded, read_places


async def renew(database_url: str) -> bool:
    """Load the places that guests search by, where another edition is there or none; whether it did."""
    async with Database.open(database_url, size=1, statement_timeout_ms=0) as database:
        async with database.transaction() as tx:
            if await places_are_loaded(tx):
                return False
        data = read_places()
        async with database.transaction() as tx:
            await tx.execute("SELECT pg_advisory_xact_lock(hashtext('places of the world'))")
            if await places_are_loaded(tx):
                return False  # by another, while this one waited
            await load_places(tx, data)
    return True
