"""The nearest stay that would be sold, for a stay that is refused.

A candidate is a room type, an arrival and a departure, each date at most 14 days from the one asked for.
It costs the days that the arrival moves, plus the nights that the stay grows or shrinks by, plus 1 for
another room type. The cheapest candidate that `restrictions.refusals` lets through is the fix; at the
same cost in this order: the same room type, the same number of nights, the smaller move, the later
arrival, the longer stay, the room type named first.

A search explains many refused pairs, so a candidate is judged in constant time: each room type's
calendar is first folded into the lengths allowed per arrival and a table of range maxima.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import lru_cache

import msgspec

from hotel_booking.core.counting import count
from hotel_booking.core.dates import FIRST_NIGHT, LAST_NIGHT, MAX_NIGHTS, Stay
from hotel_booking.domains.rates.restrictions import (
    FIX_DAYS,
    Calendar,
    OccupancyRules,
    PlanTerms,
    occupancy_reasons,
    window,
)
from hotel_booking.domains.rates.types import Occupancy
from hotel_booking.domains.rates.wording import day

# Every change of (arrival in days, nights), the nearest first. The order is the documented one; it
# leaves no two changes equal, so a place in it compares as the whole key does.
_CHANGES = sorted(
    (
        (shift, growth)
        for shift in range(-FIX_DAYS, FIX_DAYS + 1)
        for growth in range(-2 * FIX_DAYS, 2 * FIX_DAYS + 1)
        if abs(shift + growth) <= FIX_DAYS
    ),
    key=lambda change: (
        abs(change[0]) + abs(change[1]),
        change[1] != 0,
        abs(change[0]),
        change[0] < 0,
        change[1] < 0,
    ),
)
_COSTS = [abs(shift) + abs(growth) for shift, growth in _CHANGES]
# Where the changes of each cost begin; one more entry than there are costs.
_BEGINS = [place for place, cost in enumerate(_COSTS) if place == 0 or cost != _COSTS[place - 1]]
_BEGINS.append(len(_CHANGES))


class RoomTypeCalendar(msgspec.Struct, frozen=True):
    """One room type under the rate plan in question; `calendar` holds at least `restrictions.window`."""

    code: str
    name: str
    occupancy_rules: OccupancyRules
    calendar: Calendar


class Fix(msgspec.Struct, frozen=True):
    """A stay that would be sold. `change` says to the guest what is different."""

    room_type: str
    arrival: date
    departure: date
    change: str


def nearest_fix(
    room_types: Sequence[RoomTypeCalendar],
    *,
    room_type: str,
    terms: PlanTerms,
    occupancy: Occupancy,
    stay: Stay,
    rooms: int,
    today: date,
    seen: dict[str, AllowedStays] | None = None,
) -> Fix | None:
    """The nearest stay sold under one rate plan instead of `stay` in `room_type`; None where none is.

    `room_types` are those that the plan sells, in the order they are to be preferred in; `room_type` is
    among them or is not sold at all. `today` is the property's date. A stay that is sold comes back
    unchanged. `seen` is for several room types of one plan and stay: what was found out of each other one.
    """
    seen = {} if seen is None else seen
    best: int | None = None
    chosen: RoomTypeCalendar | None = None
    until = len(_CHANGES)
    for option in room_types:
        if option.code == room_type:
            best = _nearest_change(option, terms, occupancy, stay, rooms, today, until, seen)
            if best is not None:
                chosen = option
                # Another room type costs 1 more, so it wins only with a change cheaper by 2.
                until = _BEGINS[max(_COSTS[best] - 1, 0)]
    for option in room_types:
        if option.code != room_type and until > 0:
            place = _nearest_change(option, terms, occupancy, stay, rooms, today, until, seen)
            if place is not None:
                best, chosen, until = place, option, place
    if best is None or chosen is None:
        return None
    shift, growth = _CHANGES[best]
    fixed = Stay(stay.arrival + timedelta(days=shift), stay.departure + timedelta(days=shift + growth))
    other = chosen.name if chosen.code != room_type else None
    return Fix(chosen.code, fixed.arrival, fixed.departure, _change_text(stay, fixed, other))


def _nearest_change(
    option: RoomTypeCalendar,
    terms: PlanTerms,
    occupancy: Occupancy,
    stay: Stay,
    rooms: int,
    today: date,
    until: int,
    seen: dict[str, AllowedStays],
) -> int | None:
    """The first place in `_CHANGES`, before `until`, that the room type is sold with."""
    if occupancy_reasons(option.occupancy_rules, occupancy):
        return None
    allowed = seen.get(option.code)
    if allowed is None:
        allowed = seen[option.code] = AllowedStays(option.calendar, terms, stay, rooms, today)
    if not allowed.any_arrival:
        return None
    shortest, longest, no_departure = allowed.shortest, allowed.longest, allowed.no_departure
    maxima, origin, nights_asked = allowed.maxima, allowed.origin, stay.nights
    for place in range(until):
        shift, growth = _CHANGES[place]
        nights = nights_asked + growth
        arrival = origin + shift
        if arrival < 0 or not shortest[arrival] <= nights <= longest[arrival]:
            continue
        if no_departure[arrival + nights]:
            continue
        if maxima:
            # Two runs of a power of two nights cover the stay; they may overlap, which maxima forgive.
            row = nights.bit_length() - 1
            level = maxima[row]
            if max(level[arrival], level[arrival + nights - (1 << row)]) > nights:
                continue
        return place
    return None


class AllowedStays:
    """A room type's calendar over the window, by day number from the window's first date.

    Of each possible arrival the shortest and the longest stay by everything but departures and minimum
    stay through; `longest` is 0 where no stay begins. `maxima[k][i]` is the strictest minimum stay
    through of the 2**k nights from i on; empty where there is none in the window.
    """

    __slots__ = ("any_arrival", "longest", "maxima", "no_departure", "origin", "shortest")

    def __init__(self, calendar: Calendar, terms: PlanTerms, stay: Stay, rooms: int, today: date) -> None:
        first, last = window(stay, today)
        dates = _dates(first, last)
        days = len(dates)
        self.origin = (stay.arrival - first).days
        states = [calendar.get(night) for night in dates]
        arrivals = self._arrivals(terms, stay, first, today)
        shortest_sold = terms.min_stay or 1
        longest_sold = MAX_NIGHTS if terms.max_stay is None else min(terms.max_stay, MAX_NIGHTS)
        self.no_departure = [state is not None and state.closed_to_departure for state in states]
        self.shortest, self.longest = [1] * days, [0] * days
        through = [1] * days
        # The departure is within the window, and no later than a stay may end at all.
        run_end = min(days - 1, (LAST_NIGHT - first).days)
        for i in range(run_end, -1, -1):
            state = states[i]
            if (
                state is None
                or not state.on_sale
                or state.closed
                or state.price is None
                or state.rooms_left < rooms
            ):
                run_end = i
                continue
            least = through[i] = state.min_stay_through or 1
            if i in arrivals and not state.closed_to_arrival:
                self.shortest[i] = max(state.min_stay_arrival or 1, least, shortest_sold)
                most = min(run_end - i, longest_sold)
                self.longest[i] = most if state.max_stay is None else min(most, state.max_stay)
        self.any_arrival = any(low <= high for low, high in zip(self.shortest, self.longest, strict=True))
        self.maxima = _range_maxima(through, stay.nights + 2 * FIX_DAYS) if max(through) > 1 else []

    @staticmethod
    def _arrivals(terms: PlanTerms, stay: Stay, first: date, today: date) -> range:
        """The day numbers on which an arrival may lie by the dates alone."""
        earliest = max(
            stay.arrival - timedelta(days=FIX_DAYS),
            today + timedelta(days=terms.min_advance_days or 0),
            FIRST_NIGHT,
        )
        latest = stay.arrival + timedelta(days=FIX_DAYS)
        if terms.max_advance_days is not None:
            latest = min(latest, today + timedelta(days=terms.max_advance_days))
        return range((earliest - first).days, (latest - first).days + 1)


@lru_cache(maxsize=64)
def _dates(first: date, last: date) -> tuple[date, ...]:
    """The same few windows, for every room type and plan of every refusal."""
    return tuple(first + timedelta(days=i) for i in range((last - first).days + 1))


def _range_maxima(values: list[int], longest: int) -> list[list[int]]:
    """Rows of maxima over 1, 2, 4 … values, up to the `longest` run asked for (a sparse table)."""
    rows = [values]
    width = 1
    while 2 * width <= min(longest, len(values)):
        row = rows[-1]
        rows.append(list(map(max, row, row[width:])))
        width *= 2
    return rows


def _change_text(asked: Stay, fixed: Stay, other_room_type: str | None) -> str:
    nights = count(fixed.nights, "night")
    moved, resized = fixed.arrival != asked.arrival, fixed.nights != asked.nights
    if other_room_type is not None:
        parts = [f"take {other_room_type} instead"]
        if moved:
            parts.append(f"arrive {day(fixed.arrival)}")
        if moved or resized:
            parts.append(nights)
        return ", ".join(parts)
    if moved:
        return f"arrive {day(fixed.arrival)} instead, {nights}"
    if resized:
        return f"stay {nights} instead of {asked.nights}, until {day(fixed.departure)}"
    return "as asked"
