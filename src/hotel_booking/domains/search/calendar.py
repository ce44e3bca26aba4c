"""One hotel night by night: the lowest price, the rooms left, and what restricts the stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar

from hotel_booking.core.code_names import called
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.availability import load_calendar
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.pricing import price
from hotel_booking.domains.rates.queries import (
    Calendars,
    Catalogue,
    load_catalogue,
)
from hotel_booking.domains.rates.restrictions import (
    NightState,
    PlanTerms,
    Restriction,
    combine,
    occupancy_reasons,
)
from hotel_booking.domains.rates.types import NightPrice, Occupancy, Rules
from hotel_booking.domains.search.errors import InvalidCalendar, UnknownCode
from hotel_booking.domains.search.types import CalendarNight, PriceCalendar

MAX_NIGHTS = 400

_Row = TypeVar("_Row")


async def calendar(
    tx: Transaction,
    slug: str,
    first: date,
    last: date,
    occupancy: Occupancy,
    *,
    room_type: str | None = None,
    rate_plan: str | None = None,
    now: datetime,
) -> PriceCalendar:
    """The nights from `first` to `last`, both inclusive, at most 400, in three statements.

    Nights before the hotel's today, and those that a plan's advance purchase rules out, have no price.
    Raises `PropertyNotFound`, `InvalidCalendar`, and `UnknownCode` for a room type or plan.
    """
    if last < first:
        raise InvalidCalendar("`to` is before `from`", field="to", fix="both are nights, inclusive")
    if (last - first).days >= MAX_NIGHTS:
        raise InvalidCalendar(
            f"a calendar has at most {MAX_NIGHTS} nights",
            field="to",
            fix=f"ask until {first + timedelta(days=MAX_NIGHTS - 1)} and then for the rest",
        )
    catalogue = await load_catalogue(tx, slug)
    types = _chosen(catalogue.room_types, room_type, "room_type")
    plans = _chosen(catalogue.plans, rate_plan, "rate_plan")
    calendars = await load_calendar(tx, catalogue, first, last, now)
    today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    fitting = [kind for kind in types if not occupancy_reasons(catalogue.occupancy(kind), occupancy)]
    pairs = [_Pair(catalogue, calendars, kind, plan, occupancy) for kind in fitting for plan in plans]
    nights = []
    for i in range((last - first).days + 1):
        night = first + timedelta(days=i)
        left = sum(_rooms_left(calendars, kind, catalogue, night) for kind in types)
        nights.append(_night(night, left, [pair for pair in pairs if pair.sells(night, today)]))
    return PriceCalendar(slug, catalogue.property.currency, tuple(nights))


class _Pair:
    """A room type on a plan, with the prices of single nights remembered: seasons repeat them."""

    def __init__(
        self,
        catalogue: Catalogue,
        calendars: Calendars,
        kind: RoomType,
        plan: RatePlan,
        occupancy: Occupancy,
    ) -> None:
        self.codes = (kind.code, plan.code)
        self._calendar = calendars[kind.id, plan.id]
        self._terms: PlanTerms = catalogue.terms(plan)
        self._rules: Rules = catalogue.rules(kind, plan)
        self._occupancy = occupancy
        self._known: dict[tuple[object, ...], int] = {}

    def sells(self, night: date, today: date) -> bool:
        """Whether the night has a room and a price, and may be booked today."""
        state = self._calendar.nights.get(night)
        days, terms = (night - today).days, self._terms
        return (
            state is not None
            and state.on_sale
            and not state.closed
            and state.rooms_left > 0
            and state.price is not None
            and days >= (terms.min_advance_days or 0)
            and (terms.max_advance_days is None or days <= terms.max_advance_days)
        )

    def price(self, night: date) -> int:
        """What the one night costs."""
        amounts: NightPrice = self._calendar.prices[night]
        in_effect = tuple(tax.in_effect(night) for tax in self._rules.taxes)
        key = (amounts.price, amounts.extra_adult, amounts.child_amounts, in_effect)
        total = self._known.get(key)
        if total is None:
            total = self._known[key] = price(self._rules, [amounts], self._occupancy).total
        return total

    def restriction(self, night: date) -> Restriction:
        """The night's restrictions and the plan's own."""
        state: NightState = self._calendar.nights[night]
        own = Restriction(min_stay_arrival=self._terms.min_stay, max_stay=self._terms.max_stay)
        return combine(
            Restriction(
                state.closed,
                state.min_stay_arrival,
                state.min_stay_through,
                state.max_stay,
                state.closed_to_arrival,
                state.closed_to_departure,
            ),
            own,
        )


class _Cheapest(NamedTuple):
    """The least of one night: its price, and the pair's place for equal prices."""

    price: int
    place: int
    codes: tuple[str, str]


def _night(night: date, rooms_left: int, open_pairs: Sequence[_Pair]) -> CalendarNight:
    if not open_pairs:
        return CalendarNight(night, None, None, None, rooms_left, Restriction(closed=True))
    best = min(_Cheapest(pair.price(night), place, pair.codes) for place, pair in enumerate(open_pairs))
    loosest = _loosest([pair.restriction(night) for pair in open_pairs])
    return CalendarNight(night, best.price, *best.codes, rooms_left, loosest)


def _loosest(restrictions: Sequence[Restriction]) -> Restriction:
    return Restriction(
        closed=False,
        min_stay_arrival=_least([r.min_stay_arrival for r in restrictions]),
        min_stay_through=_least([r.min_stay_through for r in restrictions]),
        max_stay=_most([r.max_stay for r in restrictions]),
        closed_to_arrival=all(r.closed_to_arrival for r in restrictions),
        closed_to_departure=all(r.closed_to_departure for r in restrictions),
    )


def _least(limits: Iterable[int | None]) -> int | None:
    """The lowest minimum; None (no minimum) is lower than any."""
    said = list(limits)
    return None if None in said else min(limit for limit in said if limit is not None)


def _most(limits: Iterable[int | None]) -> int | None:
    """The highest maximum; None (no maximum) is higher than any."""
    said = list(limits)
    return None if None in said else max(limit for limit in said if limit is not None)


def _chosen(known: Mapping[str, _Row], code: str | None, field: str) -> list[_Row]:
    """The one row with the code, or all of them where none is asked for."""
    if code is None:
        return list(known.values())
    if code not in known:
        raise UnknownCode(
            f"there is no {called(field, 'object')} {code!r} at this hotel",
            field=field,
            fix=f"it has {', '.join(sorted(known)) or 'none'}",
        )
    return [known[code]]


def _rooms_left(calendars: Calendars, kind: RoomType, catalogue: Catalogue, night: date) -> int:
    for plan in catalogue.plans.values():
        state = calendars[kind.id, plan.id].nights.get(night)
        return state.rooms_left if state is not None else 0
    return 0
