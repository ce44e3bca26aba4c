"""A search index of more properties than a scratch database could hold the nights of.

The catalogue stands in a database, and the index is loaded from it as ever; there are no nights in it, and so
the index has none. Its nights are drawn here, straight into its arrays. What is asked of such a server is
answered by the index as it would be with 200 million room-nights behind it; a quote finds nothing to sell.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import numpy as np

from hotel_booking.bench.catalogue import NIGHTS
from hotel_booking.core.db import Database
from hotel_booking.domains.search.index.files import Folder
from hotel_booking.domains.search.index.layout import FIRST_NIGHT, PROPERTIES, RATES, ROWS, TYPES, Arrays
from hotel_booking.domains.search.index.load import load

# The first of these is free on no night in twenty; prices stand apart by the hotel, the room and the night.
_FREE = np.array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9], "i2")


def generate(url: str, path: Path, now: datetime, seed: int) -> None:
    """Make the folder `path` for a server on this database, whose properties have no nights."""
    asyncio.run(_generate(url, path, now, seed))


async def _generate(url: str, path: Path, now: datetime, seed: int) -> None:
    folder = Folder(path)
    number, file = folder.next_file()
    async with Database.open(url, size=2, statement_timeout_ms=600_000) as database:
        writer = await load(database, file, now=now)
    _draw_nights(writer.arrays, seed)
    folder.publish(number, writer.identity)


def _draw_nights(arrays: Arrays, seed: int) -> None:
    rng = np.random.default_rng(seed)
    header = arrays["header"]
    first, properties = int(header[FIRST_NIGHT]), int(header[PROPERTIES])
    types, rates = int(header[TYPES]), int(header[RATES])
    kind = arrays["rate_type"][:rates]
    slots = arrays["type_slot"][kind]
    place = kind - arrays["first_type"][slots]
    base = (6000 + (slots * 7919) % 19_000 + 3_000 * place).astype("i4")
    of_hotels = arrays["first_rate"][:properties]
    for day in range(first, first + min(NIGHTS + 2, ROWS)):
        arrays["free"][day % ROWS, :types] = _FREE[rng.integers(0, len(_FREE), types)]
        prices = arrays["price"][day % ROWS, :rates] = base + rng.integers(0, 2_000, rates, "i4")
        arrays["lowest"][day % ROWS, :properties] = np.minimum.reduceat(prices, of_hotels)
