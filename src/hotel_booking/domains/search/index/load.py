"""Everything from the database into a new file, in chunks: memory stays flat, other work has its turns."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import partial
from pathlib import Path

import msgspec

from hotel_booking.core.dates import earliest_business_date
from hotel_booking.core.db import Database, Transaction
from hotel_booking.core.replica import Replica
from hotel_booking.domains.exchange.queries import exchange_rates
from hotel_booking.domains.search.index import reading
from hotel_booking.domains.search.index.changes import position
from hotel_booking.domains.search.index.layout import (
    COMPLETE,
    FIRST_NIGHT,
    FOLLOWED,
    HORIZON,
    PROPERTIES,
    ROWS,
    SORTED,
    Arrays,
    Capacity,
    cell_of,
    create,
    micros_of,
)
from hotel_booking.domains.search.index.writer import Writer, Written

_CHUNK = 64  # room types whose nights are read at a time: some 50,000 to 100,000 rows

_ON_SALE = """
SELECT p.id, p.lat, p.lon,
       (SELECT count(*) FROM room_type t WHERE t.property_id = p.id AND t.active)::int AS types,
       (SELECT count(*) FROM rate_plan r WHERE r.property_id = p.id AND r.active)::int AS plans
  FROM property p WHERE p.active
"""


class _Listed(msgspec.Struct, frozen=True):
    id: int
    lat: float
    lon: float
    types: int
    plans: int


async def load(
    db: Database, path: Path, *, now: datetime, room: int = 1, replica: Replica | None = None
) -> Writer:
    """A new file with everything that is on sale at `now`. It is COMPLETE, and in step with the database as
    of its HORIZON: what was committed by later transactions has to be followed. Raises `IndexFull` where
    there is more than it has room for: `room` times as much as is usual.

    With a `replica` all but the horizon is read of that. The horizon is the primary's, from before a beat
    that each transaction of the load has to find: so what was over at the horizon is in all that is read,
    however far behind the replica is, and whichever of several answers. Raises one of `NOT_READ` where it
    cannot be read."""
    async with db.transaction() as tx:
        horizon, identity = await position(tx)
    begin: Callable[[], AbstractAsyncContextManager[Transaction]] = db.transaction
    if replica is not None:
        begin = partial(replica.since, await replica.beat(), within=replica.lag)
    async with begin() as tx:
        listed = await tx.fetch_as(_Listed, _ON_SALE)
        rates = await exchange_rates(tx)
    listed.sort(key=lambda one: (cell_of(one.lat, one.lon), one.id))
    create(path, capacity_for(len(listed), [(one.types, one.plans) for one in listed], room=room))
    arrays = Arrays(path, writable=True)
    arrays["header"][FIRST_NIGHT] = earliest_business_date(now).toordinal()
    writer = Writer(arrays, identity)
    writer.bulk = True
    for chunk in _chunks(listed):
        async with begin() as tx:
            await put_properties(tx, writer, chunk, now=now)
    writer.bulk = False
    writer.put_exchange_rates(rates)
    writer.write_lists()
    header = arrays["header"]
    header[SORTED] = header[PROPERTIES]
    header[HORIZON] = horizon
    header[FOLLOWED] = micros_of(now)
    header[COMPLETE] = 1
    return writer


def capacity_for(properties: int, sizes: Sequence[tuple[int, int]], *, room: int = 1) -> Capacity:
    """Room for these properties, each with so many types and plans, and for a quarter more of them (`room`
    times that); a file is sparse, so what is not used costs nothing."""
    types = sum(kinds for kinds, _ in sizes)
    pairs = sum(kinds * plans for kinds, plans in sizes)

    def more(count: int, least: int) -> int:
        return (count + count // 4 + least) * room

    return Capacity(
        properties=more(properties, 1_000),
        types=more(types, 4_000),
        rates=more(pairs, 8_000),
        pairs=more(pairs, 16_000),
        heap=more(properties, 2_000) * 40_000,
    )


async def put_properties(tx: Transaction, writer: Writer, ids: Sequence[int], *, now: datetime) -> None:
    """Put these properties, and read whatever nights of theirs are not there yet. Those that are no longer on
    sale are removed."""
    found = await reading.properties(tx, ids)
    written: list[Written] = []
    for one in found:
        written.append(writer.put_property(one.content, one.region, one.own))
        await asyncio.sleep(0)
    for gone in {*ids} - {one.id for one in found}:
        writer.remove(gone)
    first = int(writer.header[FIRST_NIGHT])
    days = first, first + ROWS + 1  # one more, where it is being read (`Writer.begin_night`)
    if types := [kind for one in written for kind in one.types]:
        writer.put_room_nights(await reading.kept_room_nights(tx, types, days, now))
        await asyncio.sleep(0)
    if rates := [rate for one in written for rate in one.rates]:
        writer.put_rate_nights(await reading.kept_rate_nights(tx, rates, days))
        await asyncio.sleep(0)
    for done in written:
        writer.settle(done.slot)


def _chunks(listed: Sequence[_Listed]) -> Iterator[list[int]]:
    chunk: list[int] = []
    types = 0
    for one in listed:
        if chunk and types + one.types > _CHUNK:
            yield chunk
            chunk, types = [], 0
        chunk.append(one.id)
        types += one.types
    if chunk:
        yield chunk
