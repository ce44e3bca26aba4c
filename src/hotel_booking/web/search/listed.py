"""What lists show of hotels, kept by the process for as long as the search index knows no change of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from litestar.datastructures import State

from hotel_booking.core.lru_cache import LruCache
from hotel_booking.domains.properties.queries import InList, in_lists
from hotel_booking.domains.search.index.view import Version
from hotel_booking.domains.search.searching import Searching
from hotel_booking.domains.search.types import FoundProperty

MOST_KEPT = 20_000  # hotels in a language, some 600 bytes each


class Shown(NamedTuple):
    """What lists show of a version of a hotel."""

    version: Version
    shown: InList


KeptShown = LruCache[tuple[int, str], Shown]


async def listed(
    searching: Searching, state: State, hotels: Sequence[FoundProperty], language: str
) -> dict[int, InList]:
    """By property id; a property that is no more is missing. One statement where something of a hotel has
    changed, or was not shown yet; all of them where the index does not know it."""
    kept: KeptShown = state.listed_hotels
    found, missing = {}, {}
    # A version is older than what is read after it: it may be read once more, and never too seldom.
    for hotel, version in zip(hotels, searching.versions([hotel.slug for hotel in hotels]), strict=True):
        known = kept.get((hotel.id, language)) if version is not None else None
        if known is not None and known.version == version:
            found[hotel.id] = known.shown
        else:
            missing[hotel.id] = version
    if missing:
        read = await in_lists(searching.tx, list(missing), language)
        for key, shown in read.items():
            if (version := missing[key]) is not None:
                kept.keep((key, language), Shown(version, shown))
        found |= read
    return found
