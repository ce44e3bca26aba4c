"""Everything one hotel sells for a stay, and why it does not sell the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import date, datetime

import msgspec

from hotel_booking.core.dates import Stay, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.availability import load_calendar
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.rates.cancellation import describe, due_on_booking, fee_amount
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.nearest_fix import Allowed, RoomTypeCalendar, nearest_fix
from hotel_booking.domains.rates.party import rooms_that_fit
from hotel_booking.domains.rates.pricing import night_totals
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
from hotel_booking.domains.rates.types import CancellationPolicy, Fee, Occupancy, Price
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


def offers_of(
    catalogue: Catalogue,
    calendars: Calendars,
    stay: Stay,
    party: Sequence[Occupancy],
    *,
    explain: bool = False,
    now: datetime,
) -> Offers:
    """`offers` of what has been loaded: `calendars` hold the nights of the stay and its departure day, with
    `explain` those of `restrictions.window`, or more."""
    today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    _check_arrival(stay, today)
    sold: list[tuple[tuple[int, int, int], Offer]] = []
    refused: list[Refusal] = []
    days = list(stay)
    known: dict[tuple[int, int, PlanTerms], list[Reason]] = {}
    for plan_place, plan in enumerate(catalogue.plans.values()):
        seen: dict[str, Allowed] = {}
        for type_place, kind in enumerate(catalogue.room_types.values()):
            # Plans sold on the same nights within the same limits are refused for the same reasons.
            alike = kind.id, id(calendars[kind.id, plan.id]), catalogue.terms(plan)
            reasons = known.get(alike)
            if reasons is None:
                reasons = known[alike] = _reasons(catalogue, calendars, kind, plan, party, stay, today)
            if not reasons:
                offer = _offer(catalogue, calendars, kind, plan, party, days, now)
                sold.append(((offer.total, type_place, plan_place), offer))
            elif explain:
                refused.append(_refusal(catalogue, calendars, kind, plan, party, stay, today, reasons, seen))
    sold.sort(key=lambda item: item[0])
    return Offers(
        slug=catalogue.property.slug,
        currency=catalogue.property.currency,
        party=tuple(party),
        offers=tuple(offer for _, offer in sold),
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
        if accepts is None or accepts(_offer(catalogue, calendars, kind, plan, party, days, now)):
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


def _offer(
    catalogue: Catalogue,
    calendars: Calendars,
    kind: RoomType,
    plan: RatePlan,
    party: Sequence[Occupancy],
    days: Sequence[date],
    now: datetime,
) -> Offer:
    calendar = calendars[kind.id, plan.id]
    currency = catalogue.property.currency
    nights = [calendar.prices[night] for night in days]
    by_occupancy = {
        occupancy: catalogue.pricing(kind, plan, occupancy).price(nights)
        for occupancy in dict.fromkeys(party)
    }
    prices = [by_occupancy[occupancy] for occupancy in party]
    shares = [night_totals(room) for room in prices]
    rooms = tuple(
        OfferedRoom(
            occupancy=occupancy,
            total=room.total,
            net=room.net,
            tax=room.tax,
            due_now=due_on_booking(
                plan.deposit,
                room.total,
                share,
                currency=room.currency,
                arrival=days[0],
                timezone=catalogue.property.timezone,
                at=now,
            ),
            lines=room.lines,
        )
        for occupancy, room, share in zip(party, prices, shares, strict=True)
    )
    total = sum(room.total for room in rooms)
    return Offer(
        room_type=kind.code,
        room_type_name=kind.name,
        rate_plan=plan.code,
        rate_plan_name=plan.name,
        meal=plan.meal,
        currency=currency,
        rooms_left=min([calendar.nights[night].rooms_left for night in days]),
        total=total,
        net=sum(room.net for room in rooms),
        tax=sum(room.tax for room in rooms),
        due_now=sum(room.due_now for room in rooms),
        rooms=rooms,
        cancellation=describe(
            _for_all(catalogue.policy(plan), prices, shares),
            arrival=days[0],
            timezone=catalogue.property.timezone,
            currency=currency,
            total=total,
            night_totals=[sum(night) for night in zip(*shares, strict=True)],
            at=now,
        ),
    )


def _for_all(
    policy: CancellationPolicy, rooms: Sequence[Price], shares: Sequence[Sequence[int]]
) -> CancellationPolicy:
    """The policy with its fees as amounts: what all rooms together cost, each being a reservation."""
    if len(rooms) == 1:
        return policy

    def summed(fee: Fee) -> Fee:
        amounts = (
            fee_amount(fee, total=room.total, night_totals=share, currency=room.currency)
            for room, share in zip(rooms, shares, strict=True)
        )
        return Fee("fixed", sum(amounts))

    steps = tuple(msgspec.structs.replace(step, fee=summed(step.fee)) for step in policy.steps)
    return CancellationPolicy(policy.code, policy.name, steps, summed(policy.no_show))


def _refusal(
    catalogue: Catalogue,
    calendars: Calendars,
    kind: RoomType,
    plan: RatePlan,
    party: Sequence[Occupancy],
    stay: Stay,
    today: date,
    reasons: Sequence[Reason],
    seen: dict[str, Allowed],
) -> Refusal:
    # Only types that every room of the party fits into are a way out; any of its occupancies will do then.
    options = [
        RoomTypeCalendar(
            option.code, option.name, catalogue.occupancy(option), calendars[option.id, plan.id].nights
        )
        for option in catalogue.room_types.values()
        if not any(occupancy_reasons(catalogue.occupancy(option), occupancy) for occupancy in party)
    ]
    fix = nearest_fix(
        options,
        room_type=kind.code,
        terms=catalogue.terms(plan),
        occupancy=party[0],
        stay=stay,
        rooms=len(party),
        today=today,
        seen=seen,
    )
    return Refusal(kind.code, kind.name, plan.code, plan.name, tuple(reasons), fix)
