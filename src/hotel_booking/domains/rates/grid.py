"""The rates grid: nights by room types and plans, as they stand. Reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import msgspec

from hotel_booking.core.db import Row, Transaction, as_struct
from hotel_booking.domains.inventory.types import NightRooms, Nights
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.lengths import NoStayFits, no_stay_fits
from hotel_booking.domains.rates.pricing import price
from hotel_booking.domains.rates.queries import Catalogue, restriction_of
from hotel_booking.domains.rates.restrictions import PlanTerms, Restriction, combine
from hotel_booking.domains.rates.types import NightPrice, Occupancy, Rules


class RoomNight(msgspec.Struct, frozen=True, gc=False):
    """A room type on one night: how many rooms there are, are blocked, sold (holds too) and left to sell."""

    rooms: int
    blocked: int
    sold: int
    overbooking: int
    left: int
    rule: Restriction


class RateNight(msgspec.Struct, frozen=True, gc=False):
    """A room type on a plan on one night.

    `price` is the plan's own; `sells_at` what its persons pay before added taxes: for a derived plan computed
    from its parent's price by the code that sells. `own` is what the plan says itself, `inherited` what its
    parent adds to that, and `closed` says whether any level closes the night. `unfit` says why nobody can
    arrive on a night that is for sale, where levels contradict each other.
    """

    price: int | None
    sells_at: int | None
    own: Restriction
    inherited: Restriction
    closed: bool
    unfit: NoStayFits | None = None


class PlanGrid(msgspec.Struct, frozen=True):
    """A plan of a room type. `parent` is the plan it is derived from. No night is missing."""

    plan: RatePlan
    parent: RatePlan | None
    nights: tuple[RateNight, ...]


class TypeGrid(msgspec.Struct, frozen=True):
    """A room type. A night that is not on sale is None."""

    kind: RoomType
    nights: tuple[RoomNight | None, ...]
    plans: tuple[PlanGrid, ...]


class Grid(msgspec.Struct, frozen=True):
    """What the page shows: the nights, and every room type's rows."""

    nights: tuple[date, ...]
    types: tuple[TypeGrid, ...]


_RULE = "closed, min_stay_arrival, min_stay_through, max_stay, closed_to_arrival, closed_to_departure"
_RATES = f"""
SELECT room_type_id, rate_plan_id, night, price, extra_adult, child_amounts, {_RULE}
  FROM rate_night
 WHERE room_type_id = ANY ($1) AND rate_plan_id = ANY ($4) AND night BETWEEN $2 AND $3
"""
_NOTHING = Restriction()
_Rates = Mapping[tuple[int, int, date], Row]


async def load_grid(
    tx: Transaction,
    catalogue: Catalogue,
    *,
    first: date,
    days: int,
    room_types: Sequence[str],
    plans: Sequence[str],
    rooms: Nights,
) -> Grid:
    """The given room types and plans, by their codes, on `days` nights from `first`; one statement, by
    primary key, beside the catalogue's one. `rooms` are the nights as the bookings say they can be sold."""
    nights = tuple(first + timedelta(days=offset) for offset in range(days))
    kinds = [catalogue.room_types[code] for code in room_types]
    chosen = [catalogue.plans[code] for code in plans]
    ids = [kind.id for kind in kinds]
    plan_ids = {plan.id for plan in chosen} | {plan.price_plan_id for plan in chosen}
    rates: _Rates = {
        (row["room_type_id"], row["rate_plan_id"], row["night"]): row
        for row in await tx.fetch(_RATES, ids, nights[0], nights[-1], sorted(plan_ids))
    }
    by_id = {plan.id: plan for plan in catalogue.plans.values()}
    types = []
    for kind in kinds:
        found = tuple(_room_night(rooms.get((kind.id, night))) for night in nights)
        grids = tuple(
            PlanGrid(plan, by_id.get(plan.parent_id or 0), row.nights(nights, found))
            for plan in chosen
            for row in (_PlanRow(catalogue, kind, plan, rates),)
        )
        types.append(TypeGrid(kind, found, grids))
    return Grid(nights, tuple(types))


def _room_night(night: NightRooms | None) -> RoomNight | None:
    if night is None:
        return None
    return RoomNight(
        rooms=night.physical,
        blocked=night.blocked,
        sold=night.sold,
        overbooking=night.overbooking_limit,
        left=max(night.free, 0),
        rule=restriction_of(night),
    )


class _PlanRow:
    """A plan's nights; prices that seasons repeat are computed once."""

    def __init__(self, catalogue: Catalogue, kind: RoomType, plan: RatePlan, rates: _Rates) -> None:
        self._kind, self._plan, self._rates = kind, plan, rates
        self._rules: Rules = msgspec.structs.replace(catalogue.rules(kind, plan), taxes=())
        self._terms = PlanTerms(min_stay=plan.min_stay, max_stay=plan.max_stay)
        self._known: dict[int, int] = {}

    def nights(self, nights: Sequence[date], rooms: Sequence[RoomNight | None]) -> tuple[RateNight, ...]:
        return tuple(self._night(night, room) for night, room in zip(nights, rooms, strict=True))

    def _night(self, night: date, room: RoomNight | None) -> RateNight:
        own_row = self._rates.get((self._kind.id, self._plan.id, night))
        own = _NOTHING if own_row is None else as_struct(Restriction, own_row)
        inherited, priced = _NOTHING, own_row
        if self._plan.parent_id is not None:
            priced = self._rates.get((self._kind.id, self._plan.parent_id, night))
            inherited = _NOTHING if priced is None else as_struct(Restriction, priced)
        amount = None if priced is None else priced["price"]
        whole = combine(own, inherited, room.rule if room else None)
        return RateNight(
            price=None if own_row is None or self._plan.parent_id else own_row["price"],
            sells_at=None if amount is None else self._sold_at(night, amount),
            own=own,
            inherited=inherited,
            closed=whole.closed,
            unfit=no_stay_fits(whole, self._terms) if room is not None and amount is not None else None,
        )

    def _sold_at(self, night: date, amount: int) -> int:
        """The night for as many adults as its price is for, by the code that sells."""
        if amount not in self._known:
            party = Occupancy(self._rules.base_occupancy)
            self._known[amount] = price(self._rules, [NightPrice(night, amount)], party).total
        return self._known[amount]
