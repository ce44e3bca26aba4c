"""Rooms of a booking on the wire, by their positions in it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from hotel_booking.core.errors import Invalid
from hotel_booking.domains.rates.types import MAX_ROOMS

Position = Annotated[int, msgspec.Meta(ge=1, le=MAX_ROOMS)]
Positions = Annotated[list[Position], msgspec.Meta(min_length=1, max_length=MAX_ROOMS)]


def positions(text: str | None) -> list[int] | None:
    """The positions of a query such as `2,3`."""
    if text is None:
        return None
    try:
        return msgspec.convert(text.split(","), Positions, strict=False)
    except msgspec.ValidationError:
        raise Invalid(
            f"{text!r} is no list of rooms", field="rooms", fix=f"send positions from 1 to {MAX_ROOMS}: 2,3"
        ) from None
