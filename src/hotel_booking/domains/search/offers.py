"""Everything one hotel sells for a stay, and why it does not sell the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property
from operator import itemgetter
from typing import NamedTuple

from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.availability import load_calendar
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.rates.cancellation import DatedPolicy, deposit_on_booking, due_now
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.nearest_fix import AllowedStays, RoomTypeCalendar, nearest_fix
from hotel_booking.domains.rates.party import rooms_that_fit
from hotel_booking.domains.rates.queries import (
    Calendars,
    Catalogue,
    load_catalogue,
)
from hotel_booking.domains.rates.restrictions import (
    PlanTerms,
    Reason,
    occupancy_reasons,
    refusals,
    window,
)
from hotel_booking.domains.rates.types import Deposit, Occupancy, Price
from hotel_booking.domains.search.errors import ArrivalInThePast
from hotel_booking.domains.search.types import Offer, OfferedRoom, Offers, Refusal


async def offers(
    tx: Transaction,
    slug: str,
    stay: Stay,
    party: Sequence[Occupancy],
    *,
    explain: bool = False,
    now: datetime,
) -> Offers:
    """Every room type on every plan for the party, one room per occupancy, cheapest first.

    Three statements, whatever is sold; with `explain` the same three read 14 days more on both sides, and
    every pair that is not sold says why and what the nearest stay is that would be sold. Raises
    `PropertyNotFound`, and `ArrivalInThePast` by the hotel's own calendar.
    """
    catalogue = await load_catalogue(tx, slug)
    today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    first, last = window(stay, today) if explain else (stay.arrival, stay.departure)
    _check_arrival(stay, today)
    calendars = await load_calendar(tx, catalogue, first, last, now)
    return offers_of(catalogue, calendars, stay, party, explain=explain, now=now)


class Priced(NamedTuple):
    """A room type on a plan that is sold for a stay: how many rooms are left, and what each occupancy of the
    party costs."""

    rooms_left: int
    prices: Mapping[Occupancy, Price]


def offers_of(
    catalogue: Catalogue,
    calendars: Calendars,
    stay: Stay,
    party: Sequence[Occupancy],
    *,
    explain: bool = False,
    now: datetime,
    priced: Mapping[tuple[int, int], Priced] | None = None,
) -> Offers:
    """`offers` of what has been loaded: `calendars` hold the nights of the stay and its departure day, with
    `explain` those of `restrictions.window`, or more. `priced`: what is sold, by the ids of room type and
    plan, where that is known; calendars are looked at for the rest of it then, and not without `explain`."""
    own = catalogue.property
    today = business_date(now, own.timezone, own.day_end_time)
    _check_arrival(stay, today)
    sold: list[tuple[tuple[int, int, int], Offer]] = []
    refused: list[Refusal] = []
    days = list(stay)
    known: dict[tuple[int, int, PlanTerms], list[Reason]] = {}
    fitting = _fitting(catalogue, party) if explain else ()
    for plan_place, plan in enumerate(catalogue.plans.values()):
        explained = _WaysOut(catalogue, calendars, plan, party, stay, today, fitting)
        terms = _terms(catalogue, plan, days[0], now)
        for type_place, kind in enumerate(catalogue.room_types.values()):
            pair = None if priced is None else priced.get((kind.id, plan.id))
            reasons: list[Reason] = []
            if pair is None and (priced is None or explain):
                # Plans sold on the same nights within the same limits are refused for the same reasons.
                alike = kind.id, id(calendars[kind.id, plan.id]), catalogue.terms(plan)
                if alike not in known:
                    known[alike] = _reasons(catalogue, calendars, kind, plan, party, stay, today)
                reasons = known[alike]
                if not reasons:
                    pair = _priced(catalogue, calendars, kind, plan, party, days)
            if pair is not None:
                offer = _offer(catalogue, kind, plan, party, pair, terms)
                sold.append(((offer.total, type_place, plan_place), offer))
            elif explain:
                refused.append(explained.refusal(kind, reasons))
    sold.sort(key=itemgetter(0))
    return Offers(
        slug=catalogue.property.slug,
        currency=catalogue.property.currency,
        party=tuple(party),
        offers=tuple([offer for _, offer in sold]),
        refused=tuple(refused) if explain else None,
        fits_in=None if sold else _fits_in(catalogue, party),
    )


def cheapest_of(
    catalogue: Catalogue,
    calendars: Calendars,
    stay: Stay,
    party: Sequence[Occupancy],
    *,
    accepts: Callable[[Offer], bool] | None = None,
    now: datetime,
) -> tuple[RoomType, int] | None:
    """The first of `offers_of` (that is accepted): its room type and its total. Only totals are worked out,
    and offers only where they have to be accepted. Raises `ArrivalInThePast`."""
    own = catalogue.property
    today = business_date(now, own.timezone, own.day_end_time)
    _check_arrival(stay, today)
    days = list(stay)
    sold: list[tuple[int, int, int, RoomType, RatePlan]] = []
    for plan_place, plan in enumerate(catalogue.plans.values()):
        for type_place, kind in enumerate(catalogue.room_types.values()):
            if _reasons(catalogue, calendars, kind, plan, party, stay, today):
                continue
            nights = [calendars[kind.id, plan.id].prices[night] for night in days]
            total = sum(
                number * catalogue.pricing(kind, plan, occupancy).total(nights)
                for occupancy, number in Counter(party).items()
            )
            sold.append((total, type_place, plan_place, kind, plan))
    for total, _, _, kind, plan in sorted(sold, key=lambda one: one[:3]):
        if accepts is None:
            return kind, total
        pair = _priced(catalogue, calendars, kind, plan, party, days)
        if accepts(_offer(catalogue, kind, plan, party, pair, _terms(catalogue, plan, days[0], now))):
            return kind, total
    return None


def _check_arrival(stay: Stay, today: date) -> None:
    if stay.arrival < today:
        raise ArrivalInThePast(
            f"the arrival is before today, {today}, at the hotel",
            field="arrival",
            fix="arrive today or later",
        )


def _fits_in(catalogue: Catalogue, party: Sequence[Occupancy]) -> int | None:
    kinds = [catalogue.occupancy(kind) for kind in catalogue.room_types.values()]
    if any(not any(occupancy_reasons(kind, room) for room in party) for kind in kinds):
        return None
    children = [age for room in party for age in room.children]
    return rooms_that_fit(kinds, sum(room.adults for room in party), children)


def _reasons(
    catalogue: Catalogue,
    calendars: Calendars,
    kind: RoomType,
    plan: RatePlan,
    party: Sequence[Occupancy],
    stay: Stay,
    today: date,
) -> list[Reason]:
    """Why the party is not sold rooms of this type on this plan, each reason once."""
    found = [
        reason
        for occupancy in dict.fromkeys(party)
        for reason in refusals(
            calendars[kind.id, plan.id].nights,
            catalogue.terms(plan),
            catalogue.occupancy(kind),
            occupancy,
            stay,
            len(party),
            today,
        )
    ]
    return list(dict.fromkeys(found))


class _Terms(NamedTuple):
    """What a plan asks of who books now for an arrival."""

    deposit: Deposit
    policy: DatedPolicy


def _terms(catalogue: Catalogue, plan: RatePlan, arrival: date, now: datetime) -> _Terms:
    own, policy = catalogue.property, catalogue.policy(plan)
    return _Terms(
        deposit_on_booking(plan.deposit, arrival=arrival, timezone=own.timezone, at=now),
        DatedPolicy(policy, arrival=arrival, timezone=own.timezone, currency=own.currency, at=now),
    )


def _priced(
    catalogue: Catalogue,
    calendars: Calendars,
    kind: RoomType,
    plan: RatePlan,
    party: Sequence[Occupancy],
    days: Sequence[date],
) -> Priced:
    calendar = calendars[kind.id, plan.id]
    nights = [calendar.prices[night] for night in days]
    return Priced(
        min([calendar.nights[night].rooms_left for night in days]),
        {
            occupancy: catalogue.pricing(kind, plan, occupancy).price(nights)
            for occupancy in dict.fromkeys(party)
        },
    )


def _offer(
    catalogue: Catalogue,
    kind: RoomType,
    plan: RatePlan,
    party: Sequence[Occupancy],
    pair: Priced,
    terms: _Terms,
) -> Offer:
    currency = catalogue.property.currency
    prices = [pair.prices[occupancy] for occupancy in party]
    rooms = tuple(
        [
            OfferedRoom(
                occupancy=occupancy,
                total=room.total,
                net=room.net,
                tax=room.tax,
                due_now=due_now(terms.deposit, room.total, room.by_night, currency=currency),
                lines=room.lines,
            )
            for occupancy, room in zip(party, prices, strict=True)
        ]
    )
    return Offer(
        room_type=kind.code,
        room_type_name=kind.name,
        rate_plan=plan.code,
        rate_plan_name=plan.name,
        meal=plan.meal,
        currency=currency,
        rooms_left=pair.rooms_left,
        total=sum([room.total for room in rooms]),
        net=sum([room.net for room in rooms]),
        tax=sum([room.tax for room in rooms]),
        due_now=sum([room.due_now for room in rooms]),
        rooms=rooms,
        cancellation=terms.policy.terms([(room.total, room.by_night) for room in prices]),
    )


def _fitting(catalogue: Catalogue, party: Sequence[Occupancy]) -> tuple[RoomType, ...]:
    """The room types that every room of the party fits into: only they are a way out."""
    kinds = catalogue.room_types.values()
    return tuple(
        [
            kind
            for kind in kinds
            if not any(occupancy_reasons(catalogue.occupancy(kind), room) for room in party)
        ]
    )


class _WaysOut:
    """Of one plan, for what it is not sold: the nearest stay that it would be sold for, among the room types
    that are `fitting`."""

    def __init__(
        self,
        catalogue: Catalogue,
        calendars: Calendars,
        plan: RatePlan,
        party: Sequence[Occupancy],
        stay: Stay,
        today: date,
        fitting: Sequence[RoomType],
    ) -> None:
        self._catalogue, self._calendars, self._plan = catalogue, calendars, plan
        self._party, self._stay, self._today = party, stay, today
        self._fitting = fitting
        self._seen: dict[str, AllowedStays] = {}

    @cached_property
    def _options(self) -> list[RoomTypeCalendar]:
        catalogue, plan = self._catalogue, self._plan.id
        return [
            RoomTypeCalendar(
                kind.code, kind.name, catalogue.occupancy(kind), self._calendars[kind.id, plan].nights
            )
            for kind in self._fitting
        ]

    def refusal(self, kind: RoomType, reasons: Sequence[Reason]) -> Refusal:
        """Why a room type is not sold on the plan, and what would be."""
        plan = self._plan
        fix = nearest_fix(
            self._options,
            room_type=kind.code,
            terms=self._catalogue.terms(plan),
            occupancy=self._party[0],  # any will do for those that all fit into
            stay=self._stay,
            rooms=len(self._party),
            today=self._today,
            seen=self._seen,
        )
        return Refusal(kind.code, kind.name, plan.code, plan.name, tuple(reasons), fix)
