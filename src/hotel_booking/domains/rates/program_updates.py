"""Rates and availability as programs set them: written as they come, and noted among the edits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import UNSET

from hotel_booking.core.db import Transaction
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.rates import edit_queries, service
from hotel_booking.domains.rates.ari import AriUpdate
from hotel_booking.domains.rates.changes import LIMITS
from hotel_booking.domains.rates.edit_queries import NoArrival
from hotel_booking.domains.rates.queries import Catalogue
from hotel_booking.domains.rates.service import AriResult

_TOLD = 50  # nights without an arrival, in the answer
_BEGINNINGS = (*LIMITS, "closed", "closed_to_arrival")


async def update(
    tx: Transaction, *, catalogue: Catalogue, updates: Sequence[AriUpdate], by: Caller, now: datetime
) -> tuple[AriResult, list[NoArrival]]:
    """`update_ari`, and a note of who sent it, for those whose cells it changes under their hands; also some
    of the nights of its lines about stays on which no stay can begin now. Two calls may set a minimum and a
    maximum one after the other, so that is said and not refused."""
    result = await service.update_ari(tx, catalogue=catalogue, updates=updates, now=now)
    await edit_queries.record(
        tx,
        property_id=catalogue.property.id,
        kind="program",
        made_at=now,
        staff_id=None,
        made_by=f"{by.name} (API key)" if by.name else "a program",
        what="1 line by the API" if len(updates) == 1 else f"{len(updates):,} lines by the API",
        room_type_ids=[catalogue.room_types[line.room_type].id for line in updates],
        first=min(line.first for line in updates),
        last=max(line.last for line in updates),
        cells=result.room_nights + result.rate_nights,
        changes=None,
    )
    ranges = [
        (
            catalogue.room_types[line.room_type].id,
            None if line.rate_plan is None else catalogue.plans[line.rate_plan].id,
            line.first,
            line.last,
        )
        for line in updates
        if any(getattr(line, column) is not UNSET for column in _BEGINNINGS)
    ]
    return result, await edit_queries.no_arrivals(tx, catalogue.property.id, ranges, limit=_TOLD)
