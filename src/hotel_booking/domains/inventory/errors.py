"""Why rooms cannot be taken, blocked or reduced."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict


class SoldOut(Conflict):
    """At least one night of the stay has no room left. Nothing was taken."""

    code = "sold_out"


class RoomIsSold(Conflict):
    """Fewer rooms would be left than are sold on a night. Nothing changed."""

    code = "room_is_sold"


class RoomInUse(Conflict):
    """The physical room has another stay or block on one of the nights. Nothing changed."""

    code = "room_in_use"


def and_more_nights(number: int) -> str:
    """What follows the first of several nights in a refusal."""
    return f" and {number} more night{'s' * (number != 1)}" if number else ""
