"""The calendar of prices on a property's page: months as tables, in which a stay is chosen day by day.

Each day is a link: the first one chosen is the arrival, the next the departure, so that dates can be chosen
without a script. Which days are links, the hotel's nights say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

import msgspec

from hotel_booking.core.dates import MAX_NIGHTS
from hotel_booking.domains.search.types import CalendarNight, PriceCalendar
from hotel_booking.web.search.months import moved, weeks
from hotel_booking.web.search.query import Asked

MONTHS_SHOWN = 2
MONTHS_AHEAD = 18


class Day(msgspec.Struct, frozen=True):
    """A day of the calendar. `price` is the lowest for its night, None where none is sold; `href` leads on
    where the day can be chosen. `marks`: `past`, `arrival`, `departure`, `within` the stay, `low` for the
    cheapest nights shown, `no-arrival`, `today`. `least` is the minimum stay on arrival, if more than one."""

    day: date
    price: int | None
    href: str | None
    marks: tuple[str, ...]
    least: int | None


class Month(msgspec.Struct, frozen=True):
    """A month in weeks; None where a week reaches into another month."""

    first: date
    weeks: tuple[tuple[Day | None, ...], ...]


class Months(msgspec.Struct, frozen=True):
    """The months shown and the way to others. `choosing` says what the next day chosen will be."""

    months: tuple[Month, ...]
    weekdays: tuple[date, ...]
    before: str | None
    after: str | None
    choosing: str
    currency: str


def shown_from(asked: Asked, today: date) -> date:
    """The first of the first month: the one asked for, or the arrival's, or this one."""
    first = asked.month or (asked.arrival or today).replace(day=1)
    return min(max(first, today.replace(day=1)), moved(today, MONTHS_AHEAD))


def last_shown(first: date) -> date:
    """The last day of the months shown."""
    return moved(first, MONTHS_SHOWN) - timedelta(days=1)


def months(prices: PriceCalendar, asked: Asked, *, today: date, first: date, week_begins: int) -> Months:
    """The months from `first` on. `prices` hold their nights, and where a departure is being chosen also
    those from the arrival on. `week_begins`: 0 for Monday, 6 for Sunday."""
    nights = {night.night: night for night in prices.nights}
    leaving = asked.arrival is not None and asked.stay is None
    departures = _departures(nights, asked.arrival) if leaving and asked.arrival is not None else {}
    sold = sorted(n.price for n in prices.nights if n.price is not None)
    low = sold[len(sold) // 4] if len(sold) >= 8 and sold[0] < sold[-1] else None
    shown = tuple(moved(first, place) for place in range(MONTHS_SHOWN))

    def day(value: date) -> Day:
        night = nights.get(value)
        price = None if night is None or value < today else night.price
        href = None
        if leaving and value in departures:
            href = asked.query(departure=value) + "#rooms"
        elif price is not None and night is not None and not night.restriction.closed_to_arrival:
            href = asked.query(arrival=value, departure=None, month=f"{first:%Y-%m}") + "#prices"
        least = night.restriction.min_stay_arrival if night is not None and price is not None else None
        return Day(
            value,
            price,
            href,
            tuple(_marks(value, night, price, asked, today, low)),
            least if least and least > 1 else None,
        )

    return Months(
        months=tuple(Month(month, weeks(month, week_begins, day)) for month in shown),
        weekdays=tuple(date(2024, 1, 1) + timedelta(days=week_begins + i) for i in range(7)),
        before=_to_month(asked, moved(first, -1)) if first > today.replace(day=1) else None,
        after=_to_month(asked, moved(first, 1)) if first < moved(today, MONTHS_AHEAD) else None,
        choosing="departure" if leaving else "arrival",
        currency=prices.currency,
    )


def _to_month(asked: Asked, month: date) -> str:
    return asked.query(month=f"{month:%Y-%m}") + "#prices"


def _marks(
    value: date, night: CalendarNight | None, price: int | None, asked: Asked, today: date, low: int | None
) -> list[str]:
    marks = []
    if value == today:
        marks.append("today")
    if value < today:
        marks.append("past")
    elif price is None:
        marks.append("none")
    elif low is not None and price <= low:
        marks.append("low")
    if night is not None and price is not None and night.restriction.closed_to_arrival:
        marks.append("no-arrival")
    if value == asked.arrival:
        marks.append("arrival")
    if asked.stay is not None and value == asked.stay.departure:
        marks.append("departure")
    elif asked.stay is not None and asked.stay.arrival < value < asked.stay.departure:
        marks.append("within")
    return marks


def _departures(nights: Mapping[date, CalendarNight], arrival: date) -> dict[date, bool]:
    """The days on which a stay from `arrival` can end, by the loosest of all rooms and plans. What exactly is
    sold for it, the offers say."""
    first = nights.get(arrival)
    if first is None:
        return {}
    least = max(first.restriction.min_stay_arrival or 1, first.restriction.min_stay_through or 1)
    most = min(first.restriction.max_stay or MAX_NIGHTS, MAX_NIGHTS)
    found: dict[date, bool] = {}
    for length in range(1, most + 1):
        night = nights.get(arrival + timedelta(days=length - 1))
        if night is None or night.price is None:
            break
        least = max(least, night.restriction.min_stay_through or 1)
        departure = arrival + timedelta(days=length)
        leaving = nights.get(departure)
        closed = leaving is not None and leaving.price is not None and leaving.restriction.closed_to_departure
        if length >= least and not closed:
            found[departure] = True
    return found
