"""The hotels that a replay plays in: one property for each hotel of the file, its room types and one plan.

Without taxes, with free cancellation: the file's price is the whole price. Nights are on sale for whole
calendar months, so that a month's rooms are its capacity times its days.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date, timedelta

from hotel_booking.core.db import Transaction
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
    first, last = whole_months(nights)
    for hotel in sorted({kind.hotel for kind in capacity}):
        slugs[hotel] = new_slug()
        property_id = await tx.fetchval(
            # The file tells days, and its events happen in the small hours: here days end at midnight.
            "INSERT INTO property (slug, name, country, lat, lon, timezone, currency, day_end_time)"
            " VALUES ($1, $2, 'PT', $3, $4, $5, $6, '00:00') RETURNING id",
            slugs[hotel],
            f"Replay of {hotel}",
            *_NOWHERE,
            TIMEZONE,
            CURRENCY,
        )
        ids.append(property_id)
        await tx.execute(
            "WITH policy AS (INSERT INTO cancellation_policy (property_id, code, name, steps, no_show)"
            " VALUES ($1, 'FREE', 'Free cancellation', '[]', '{\"kind\": \"nights\", \"value\": 0}')"
            " RETURNING id)"
            " INSERT INTO rate_plan (property_id, code, name, policy_id)"
            " SELECT $1, $2, 'Replay', id FROM policy",
            property_id,
            PLAN_CODE,
        )
        rooms = {kind.room_type: count for kind, count in capacity.items() if kind.hotel == hotel}
        await tx.execute(
            "WITH kinds AS (INSERT INTO room_type (property_id, code, name)"
            " SELECT $1, code, code FROM unnest($2::text[]) AS code RETURNING id, code)"
            " INSERT INTO room_night (room_type_id, night, physical)"
            " SELECT kinds.id, $4::date + i, rooms.count"
            "   FROM kinds JOIN unnest($2::text[], $3::smallint[]) AS rooms(code, count) USING (code),"
            "        generate_series(0, $5 - 1) AS i",
            property_id,
            list(rooms),
            list(rooms.values()),
            first,
            (last - first).days + 1,
        )
    return slugs, ids


def new_slug() -> str:
    """A slug that no other replay in the same database has."""
    return f"replay-{secrets.token_hex(6)}"


def whole_months(nights: tuple[date, date]) -> tuple[date, date]:
    """From the first day of the first night's month to the last day of the last one's, both inclusive."""
    first, last = nights
    next_month = (last.replace(day=1) + timedelta(days=31)).replace(day=1)
    return first.replace(day=1), next_month - timedelta(days=1)
