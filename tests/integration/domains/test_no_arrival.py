"""Nights on which nobody can arrive: the statement that tells programs says what the panel foretells."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from hotel_booking.core.db import Database
from hotel_booking.domains.rates.contradictions import unfit_on
from hotel_booking.domains.rates.edit_queries import NoArrival, current_rows, no_arrivals
from hotel_booking.domains.rates.queries import load_catalogue
from tests.factories.world import (
    TODAY,
    make_nights,
    make_plan,
    make_property,
    make_rates,
    make_room_type,
)

LIMITS = ("min_stay_arrival", "min_stay_through", "max_stay")


def limits(draw: random.Random) -> dict[str, Any]:
    """Some restrictions of one night, each row right by itself."""
    chosen: dict[str, Any] = {name: draw.randint(1, 6) for name in LIMITS if draw.random() < 0.3}
    shortest = max(chosen.get(name, 1) for name in LIMITS[:2])
    if "max_stay" in chosen and chosen["max_stay"] < shortest:
        chosen["max_stay"] = shortest
    for name in ("closed", "closed_to_arrival"):
        if draw.random() < 0.1:
            chosen[name] = True
    return chosen


async def test_both_say_the_same_of_what_stands(db: Database) -> None:
    draw = random.Random(4)
    async with db.transaction() as tx:
        made = await make_property(tx, "hotel")
        kinds = [await make_room_type(tx, made, code) for code in ("A", "B")]
        base = await make_plan(tx, made, "BASE")
        await make_plan(tx, made, "CHILD", parent=base, adjust=("percent", -50_000), min_stay=4)
        own = await make_plan(tx, made, "OWN", max_stay=3)
        child = await tx.fetchval("SELECT id FROM rate_plan WHERE code = 'CHILD'")
        for kind in kinds:
            for offset in range(40):
                await make_nights(tx, kind, first=offset, nights=1, **limits(draw))
                for plan in (base, own, child):
                    price = None if plan == child or draw.random() < 0.1 else 9_000
                    if plan != child or draw.random() < 0.5:
                        await make_rates(tx, kind, plan, first=offset, nights=1, price=price, **limits(draw))
        catalogue = await load_catalogue(tx, "hotel")
        first, last = TODAY, TODAY + timedelta(days=39)
        rows = await current_rows(tx, kinds, [base, own, child], first, last)
        foretold = [
            NoArrival(kind.code, plan.code, night, why.least, why.most)
            for kind in catalogue.room_types.values()
            for plan in catalogue.plans.values()
            for night in (first + timedelta(days=offset) for offset in range(40))
            if (why := unfit_on(rows, kind.id, plan, night)) is not None
        ]
        told = await no_arrivals(tx, made.id, [(kind, None, first, last) for kind in kinds], limit=999)
        assert len(told) > 20
        assert told == sorted(foretold, key=lambda one: (one.room_type, one.rate_plan, one.night))
        few = await no_arrivals(tx, made.id, [(kinds[0], base, first, last)], limit=999)
        assert few == [one for one in told if one.room_type == "A" and one.rate_plan != "OWN"]
