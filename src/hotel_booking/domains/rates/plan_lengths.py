"""What a plan's own limits of stay do to nights that are priced already: each may be right alone."""

from __future__ import annotations

from datetime import date, timedelta

from hotel_booking.core.db import Transaction
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.changes import MAX_NIGHTS, UnfitNight
from hotel_booking.domains.rates.contradictions import unfit_on
from hotel_booking.domains.rates.edit_queries import current_rows
from hotel_booking.domains.rates.queries import Catalogue


async def unfit_nights(
    tx: Transaction, catalogue: Catalogue, plan: RatePlan, today: date
) -> list[UnfitNight]:
    """The nights of the next two years that are for sale on the plan and on which nobody can arrive, by room
    type. None where the plan limits no stay, or is not sold: then it is not the plan that does it."""
    if not plan.active or (plan.min_stay is None and plan.max_stay is None):
        return []
    kinds = [kind.id for kind in catalogue.room_types.values() if kind.active]
    last = today + timedelta(days=MAX_NIGHTS - 1)
    rows = await current_rows(tx, kinds, [plan.id, plan.price_plan_id], today, last)
    return [
        UnfitNight(kind, plan.id, night, problem)
        for kind in kinds
        for night in (today + timedelta(days=offset) for offset in range(MAX_NIGHTS))
        if (problem := unfit_on(rows, kind, plan, night)) is not None
    ]
