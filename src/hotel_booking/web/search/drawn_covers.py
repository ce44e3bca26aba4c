"""The pictures that are drawn for hotels of a list, as long as they have no photo."""

from __future__ import annotations

from collections.abc import Mapping

from hotel_booking.core.db import Transaction
from hotel_booking.domains.properties.surroundings import surroundings
from hotel_booking.web import placeholder_art
from hotel_booking.web.placeholder_art.setting import setting_of


async def drawn_covers(tx: Transaction, slugs: Mapping[int, str]) -> dict[int, str]:
    """Where they are served, by id; the hotels are given with their slugs. At most one statement."""
    around = await surroundings(tx, list(slugs)) if slugs else {}
    return {key: placeholder_art.address(slugs[key], setting_of(found)) for key, found in around.items()}
