"""Taking and giving back nights. The work is done by `inventory_change` (migrations/sql), which locks
nights in one order; here its refusals become errors that name the nights."""

from __future__ import annotations

from datetime import date

import asyncpg
import msgspec

from hotel_booking.domains.inventory.errors import SoldOut


class Shortage(msgspec.Struct, frozen=True):
    """A night with too few rooms. `left` is None where the night is not on sale at all."""

    room_type_id: int
    night: date
    left: int | None


def sold_out(error: asyncpg.PostgresError) -> SoldOut:
    """The `SoldOut` that an HB001 of the database means."""
    nights = msgspec.json.decode(getattr(error, "detail", None) or "[]", type=list[Shortage])
    names = ", ".join(f"{n:%d %B %Y}".lstrip("0") for n in sorted({s.night for s in nights}))
    return SoldOut(
        f"no room is left on {names}",
        fix="choose other dates or another room type; offers with explain=true suggest the nearest",
        extra={"nights": [{"night": s.night.isoformat(), "left": s.left or 0} for s in nights]},
    )
