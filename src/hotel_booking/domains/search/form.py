"""What compiled code writes of the results of a search: a text that says where what stands, as the surface
that answers with it wants it. So a page of results leaves without an object for each of them."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from hotel_booking.domains.search.types import Key


class Field(IntEnum):
    """What differs from result to result, in their JSON; as in `stays.c`. What begins with IF stands before
    what is written only where it holds, up to END."""

    PROPERTY = 1  # members: all that is said of the hotel, but its distance
    KILOMETRES = 2
    ROOM_TYPE = 3  # members: its code and name; and so the rate plan
    RATE_PLAN = 4
    TOTAL = 5  # minor units of CURRENCY, for all rooms and nights
    CURRENCY = 6
    PER_NIGHT = 7
    NIGHTS = 8
    ROOMS = 9
    ROOMS_LEFT = 10
    REFUNDABLE = 11
    MEAL = 12
    WORTH = 13  # the total in WORTH_CURRENCY
    WORTH_CURRENCY = 14
    IF_ON_CIRCLE = 15
    IF_APPROXIMATE = 16
    IF_NOT_COMPARED = 17
    END = 18


def form_of(*parts: str | Field) -> bytes:
    """A form of texts and fields."""
    return "".join(part if isinstance(part, str) else chr(part) for part in parts).encode()


class WrittenPage(msgspec.Struct, frozen=True):
    """A `SearchPage` whose results are written: as the form has them, with commas between."""

    results: bytes
    after: Key | None
    total_count: int | None
    uncompared: int = 0
    past: int = 0
