"""What a plan's own limits of stay do to nights that are priced already: each may be right alone."""

from __future__ import annotations

from datetime import date, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.changes import MAX_NIGHTS, UnfitNight
from hotel_booking.domains.rates.edit_queries import no_arrivals
from hotel_booking.domains.rates.lengths import NoStayFits
from hotel_booking.domains.rates.queries import Catalogue


async def unfit_nights(
    tx: Transaction, catalogue: Catalogue, plan: RatePlan, today: date
) -> list[UnfitNight]:
    """The nights of the next two years that are for sale on the plan and on which nobody can arrive, by room
    type. None where the plan limits no stay, or is not sold: then it is not the plan that does it."""
    if not plan.active or (plan.min_stay is None and plan.max_stay is None):
        return []
    last = today + timedelta(days=MAX_NIGHTS - 1)
    kinds = {kind.code: kind.id for kind in catalogue.room_types.values() if kind.active}
    ranges = [(kind, plan.id, today, last) for kind in kinds.values()]
    found = await no_arrivals(tx, catalogue.property.id, ranges, limit=MAX_NIGHTS * len(kinds))
    return [
        UnfitNight(kinds[one.room_type], plan.id, one.night, NoStayFits(one.min_stay, one.max_stay))
        for one in found
        if one.rate_plan == plan.code
    ]
