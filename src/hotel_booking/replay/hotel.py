"""The hotels that a replay plays in: one property for each hotel of the file, its room types and one plan.

Without taxes, with free cancellation: the file's price is the whole price. Nights are on sale for whole
calendar months, so that a month's rooms are its capacity times its days.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, time, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.domains.inventory import room_nights
from hotel_booking.domains.properties.service import policies, properties, room_types
from hotel_booking.domains.properties.types import NewProperty, NewRoomType
from hotel_booking.domains.rates import plans
from hotel_booking.domains.rates.plans import NewPlan
from hotel_booking.replay.demand import CURRENCY, Kind
from hotel_booking.replay.simulation import PLAN_CODE

TIMEZONE = "UTC"
_NOWHERE = (0.0, 0.0)


async def build(
    tx: Transaction, capacity: Mapping[Kind, int], nights: tuple[date, date]
) -> tuple[dict[str, str], list[int]]:
    """Make the properties with `capacity` rooms of each kind on every night of the months of `nights`.
    Returns the slugs by the file's hotel, and the properties' ids."""
    slugs: dict[str, str] = {}
    ids: list[int] = []
    for hotel in sorted({kind.hotel for kind in capacity}):
        new = NewProperty(
            slug=new_slug(),
            name=f"Replay of {hotel}",
            country="PT",
            lat=_NOWHERE[0],
            lon=_NOWHERE[1],
            timezone=TIMEZONE,
            currency=CURRENCY,
            # The file tells days, and its events happen in the small hours: here days end at midnight.
            day_end_time=time(0),
        )
        made = await properties.create(tx, new=new)
        slugs[hotel] = made.slug
        ids.append(made.id)
        await policies.create(
            tx,
            property_id=made.id,
            code="FREE",
            name="Free cancellation",
            steps=[],
            no_show={"kind": "nights", "value": 0},
        )
        await plans.create(tx, property_id=made.id, new=NewPlan(code=PLAN_CODE, name="Replay", policy="FREE"))
        rooms = {kind.room_type: count for kind, count in capacity.items() if kind.hotel == hotel}
        for code, count in sorted(rooms.items()):
            kept = await room_types.create(tx, property_=made, new=NewRoomType(code=code))
            on_sale = _nights_of(kept.id, *whole_months(nights))
            await room_nights.put_on_sale(tx, on_sale)
            await room_nights.change(tx, ["physical"], [(night, {"physical": count}) for night in on_sale])
    return slugs, ids


def _nights_of(room_type_id: int, first: date, last: date) -> list[room_nights.Night]:
    return [(room_type_id, first + timedelta(days=i)) for i in range((last - first).days + 1)]


def new_slug() -> str:
    """A slug that no other replay in the same database has."""
    return f"replay-{secrets.token_hex(6)}"


def whole_months(nights: tuple[date, date]) -> tuple[date, date]:
    """From the first day of the first night's month to the last day of the last one's, both inclusive."""
    first, last = nights
    next_month = (last.replace(day=1) + timedelta(days=31)).replace(day=1)
    return first.replace(day=1), next_month - timedelta(days=1)
