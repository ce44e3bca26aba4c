"""Hotels with their marks, kept by the process for as long as the search index knows no change of them: a
page that is asked for again asks the database nothing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from litestar.datastructures import State

from hotel_booking.core.lru_cache import LruCache
from hotel_booking.domains.rates.content import Marked, marked
from hotel_booking.domains.search.index.view import Version
from hotel_booking.domains.search.searching import Searching

MOST_KEPT = 5_000  # hotels, some 3 KB each


class Known(NamedTuple):
    """A hotel as it is at a version, and at these exchange rates."""

    version: Version
    per_euro: Mapping[str, Decimal]
    marked: Marked


KeptHotels = LruCache[str, Known]


async def known(searching: Searching, state: State, slug: str) -> Marked:
    """The active property with its marks; one statement where something of it has changed, or the index does
    not know it. Raises `NoSuchProperty`."""
    kept: KeptHotels = state.known_hotels
    # Both are older than what is read after them: it may be read once more, and never too seldom.
    (version,), per_euro = searching.versions([slug]), searching.exchange_rates()
    if version is None or per_euro is None:
        return await marked(searching.tx, slug)
    there = kept.get(slug)
    if there is not None and (there.version, there.per_euro) == (version, per_euro):
        return there.marked
    return kept.keep(slug, Known(version, per_euro, await marked(searching.tx, slug))).marked
