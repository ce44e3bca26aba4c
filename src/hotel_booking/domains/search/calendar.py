"""One hotel night by night: the lowest price, the rooms left, and what restricts the stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar

from hotel_booking.core.code_names import called
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.availability import load_calendar
from hotel_booking.domains.properties.catalogue import RoomType
from hotel_booking.domains.rates.catalogue import RatePlan
from hotel_booking.domains.rates.queries import (
    Calendars,
    Catalogue,
    load_catalogue,
)
from hotel_booking.domains.rates.restrictions import (
    OPEN,
    Restriction,
    combine,
    loosest,
    occupancy_reasons,
)
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.search.cheapest import rounding
from hotel_booking.domains.search.errors import InvalidCalendar, UnknownCode
from hotel_booking.domains.search.types import CalendarNight, PriceCalendar

MAX_NIGHTS = 400
_CLOSED = Restriction(closed=True)

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
    calendars = await load_calendar(tx, catalogue, first, last, now)
    return calendar_of(
        catalogue, calendars, first, last, occupancy, room_type=room_type, rate_plan=rate_plan, now=now
    )


def calendar_of(
    catalogue: Catalogue,
    calendars: Calendars,
    first: date,
    last: date,
    occupancy: Occupancy,
    *,
    room_type: str | None = None,
    rate_plan: str | None = None,
    now: datetime,
) -> PriceCalendar:
    """`calendar` of what has been loaded: `calendars` hold the nights from `first` to `last`, or more."""
    types = _chosen(catalogue.room_types, room_type, "room_type")
    plans = _chosen(catalogue.plans, rate_plan, "rate_plan")
    today = business_date(now, catalogue.property.timezone, catalogue.property.day_end_time)
    fitting = [kind for kind in types if not occupancy_reasons(catalogue.occupancy(kind), occupancy)]
    pairs = [_Pair(catalogue, calendars, kind, plan, occupancy) for kind in fitting for plan in plans]
    # What is left of a type is the same on every plan.
    rooms = [calendars[kind.id, plan.id].nights for kind in types for plan in [*catalogue.plans.values()][:1]]
    below = rounding(1, [occupancy], len(catalogue.taxes), catalogue.property.currency)
    nights = []
    for i in range((last - first).days + 1):
        night = first + timedelta(days=i)
        left = sum([state.rooms_left for of_type in rooms if (state := of_type.get(night)) is not None])
        days = i + (first - today).days
        nights.append(_night(night, left, [pair for pair in pairs if pair.sells(night, days)], below))
    return PriceCalendar(catalogue.property.slug, catalogue.property.currency, tuple(nights))


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
        calendar = calendars[kind.id, plan.id]
        self._nights = calendar.nights
        self._prices = calendar.prices
        self._pricing = catalogue.pricing(kind, plan, occupancy)
        self._known: dict[tuple[object, ...], int] = {}
        terms = catalogue.terms(plan)
        self._least = terms.min_advance_days or 0
        self._most = terms.max_advance_days
        own = Restriction(min_stay_arrival=terms.min_stay, max_stay=terms.max_stay)
        self._own = OPEN if own == OPEN else own

    def sells(self, night: date, days: int) -> bool:
        """Whether the night, so many days from today, has a room and a price, and may be booked today."""
        state = self._nights.get(night)
        return (
            state is not None
            and state.on_sale
            and not state.closed
            and state.rooms_left > 0
            and state.price is not None
            and days >= self._least
            and (self._most is None or days <= self._most)
        )

    def charges(self, night: date) -> int:
        """What the night is charged before taxes."""
        return self._pricing.charges(self._prices[night])

    def price(self, night: date) -> int:
        """What the one night costs."""
        amounts = self._prices[night]
        key = (
            amounts.price,
            amounts.extra_adult,
            amounts.child_amounts,
            self._pricing.taxes_in_effect(night),
        )
        total = self._known.get(key)
        if total is None:
            total = self._known[key] = self._pricing.total([amounts])
        return total

    def restriction(self, night: date) -> Restriction:
        """The night's restrictions and the plan's own."""
        return combine(self._nights[night].restriction, self._own)


class _Cheapest(NamedTuple):
    """The least of one night: its price, and the pair's place for equal prices."""

    price: int
    place: int
    codes: tuple[str, str]


def _night(night: date, rooms_left: int, open_pairs: Sequence[_Pair], below: int) -> CalendarNight:
    best: _Cheapest | None = None
    # A price is its charges with taxes on top: what is charged more than the best costs need not be priced.
    for charged, place in sorted([(pair.charges(night), place) for place, pair in enumerate(open_pairs)]):
        if best is not None and charged - below > best.price:
            break
        pair = open_pairs[place]
        one = _Cheapest(pair.price(night), place, pair.codes)
        best = one if best is None else min(best, one)
    if best is None:
        return CalendarNight(night, None, None, None, rooms_left, _CLOSED)
    return CalendarNight(night, best.price, *best.codes, rooms_left, _restriction(night, open_pairs))


def _restriction(night: date, open_pairs: Sequence[_Pair]) -> Restriction:
    """The loosest of all pairs."""
    found = []
    for pair in open_pairs:
        own = pair.restriction(night)
        if own is OPEN:
            return OPEN
        found.append(own)
    return loosest(found)


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
