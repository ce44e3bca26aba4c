"""Keeping the arrays in step with the database: what has changed is read again and put into its place.

Changes name what to read, and it is read as it is now: to follow one twice does no harm. The horizon in the
file moves once all was put, so whoever takes over after a crash goes on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from hotel_booking.core.dates import earliest_business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.exchange.queries import exchange_rates
from hotel_booking.domains.search.index import reading
from hotel_booking.domains.search.index.changes import Changes, Seen, changes_since
from hotel_booking.domains.search.index.columns import Rate
from hotel_booking.domains.search.index.layout import (
    FIRST_NIGHT,
    FOLLOWED,
    HORIZON,
    LIVE,
    ROWS,
    instant_of,
    micros_of,
)
from hotel_booking.domains.search.index.load import put_properties
from hotel_booking.domains.search.index.writer import Writer

T = TypeVar("T")
_CHUNK = 4_000  # nights that are read and put at a time
_PROPERTIES = 20
_FURTHEST_BEHIND = 20  # days; beyond that a new file is made sooner than these nights are read


class LoadAgain(Exception):  # caught by who has the file
    """The changes from here on are not known, or too many: a new file has to be loaded."""


class Follower:
    """One file and its database."""

    def __init__(self, db: Database, writer: Writer) -> None:
        self._db = db
        self.writer = writer
        self._header = writer.header
        self._seen = Seen.below(int(self._header[HORIZON]), instant_of(int(self._header[FOLLOWED])))

    async def follow(self, now: datetime) -> int:
        """Bring the arrays in step with what is committed; how many changes that were. Raises `LoadAgain` or
        `IndexFull`; and where the database is away whatever it raises: the next call goes on from there."""
        applied = await self._catch_up(now)
        today = earliest_business_date(now).toordinal()
        if today - int(self._header[FIRST_NIGHT]) > _FURTHEST_BEHIND:
            raise LoadAgain("the nights of the file are long past")
        while today > int(self._header[FIRST_NIGHT]):
            await self._roll(now)
        return applied

    async def _catch_up(self, now: datetime) -> int:
        async with self._db.reading() as tx:
            changes = await changes_since(tx, self._seen, now)
        if changes.identity != self.writer.identity:
            raise LoadAgain("the database is another one, or has another history")
        if changes.gap:
            raise LoadAgain("changes from before were forgotten")
        if changes.everything:
            raise LoadAgain("everything has changed")
        if changes.seen.xmax < self._seen.xmax:
            raise LoadAgain("the database has gone back in time")
        await self._apply(changes, now)
        self._seen = changes.seen
        self._header[HORIZON] = changes.seen.xmin
        self._header[FOLLOWED] = micros_of(now)
        return changes.rows

    async def _apply(self, changes: Changes, now: datetime) -> None:
        rooms = {
            (kind, day) for kind, first, until in changes.rooms for day in self._days(first, until)
        }  # a night that changed ten times is read once
        rates = {
            (kind, plan, day)
            for kind, plan, first, until in changes.rates
            for day in self._days(first, until)
        }
        properties = changes.properties | self._left_to_sql(
            {key[0] for key in (*changes.rooms, *changes.rates)}
        )
        await self._put_properties(properties, now)
        again: set[Rate] = set()
        for some in _chunked(sorted(rooms), _CHUNK):
            async with self._db.reading() as tx:
                self.writer.put_room_nights(await reading.room_nights(tx, some, now))
            await asyncio.sleep(0)
        for part in _chunked(sorted(rates), _CHUNK):
            async with self._db.reading() as tx:
                again.update(self.writer.put_rate_nights(await reading.rate_nights(tx, part)))
            await asyncio.sleep(0)
        # A derived plan has got nights of its own: its property gets a column for them.
        await self._put_properties({self._property_of(kind) for kind, _ in again}, now)
        if changes.exchange:
            async with self._db.reading() as tx:
                self.writer.put_exchange_rates(await exchange_rates(tx))

    async def _put_properties(self, ids: Iterable[int], now: datetime) -> None:
        for some in _chunked(sorted(i for i in ids if i), _PROPERTIES):
            async with self._db.transaction() as tx:
                await put_properties(tx, self.writer, some, now=now)

    def _days(self, first: int, until: int) -> range:
        """Those of the nights that the ring holds, or is about to."""
        oldest = int(self._header[FIRST_NIGHT])
        return range(max(first, oldest), min(until, oldest + ROWS + 1))

    def _left_to_sql(self, types: Iterable[int]) -> set[int]:
        """The properties of these room types that something of did not fit: it may fit now."""
        found = {self._property_of(kind) for kind in types}
        arrays = self.writer.arrays
        return {i for i in found if i and arrays["state"][self.writer.slots[i]] != LIVE}

    def _property_of(self, room_type: int) -> int:
        """The property of a room type that has a column; else 0."""
        column = self.writer.types.get(room_type)
        arrays = self.writer.arrays
        return 0 if column is None else int(arrays["id"][arrays["type_slot"][column]])

    async def _roll(self, now: datetime) -> None:
        """The next night takes the row of the oldest one, which is past all over the earth."""
        day = self.writer.begin_night()
        for types in _chunked(list(self.writer.types), _CHUNK):
            async with self._db.reading() as tx:
                nights = await reading.room_nights(tx, [(kind, day) for kind in types], now)
            self.writer.put_room_nights(nights)
            await self._catch_up(now)
        for rates in _chunked(list(self.writer.rates), _CHUNK):
            async with self._db.reading() as tx:
                nights = await reading.rate_nights(tx, [(kind, plan, day) for kind, plan in rates])
            self.writer.put_rate_nights(nights)
            await self._catch_up(now)
        self.writer.end_night()


def _chunked(items: Sequence[T], size: int) -> Iterable[list[T]]:
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk
