"""Whether a stay is sold, why not, and the nearest stay that would be: pure functions of the calendar.

What the restrictions mean: minimum and maximum stay on arrival count on the arrival night; minimum stay
through counts on every night of the stay; closed to arrival counts on the arrival day and closed to
departure on the departure day, which is no night of the stay; advance purchase counts the days from the
property's today to the arrival.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

import msgspec

from hotel_booking.core.counting import count
from hotel_booking.core.dates import Stay
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.rates.wording import day

FIX_DAYS = 14

ReasonCode = Literal[
    "in_the_past", "advance_purchase", "advance_maximum", "occupancy", "not_on_sale", "closed", "no_price",
    "sold_out", "min_stay_arrival", "min_stay_through", "max_stay", "closed_to_arrival",
    "closed_to_departure",
]  # fmt: skip

# What each means to who wanted the stay.
MEANINGS: dict[ReasonCode, str] = {
    "in_the_past": "The arrival has passed, by the hotel's own calendar.",
    "advance_purchase": "The plan is only sold more days before arrival.",
    "advance_maximum": "The plan is only sold fewer days before arrival.",
    "occupancy": "The room type does not take so many guests.",
    "not_on_sale": "The hotel does not sell the room type or the plan, on these nights or at all.",
    "closed": "A night is closed for sale.",
    "no_price": "A night has no price on this plan.",
    "sold_out": "A night has too few rooms left.",
    "min_stay_arrival": "An arrival on this night must stay longer.",
    "min_stay_through": "A stay over this night must be longer.",
    "max_stay": "An arrival on this night must stay for fewer nights.",
    "closed_to_arrival": "No arrival is taken on this day.",
    "closed_to_departure": "No departure is taken on this day.",
}


class Restriction(msgspec.Struct, frozen=True, gc=False):
    """What one level (room type, parent plan or plan) says about one night. None restricts nothing."""

    closed: bool = False
    min_stay_arrival: int | None = None
    min_stay_through: int | None = None
    max_stay: int | None = None
    closed_to_arrival: bool = False
    closed_to_departure: bool = False


OPEN = Restriction()
"""Nothing is restricted: most nights. It is handed on as it is, so `is OPEN` is a quick answer."""


def combine(*levels: Restriction | None) -> Restriction:
    """The strictest of all levels; a level that says nothing about the night may be None."""
    said = [level for level in levels if level is not None and level is not OPEN]
    if len(said) < 2:
        return said[0] if said else OPEN
    return Restriction(
        closed=any(level.closed for level in said),
        min_stay_arrival=max((n for s in said if (n := s.min_stay_arrival) is not None), default=None),
        min_stay_through=max((n for s in said if (n := s.min_stay_through) is not None), default=None),
        max_stay=min((n for s in said if (n := s.max_stay) is not None), default=None),
        closed_to_arrival=any(level.closed_to_arrival for level in said),
        closed_to_departure=any(level.closed_to_departure for level in said),
    )


def loosest(levels: Sequence[Restriction]) -> Restriction:
    """What none of several ways to sell a night lets pass: each limit as the most lenient of them has it."""
    if not levels or OPEN in levels:
        return OPEN
    return Restriction(
        closed=all(level.closed for level in levels),
        min_stay_arrival=_least([level.min_stay_arrival for level in levels]),
        min_stay_through=_least([level.min_stay_through for level in levels]),
        max_stay=_most([level.max_stay for level in levels]),
        closed_to_arrival=all(level.closed_to_arrival for level in levels),
        closed_to_departure=all(level.closed_to_departure for level in levels),
    )


def _least(limits: Sequence[int | None]) -> int | None:
    """The lowest minimum; None (no minimum) is lower than any."""
    return None if None in limits else min([limit for limit in limits if limit is not None])


def _most(limits: Sequence[int | None]) -> int | None:
    """The highest maximum; None (no maximum) is higher than any."""
    return None if None in limits else max([limit for limit in limits if limit is not None])


class NightState(msgspec.Struct, frozen=True, gc=False):
    """One night of one room type under one rate plan, every level's restrictions combined.

    `on_sale`: the night has an inventory row. `rooms_left` counts what can still be sold. `price` is
    None where the plan (or its parent) has no price for the night.
    """

    night: date
    on_sale: bool
    rooms_left: int
    closed: bool
    price: int | None
    min_stay_arrival: int | None = None
    min_stay_through: int | None = None
    max_stay: int | None = None
    closed_to_arrival: bool = False
    closed_to_departure: bool = False

    @classmethod
    def of(
        cls, night: date, *, on_sale: bool, rooms_left: int, price: int | None, restriction: Restriction
    ) -> NightState:
        """A night with the restriction that `combine` gave."""
        return cls(
            night,
            on_sale,
            rooms_left,
            restriction.closed,
            price,
            restriction.min_stay_arrival,
            restriction.min_stay_through,
            restriction.max_stay,
            restriction.closed_to_arrival,
            restriction.closed_to_departure,
        )

    @property
    def restriction(self) -> Restriction:
        """What restricts the night; `OPEN` where nothing does."""
        own = (
            self.closed,
            self.min_stay_arrival,
            self.min_stay_through,
            self.max_stay,
            self.closed_to_arrival,
            self.closed_to_departure,
        )
        return Restriction(*own) if any(own) else OPEN


Calendar = Mapping[date, NightState]


class PlanTerms(msgspec.Struct, frozen=True):
    """What a rate plan asks of every stay; None is no limit. Days from today to arrival, and nights."""

    min_advance_days: int | None = None
    max_advance_days: int | None = None
    min_stay: int | None = None
    max_stay: int | None = None


class OccupancyRules(msgspec.Struct, frozen=True):
    """Whom one room takes.

    Children of `adult_age` (see `types.adult_age`) or older count as adults here as in the price, but
    at least `min_adults` must be adults in truth.
    """

    max_occupancy: int
    max_adults: int
    max_children: int
    adult_age: int
    min_adults: int = 1


class Reason(msgspec.Struct, frozen=True):
    """One reason why a stay is not sold. `limit` is the number that would have to be met, if any.

    `night` is None where the reason holds for the stay as a whole; for `closed_to_departure` it is the
    departure day.
    """

    code: ReasonCode
    night: date | None
    detail: str
    limit: int | None = None


def window(stay: Stay, today: date) -> tuple[date, date]:
    """The first and the last date, both inclusive, that calendars must hold for `nearest_fix`.

    For `refusals` alone the nights of the stay and the departure day are enough. Dates before today are
    needed only for a stay that itself begins before today.
    """
    reach = timedelta(days=FIX_DAYS)
    return max(stay.arrival - reach, min(stay.arrival, today)), stay.departure + reach


def refusals(
    calendar: Calendar,
    terms: PlanTerms,
    occupancy_rules: OccupancyRules,
    occupancy: Occupancy,
    stay: Stay,
    rooms: int,
    today: date,
) -> list[Reason]:
    """Every reason why `rooms` rooms are not sold for the stay; empty where they are.

    `today` is the property's date. Reasons for the stay as a whole come first, then those of each night
    in order, then the departure day's. A night missing from the calendar is not on sale; a departure
    day missing from it restricts nothing.
    """
    reasons = [
        *_advance_reasons(terms, stay.arrival, today),
        *occupancy_reasons(occupancy_rules, occupancy),
        *_length_reasons(terms, stay.nights),
    ]
    for night in stay:
        state = calendar.get(night)
        if state is None or not state.on_sale:
            reasons.append(Reason("not_on_sale", night, f"not on sale on {day(night)}"))
            continue
        reasons += _night_reasons(state, stay.nights, rooms)
        if night == stay.arrival:
            reasons += _arrival_reasons(state, stay.nights)
    last = calendar.get(stay.departure)
    if last is not None and last.closed_to_departure:
        reasons.append(
            Reason("closed_to_departure", stay.departure, f"no departure on {day(stay.departure)}")
        )
    return reasons


def occupancy_reasons(rules: OccupancyRules, occupancy: Occupancy) -> list[Reason]:
    """Why a room does not take these persons; empty where it does."""
    as_adults = sum([age >= rules.adult_age for age in occupancy.children])
    adults, children = occupancy.adults + as_adults, len(occupancy.children) - as_adults
    reasons = []
    if occupancy.adults < rules.min_adults:
        reasons.append(
            _occupancy(f"at least {count(rules.min_adults, 'adult')} in each room", rules.min_adults)
        )
    if occupancy.persons > rules.max_occupancy:
        reasons.append(
            _occupancy(f"sleeps at most {count(rules.max_occupancy, 'guest')}", rules.max_occupancy)
        )
    if adults > rules.max_adults:
        older = f" (from {rules.adult_age} years)" if as_adults else ""
        reasons.append(
            _occupancy(f"takes at most {count(rules.max_adults, 'adult')}{older}", rules.max_adults)
        )
    if children > rules.max_children:
        most = count(rules.max_children, "child", "children") if rules.max_children else "no children"
        reasons.append(
            _occupancy(f"takes {'at most ' if rules.max_children else ''}{most}", rules.max_children)
        )
    return reasons


def _advance_reasons(terms: PlanTerms, arrival: date, today: date) -> list[Reason]:
    days = (arrival - today).days
    least, most = terms.min_advance_days, terms.max_advance_days
    if days < 0:
        return [Reason("in_the_past", arrival, f"{day(arrival)} is in the past")]
    reasons = []
    if least is not None and days < least:
        reasons.append(
            Reason(
                "advance_purchase",
                arrival,
                f"to be booked at least {count(least, 'day')} before arrival: "
                f"arrive on {day(today + timedelta(days=least))} or later",
                least,
            )
        )
    if most is not None and days > most:
        reasons.append(
            Reason(
                "advance_maximum",
                arrival,
                f"to be booked at most {count(most, 'day')} before arrival: "
                f"arrive on {day(today + timedelta(days=most))} or earlier, or book later",
                most,
            )
        )
    return reasons


def _length_reasons(terms: PlanTerms, nights: int) -> list[Reason]:
    reasons = []
    if terms.min_stay is not None and nights < terms.min_stay:
        detail = f"minimum stay {count(terms.min_stay, 'night')} at this rate"
        reasons.append(Reason("min_stay_arrival", None, detail, terms.min_stay))
    if terms.max_stay is not None and nights > terms.max_stay:
        detail = f"maximum stay {count(terms.max_stay, 'night')} at this rate"
        reasons.append(Reason("max_stay", None, detail, terms.max_stay))
    return reasons


def _night_reasons(state: NightState, nights: int, rooms: int) -> list[Reason]:
    reasons = []
    night = state.night
    if state.closed:
        reasons.append(Reason("closed", night, f"closed for sale on {day(night)}"))
    if state.price is None:
        reasons.append(Reason("no_price", night, f"no price on {day(night)}"))
    if state.rooms_left < rooms:
        left = max(state.rooms_left, 0)
        detail = f"only {count(left, 'room')} left on {day(night)}" if left else f"sold out on {day(night)}"
        reasons.append(Reason("sold_out", night, detail, left))
    through = state.min_stay_through
    if through is not None and nights < through:
        detail = f"minimum stay {count(through, 'night')} for stays over {day(night)}"
        reasons.append(Reason("min_stay_through", night, detail, through))
    return reasons


def _arrival_reasons(state: NightState, nights: int) -> list[Reason]:
    reasons = []
    least, most, on = state.min_stay_arrival, state.max_stay, day(state.night)
    if least is not None and nights < least:
        detail = f"minimum stay {count(least, 'night')} on {on}"
        reasons.append(Reason("min_stay_arrival", state.night, detail, least))
    if most is not None and nights > most:
        detail = f"maximum stay {count(most, 'night')} on {on}"
        reasons.append(Reason("max_stay", state.night, detail, most))
    if state.closed_to_arrival:
        reasons.append(Reason("closed_to_arrival", state.night, f"no arrival on {on}"))
    return reasons


def _occupancy(detail: str, limit: int) -> Reason:
    return Reason("occupancy", None, detail, limit)
