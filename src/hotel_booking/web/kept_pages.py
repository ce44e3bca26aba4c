"""Whole pages, kept as they are sent, for as long as what they follow from is equal.

A hotel that many look at for the same days, a list that a link leads to, a crawler that comes again: the
same page is asked for, and to write it is most of what it costs. Who makes a page says what of: the versions
of rows, what a search found, the day at the hotel. All of that is read for each request; only what follows
from it is kept. So nothing has a time-out, and nobody has to say that something has changed.

Nothing of a guest is kept: of them a page says at most that somebody is signed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from hotel_booking.core.kept import Kept

MOST_KEPT = 500  # some 13 KB each, packed


class Question(msgspec.Struct, frozen=True):
    """What a page is looked for by: path and query as they came, the currency that was chosen elsewhere,
    whether somebody is signed in, and which of the group's own pages the foot leads to."""

    path: str
    query: bytes
    currency: str | None
    signed_in: bool
    titles: tuple[str, ...]


class Origin(msgspec.Struct, frozen=True):
    """What a page follows from besides its question: `parts`, and the time, but only at some instants: made
    `at` one, it is the same `until` the next of them (None: for ever)."""

    at: datetime
    parts: tuple[object, ...]
    until: datetime | None = None

    def holds(self, now: Origin) -> bool:
        """Whether what was made of this would be made of `now` too."""
        in_time = self.at <= now.at and (self.until is None or now.at < self.until)
        return in_time and self.parts == now.parts


class KeptPage(msgspec.Struct, frozen=True):
    """A page in gzip, with its headers. Without an `origin` it is of this moment, and not kept."""

    origin: Origin | None
    headers: Mapping[str, str]
    packed: bytes


KeptPages = Kept[Question, KeptPage]
