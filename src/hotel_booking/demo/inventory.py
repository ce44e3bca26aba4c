"""Rooms on sale: blocks that take rooms out of order, the rooms left, and the rows of the nights."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import msgspec

from hotel_booking.demo.draws import draws
from hotel_booking.demo.property import (
    Period,
    Property,
    Room,
    RoomType,
)
from hotel_booking.demo.rates import Sheet

COLUMNS = (
    "room_type_id", "night", "physical", "blocked", "overbooking_limit", "taken", "closed",
    "min_stay_arrival", "min_stay_through", "max_stay", "closed_to_arrival", "closed_to_departure",
)  # fmt: skip

_REASONS = (
    "Bathroom being retiled",
    "Window waiting for a part",
    "Carpet being replaced",
    "Air conditioning under repair",
    "Fresh paint drying",
)


class Block(msgspec.Struct, frozen=True):
    """A room out of order from `first` until `until`, exclusive."""

    kind: RoomType
    room: Room
    first: date
    until: date
    reason: str


class Shelf:
    """How many rooms of each type are taken and blocked on every night of the period."""

    def __init__(self, property_: Property, period: Period, seed: int) -> None:
        self.property = property_
        self._first = period.first
        self._nights = period.nights
        self.taken = {kind.id: [0] * period.nights for kind in property_.room_types}
        self.blocked = {kind.id: [0] * period.nights for kind in property_.room_types}
        self.blocks = list(_blocks(property_, period, seed))
        for block in self.blocks:
            for index in self._indexes(block.first, block.until):
                self.blocked[block.kind.id][index] += 1

    def left(self, kind: RoomType, arrival: date, departure: date) -> int:
        """Rooms that could still be sold for all of the nights, without overbooking."""
        taken, blocked = self.taken[kind.id], self.blocked[kind.id]
        return min(len(kind.rooms) - blocked[i] - taken[i] for i in self._indexes(arrival, departure))

    def take(self, kind: RoomType, arrival: date, departure: date) -> None:
        """Count one room more on each night."""
        taken = self.taken[kind.id]
        for index in self._indexes(arrival, departure):
            taken[index] += 1

    def _indexes(self, first: date, until: date) -> range:
        start = (first - self._first).days
        if start < 0 or start + (until - first).days > self._nights:
            raise ValueError(f"{first} to {until} is not loaded")
        return range(start, start + (until - first).days)


def rows(shelf: Shelf, sheet: Sheet) -> Iterator[tuple[Any, ...]]:
    """One row per room type and night."""
    for kind in shelf.property.room_types:
        taken, blocked = shelf.taken[kind.id], shelf.blocked[kind.id]
        for index, night in enumerate(sheet.nights):
            rule = sheet.restriction(kind, index)
            yield (
                kind.id, night.night, len(kind.rooms), blocked[index], kind.overbooking, taken[index],
                rule.closed, rule.min_stay_arrival, rule.min_stay_through, rule.max_stay,
                rule.closed_to_arrival, rule.closed_to_departure,
            )  # fmt: skip


def _blocks(property_: Property, period: Period, seed: int) -> Iterator[Block]:
    """One block for every forty rooms or so, each on another room, some of them begun already."""
    rng = draws(seed, property_.outline.slug, "blocks")
    roomy = [kind for kind in property_.room_types if len(kind.rooms) >= 6]
    used: set[int] = set()
    for _ in range((property_.outline.rooms + 20) // 40 if roomy else 0):
        kind = rng.choice(roomy)
        # From the end of the corridor, where guests are not put first.
        room = kind.rooms[-1 - rng.randrange(2)]
        if room.id in used:
            continue
        used.add(room.id)
        first = period.today + timedelta(days=rng.randrange(-2, 45))
        yield Block(kind, room, first, first + timedelta(days=rng.randrange(3, 15)), rng.choice(_REASONS))
