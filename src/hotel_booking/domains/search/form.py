"""What compiled code writes of the results of a search and of the offers of a hotel: texts that say where
what stands, as the surface that answers with them wants it. So they leave without an object for each."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import msgspec

from hotel_booking.domains.search.types import Key


class Field(IntEnum):
    """What differs from result to result, in their JSON; as in `written.c`. What begins with IF stands before
    what is written only where it holds, up to END."""

    PROPERTY = 1  # members: all that is said of the hotel, but its distance
    KILOMETRES = 2
    TYPE_CODE = 3  # as it stands between quotes, and so the next three
    TYPE_NAME = 4
    PLAN_CODE = 5
    PLAN_NAME = 6
    TOTAL = 7  # minor units of CURRENCY, for all rooms and nights
    CURRENCY = 8
    PER_NIGHT = 9
    NIGHTS = 10
    ROOMS = 11
    ROOMS_LEFT = 12
    REFUNDABLE = 13
    MEAL = 14
    WORTH = 15  # the total in WORTH_CURRENCY
    WORTH_CURRENCY = 16
    IF_ON_CIRCLE = 17
    IF_APPROXIMATE = 18
    IF_NOT_COMPARED = 19
    END = 20


class OfferField(IntEnum):
    """What differs from offer to offer. Amounts are minor units of CURRENCY, for all rooms and nights."""

    TYPE_CODE = 1  # as it stands between quotes, and so the next three
    TYPE_NAME = 2
    PLAN_CODE = 3
    PLAN_NAME = 4
    MEAL = 5
    NIGHTS = 6
    ROOMS_LEFT = 7
    CURRENCY = 8
    TOTAL = 9
    DUE_NOW = 10
    LINES = 11  # by their form, with commas between
    POLICY_CODE = 12  # as it stands between quotes
    POLICY_NAME = 13
    REFUNDABLE = 14
    FREE_UNTIL = 15  # in quotes, or null
    FEE_NOW = 16
    STAGES = 17  # by their form, with commas between
    NO_SHOW = 18
    TEXTS = 19  # in quotes, with commas between


class LineField(IntEnum):
    """What differs from line to line of a price."""

    KIND = 1
    NIGHT = 2  # in quotes, or null
    CODE = 3
    LABEL = 4
    QUANTITY = 5
    AMOUNT = 6
    GROSS = 7
    CURRENCY = 8
    INCLUDED = 9


class StageField(IntEnum):
    """What differs from stage to stage of what cancelling costs."""

    SINCE = 1  # in quotes, or null
    FEE = 2
    CURRENCY = 3
    TEXT = 4


class OfferForm(NamedTuple):
    """The forms of an offer, of a line of it, and of a stage."""

    offer: bytes
    line: bytes
    stage: bytes


def form_of(*parts: str | IntEnum) -> bytes:
    """A form of texts and fields of one kind."""
    return "".join(part if isinstance(part, str) else chr(part) for part in parts).encode()


class WrittenPage(msgspec.Struct, frozen=True):
    """A `SearchPage` whose results are written: as the form has them, with commas between."""

    results: bytes
    after: Key | None
    total_count: int | None
    uncompared: int = 0
    past: int = 0
