"""What selling reads: a property's catalogue in one statement, its prices in another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import NamedTuple

import msgspec

from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import NotFound
from hotel_booking.core.money import step
from hotel_booking.domains.inventory.types import NightRooms, Nights
from hotel_booking.domains.properties.catalogue import Policy, Property, RoomType
from hotel_booking.domains.properties.catalogue import Tax as KeptTax
from hotel_booking.domains.rates.catalogue import (
    LoadedRateNight,
    LoadedRoomNight,
    RatePlan,
    policy_of,
    tax_of,
)
from hotel_booking.domains.rates.pricing import Pricing
from hotel_booking.domains.rates.restrictions import (
    OPEN,
    NightState,
    OccupancyRules,
    PlanTerms,
    Restriction,
    combine,
)
from hotel_booking.domains.rates.stay_taxes import TaxPlan
from hotel_booking.domains.rates.types import (
    CancellationPolicy,
    ChildBand,
    NightPrice,
    Occupancy,
    Rules,
    Tax,
    adult_age,
)

_LONGEST = 80  # characters of a name that no property has, in the refusal
_PRICINGS = 256  # what a catalogue that is kept remembers of them


class PropertyNotFound(NotFound):
    """No such property, or it is no longer on sale."""

    code = "property_not_found"


class Catalogue:
    """Everything a property sells, and the rules it sells by. `room_types` and `plans` are by code, in
    their order."""

    def __init__(
        self,
        property_: Property,
        room_types: Sequence[RoomType],
        plans: Sequence[RatePlan],
        policies: Sequence[Policy],
        taxes: Sequence[KeptTax],
    ) -> None:
        self.property = property_
        self.room_types: Mapping[str, RoomType] = {row.code: row for row in room_types}
        self.plans: Mapping[str, RatePlan] = {row.code: row for row in plans}
        self._policies = {row.id: row for row in policies}
        self._taxes = taxes
        self._policy_rules: dict[int, CancellationPolicy] = {}
        self._rules: dict[tuple[int, int], Rules] = {}
        self._occupancies: dict[int, OccupancyRules] = {}
        self._pricings: dict[tuple[int, int, Occupancy], Pricing] = {}
        self._tax_plans: dict[Occupancy, TaxPlan] = {}

    @cached_property
    def bands(self) -> tuple[ChildBand, ...]:
        """The property's child bands."""
        return tuple(ChildBand(age) for age in self.property.child_bands)

    @cached_property
    def taxes(self) -> tuple[Tax, ...]:
        """The property's taxes, in the order that prices list them."""
        return tuple(tax_of(kept) for kept in self._taxes)

    def rules(self, room_type: RoomType, plan: RatePlan) -> Rules:
        """What a price of this room type on this plan is computed from."""
        key = room_type.id, plan.id
        rules = self._rules.get(key)
        if rules is None:
            rules = self._rules[key] = Rules(
                currency=self.property.currency,
                step=step(self.property.currency),
                rounding=self.property.tax_rounding,
                room_type=room_type.code,
                room_type_name=room_type.name,
                rate_plan=plan.code,
                rate_plan_name=plan.name,
                base_occupancy=room_type.base_occupancy,
                extra_adult=room_type.extra_adult,
                child_bands=self.bands,
                child_amounts=tuple(room_type.child_amounts),
                adjustment=plan.adjustment,
                taxes=self.taxes,
            )
        return rules

    def pricing(self, room_type: RoomType, plan: RatePlan, occupancy: Occupancy) -> Pricing:
        """What prices this room type on this plan for these persons."""
        key = room_type.id, plan.id, occupancy
        pricing = self._pricings.get(key)
        if pricing is None:
            if len(self._pricings) >= _PRICINGS:
                self._pricings.clear()
                self._tax_plans.clear()
            alike = self._tax_plans.get(occupancy)
            pricing = self._pricings[key] = Pricing(self.rules(room_type, plan), occupancy, alike)
            self._tax_plans[occupancy] = pricing.taxes
        return pricing

    def policy(self, plan: RatePlan) -> CancellationPolicy:
        """The plan's cancellation policy."""
        policy = self._policy_rules.get(plan.policy_id)
        if policy is None:
            policy = self._policy_rules[plan.policy_id] = policy_of(self._policies[plan.policy_id])
        return policy

    def terms(self, plan: RatePlan) -> PlanTerms:
        """The plan's own limits on stays."""
        return PlanTerms(plan.min_advance_days, plan.max_advance_days, plan.min_stay, plan.max_stay)

    def occupancy(self, room_type: RoomType) -> OccupancyRules:
        """Who fits into a room of the type."""
        occupancy = self._occupancies.get(room_type.id)
        if occupancy is None:
            occupancy = self._occupancies[room_type.id] = OccupancyRules(
                max_occupancy=room_type.max_occupancy,
                max_adults=room_type.max_adults,
                max_children=room_type.max_children,
                adult_age=adult_age(self.bands),
            )
        return occupancy

    def versions(self, room_type: RoomType, plan: RatePlan) -> dict[str, int]:
        """The versions of the rows that a sale is made on."""
        found = {
            "property": self.property.version,
            "room_type": room_type.version,
            "rate_plan": plan.version,
            "policy": self._policies[plan.policy_id].version,
        }
        return found | {f"tax:{row.code}": row.version for row in self._taxes}


# One round trip; JSON comes out in the shape of the structs. Rows that are not sold any more are left
# out, unless an existing booking has to be changed.
_CATALOGUE = """
SELECT to_jsonb(p) AS property,
       (SELECT coalesce(jsonb_agg(to_jsonb(t) ORDER BY t.sort, t.id), '[]') FROM room_type t
         WHERE t.property_id = p.id AND (t.active OR NOT $2)) AS room_types,
       (SELECT coalesce(jsonb_agg(to_jsonb(r) ORDER BY r.sort, r.id), '[]') FROM rate_plan r
         WHERE r.property_id = p.id AND (r.active OR NOT $2)) AS plans,
       (SELECT coalesce(jsonb_agg(to_jsonb(c)), '[]') FROM cancellation_policy c
         WHERE c.property_id = p.id) AS policies,
       (SELECT coalesce(jsonb_agg(to_jsonb(x) ORDER BY x.id), '[]') FROM tax x
         WHERE x.property_id = p.id) AS taxes
  FROM property p
"""
_CATALOGUE_BY_SLUG = _CATALOGUE + " WHERE p.slug = $1 AND (p.active OR NOT $2 OR $3)"
_CATALOGUES = f"""SELECT row_to_json(c)::text AS content
  FROM ({_CATALOGUE} WHERE p.id = ANY ($1::int[]) AND p.active AND $2) AS c"""


class Lacking(msgspec.Struct, frozen=True):
    """What is on sale and yet cannot be booked on any night to come, by its name: room types without `rooms`,
    and these and plans of their own prices without `prices`. `priced` says whether there is any price."""

    rooms: tuple[str, ...]
    prices: tuple[str, ...]
    priced: bool


_PRICED = """
EXISTS (SELECT FROM {other} o,
               LATERAL (SELECT FROM rate_night n WHERE n.room_type_id = {kind} AND n.rate_plan_id = {plan}
                           AND n.night >= $2 AND n.price IS NOT NULL LIMIT 1) AS priced
         WHERE o.property_id = $1 AND o.active)
"""
_LACKING = f"""
SELECT t.name, EXISTS (SELECT FROM room r WHERE r.room_type_id = t.id AND r.active)
            OR EXISTS (SELECT FROM room_night n WHERE n.room_type_id = t.id AND n.night >= $2
                          AND n.physical + n.overbooking_limit > 0) AS roomy,
       {_PRICED.format(other="rate_plan", kind="t.id", plan="o.id")} AS priced, 1 AS part, t.sort, t.id
  FROM room_type t WHERE t.property_id = $1 AND t.active
UNION ALL
SELECT p.name, true, {_PRICED.format(other="room_type", kind="o.id", plan="p.id")}, 2, p.sort, p.id
  FROM rate_plan p WHERE p.property_id = $1 AND p.active AND p.parent_id IS NULL
 ORDER BY part, sort, id
"""


async def lacking(tx: Transaction, property_id: int, *, since: date) -> Lacking:
    """What room types and plans that are on sale lack on the nights from `since` on."""
    rows = await tx.fetch(_LACKING, property_id, since)
    return Lacking(
        tuple(row["name"] for row in rows if not row["roomy"]),
        tuple(row["name"] for row in rows if not row["priced"]),
        any(row["priced"] for row in rows),
    )


async def load_catalogue(
    tx: Transaction,
    slug: str,
    *,
    active_only: bool = True,
    off_sale: bool = False,
    field: str | None = None,
) -> Catalogue:
    """The property's catalogue, in one statement: what is sold, with `off_sale` of a property that is not
    sold itself too, or else all that there is or was. Raises `PropertyNotFound`; `field` is where the input
    names it."""
    sold = await tx.fetchrow_as(_Sold, _CATALOGUE_BY_SLUG, slug, active_only, off_sale)
    if sold is None:
        raise PropertyNotFound(
            f"there is no property {slug[:_LONGEST]!r}", field=field, fix="GET /properties lists them"
        )
    return _catalogue(sold)


async def catalogue_texts(tx: Transaction, property_ids: Sequence[int]) -> list[bytes]:
    """The catalogues of those that are on sale, each as JSON that `read_catalogue` takes. In no order."""
    rows = await tx.fetch(_CATALOGUES, property_ids, True)
    return [row["content"].encode() for row in rows]


def read_catalogue(content: bytes) -> Catalogue:
    """The catalogue that `catalogue_texts` gave: the same as `load_catalogue` gives."""
    return _catalogue(_read(content))


class _Sold(msgspec.Struct, frozen=True):
    property: Property
    room_types: list[RoomType]
    plans: list[RatePlan]
    policies: list[Policy]
    taxes: list[KeptTax]


_read = msgspec.json.Decoder(_Sold).decode


def _catalogue(sold: _Sold) -> Catalogue:
    return Catalogue(sold.property, sold.room_types, sold.plans, sold.policies, sold.taxes)


class Calendar(msgspec.Struct):
    """One room type on one plan, night by night: whether it is sold, and at what price."""

    nights: dict[date, NightState]
    prices: dict[date, NightPrice]


Calendars = dict[tuple[int, int], Calendar]

_RATES = """
SELECT room_type_id, rate_plan_id, night, price, extra_adult, child_amounts, closed, min_stay_arrival,
       min_stay_through, max_stay, closed_to_arrival, closed_to_departure
  FROM rate_night
 WHERE room_type_id = ANY ($1) AND rate_plan_id = ANY ($4) AND night BETWEEN $2 AND $3
"""


async def calendars_of(
    tx: Transaction, catalogue: Catalogue, first: date, last: date, nights: Nights
) -> Calendars:
    """Every room type on every plan from `first` to `last`, both inclusive, in one statement. What is free on
    the `nights` is the bookings' to say.

    The restrictions are the effective ones: the strictest of the room type's, the parent plan's and the
    plan's own. A derived plan's prices are its parent's, before the adjustment.
    """
    types = [kind.id for kind in catalogue.room_types.values()]
    plans = {plan.id for plan in catalogue.plans.values()} | {
        plan.price_plan_id for plan in catalogue.plans.values()
    }
    rates: dict[tuple[int, int], dict[date, _Rate]] = {}
    for row in await tx.fetch(_RATES, types, first, last, list(plans)):
        room_type, plan, day, price, extra_adult, children, *restricted = row
        # Nearly all nights restrict nothing: they share one struct, and so nearly all work below.
        own = Restriction(*restricted) if any(restricted) else OPEN
        priced = None
        if price is not None:
            priced = NightPrice(day, price, extra_adult, None if children is None else tuple(children))
        rates.setdefault((room_type, plan), {})[day] = _Rate(priced, own)
    by_type: dict[int, list[tuple[date, int, Restriction]]] = {room_type: [] for room_type in types}
    for (room_type, day), night in nights.items():
        by_type[room_type].append((day, max(night.free, 0), restriction_of(night)))
    found: Calendars = {}
    for room_type in types:
        sold_at: dict[int, Calendar] = {}
        for plan_ in catalogue.plans.values():
            base = sold_at.get(plan_.price_plan_id)
            if base is None:
                at = rates.get((room_type, plan_.price_plan_id), {})
                base = sold_at[plan_.price_plan_id] = _calendar(by_type[room_type], at)
            stricter = rates.get((room_type, plan_.id), {}) if plan_.parent_id else {}
            found[room_type, plan_.id] = _restricted(base, stricter)
    return found


class _Rate(NamedTuple):
    """A night of a room type on a plan: its price, None where it has none, and what restricts it."""

    price: NightPrice | None
    restriction: Restriction


def _calendar(nights: Sequence[tuple[date, int, Restriction]], rates: Mapping[date, _Rate]) -> Calendar:
    """The nights of a room type (rooms left, restriction) at the prices of a plan."""
    states: dict[date, NightState] = {}
    prices: dict[date, NightPrice] = {}
    nothing = _Rate(None, OPEN)
    for day, left, own in nights:
        priced, restriction = rates.get(day, nothing)
        states[day] = _state(day, left, None if priced is None else priced.price, combine(own, restriction))
        if priced is not None:
            prices[day] = priced
    return Calendar(states, prices)


def _restricted(base: Calendar, stricter: Mapping[date, _Rate]) -> Calendar:
    """The calendar of a plan sold at another's prices, with what it restricts besides."""
    changed = {
        day: _state(day, state.rooms_left, state.price, combine(state.restriction, rate.restriction))
        for day, rate in stricter.items()
        if rate.restriction is not OPEN and (state := base.nights.get(day)) is not None
    }
    return Calendar(base.nights | changed, base.prices) if changed else base


def _state(day: date, left: int, price: int | None, rule: Restriction) -> NightState:
    if rule is OPEN:
        return NightState(day, True, left, False, price)
    return NightState.of(day, on_sale=True, rooms_left=left, price=price, restriction=rule)


def restriction_of(night: NightRooms) -> Restriction:
    """A room type's own restriction of a night; `OPEN` where there is none."""
    own = (
        night.closed,
        night.min_stay_arrival,
        night.min_stay_through,
        night.max_stay,
        night.closed_to_arrival,
        night.closed_to_departure,
    )
    return Restriction(*own) if any(own) else OPEN


async def loaded_ari(
    tx: Transaction, catalogue: Catalogue, first: date, last: date
) -> tuple[list[LoadedRoomNight], list[LoadedRateNight]]:
    """What is loaded from `first` to `last`, both inclusive: room-nights and rate-nights as stored, by the
    types and plans of the catalogue."""
    types = [kind.id for kind in catalogue.room_types.values()]
    plans = [plan.id for plan in catalogue.plans.values()]
    rooms = await tx.fetch_as(
        LoadedRoomNight,
        "SELECT t.code AS room_type, n.* FROM room_night n JOIN room_type t ON t.id = n.room_type_id"
        " WHERE n.room_type_id = ANY ($1) AND n.night BETWEEN $2 AND $3 ORDER BY n.room_type_id, n.night",
        types,
        first,
        last,
    )
    rates = await tx.fetch_as(
        LoadedRateNight,
        "SELECT t.code AS room_type, p.code AS rate_plan, n.child_amounts AS children, n.*"
        "  FROM rate_night n JOIN room_type t ON t.id = n.room_type_id"
        "  JOIN rate_plan p ON p.id = n.rate_plan_id"
        " WHERE n.room_type_id = ANY ($1) AND n.rate_plan_id = ANY ($4) AND n.night BETWEEN $2 AND $3"
        " ORDER BY n.room_type_id, n.rate_plan_id, n.night",
        types,
        first,
        last,
        plans,
    )
    return rooms, rates
