"""The calendar of prices on a property's page: months as tables, in which a stay is chosen day by day.

Each day is a link: the first one chosen is the arrival, the next the departure, so that dates can be chosen
without a script. Which days are links, the hotel's nights say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache

import msgspec
from markupsafe import Markup, escape

from hotel_booking.core.dates import MAX_NIGHTS
from hotel_booking.core.locales import locale_of
from hotel_booking.core.moments import long_date
from hotel_booking.core.money import divide, exponent
from hotel_booking.domains.search.types import CalendarNight, PriceCalendar
from hotel_booking.http.i18n.punctuation import between
from hotel_booking.web.i18n.written import written_in
from hotel_booking.web.search.months import moved, weeks
from hotel_booking.web.search.query import Asked

_ANY = "0001-01-01"  # stands for a date in an address
MONTHS_SHOWN = 2
MONTHS_AHEAD = 18


class Month(msgspec.Struct, frozen=True):
    """A month's first day, and the rows of its weeks as HTML."""

    first: date
    rows: Markup


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


def months(
    prices: PriceCalendar, asked: Asked, *, today: date, first: date, language: str, here: str
) -> Months:
    """The months from `first` on, on the page `here`. `prices` hold their nights, and where a departure is
    being chosen also those from the arrival on."""
    nights = {night.night: night for night in prices.nights}
    leaving = asked.arrival is not None and asked.stay is None
    departures = _departures(nights, asked.arrival) if leaving and asked.arrival is not None else {}
    sold = sorted([n.price for n in prices.nights if n.price is not None])
    low = sold[len(sold) // 4] if len(sold) >= 8 and sold[0] < sold[-1] else None
    shown = tuple(moved(first, place) for place in range(MONTHS_SHOWN))
    week_begins = locale_of(language).first_week_day
    cells = _Cells(language, prices.currency)
    to_arrive = _links(here, asked, "arrival", "#prices", departure=None, month=f"{first:%Y-%m}")
    to_leave = _links(here, asked, "departure", "#rooms")

    def day(value: date) -> str:
        night = nights.get(value)
        price = None if night is None or value < today else night.price
        href = ""
        minimum = None
        if leaving and value in departures:
            href = to_leave(value)
        elif price is not None and night is not None and not night.restriction.closed_to_arrival:
            href = to_arrive(value)
        if night is not None and price is not None:
            minimum = night.restriction.min_stay_arrival
        return cells.day(value, price, href, _marks(value, night, price, asked, today, low), minimum)

    return Months(
        months=tuple(Month(month, cells.rows(weeks(month, week_begins, day))) for month in shown),
        weekdays=tuple(date(2024, 1, 1) + timedelta(days=week_begins + i) for i in range(7)),
        before=_to_month(asked, moved(first, -1)) if first > today.replace(day=1) else None,
        after=_to_month(asked, moved(first, 1)) if first < moved(today, MONTHS_AHEAD) else None,
        choosing="departure" if leaving else "arrival",
        currency=prices.currency,
    )


class _Cells:
    """Writes days as cells of a table. They are written here and not by a template because a page has sixty.

    `price` is the lowest for the night, None where none is sold; `href` leads on where the day can be chosen;
    `marks`: `past`, `arrival`, `departure`, `within` the stay, `low` for the cheapest nights shown,
    `no-arrival`, `today`. `minimum` is the minimum stay on arrival."""

    def __init__(self, language: str, currency: str) -> None:
        self._language = language
        self._currency = currency
        self._minor = 10 ** exponent(currency)
        self._write = written_in(language)
        self._comma = between(language)
        _ = self._write.texts.gettext
        self._no_price = '<span class="amount" aria-hidden="true">–</span>'  # noqa: RUF001 - nothing is sold
        self._unavailable = f'<span class="visually-hidden">{escape(_("not available"))}</span>'
        self._named = {"arrival": escape(_("Arrival")), "departure": escape(_("Departure"))}

    def day(self, value: date, price: int | None, href: str, marks: list[str], minimum: int | None) -> str:
        """One day; `href` is escaped already."""
        eyes = ' aria-hidden="true"' if href else ""
        inner, said = f'<span class="number"{eyes}>{value.day}</span>', []
        if price is not None:
            seen, heard = self._write.whole(divide(price, self._minor), self._currency)
            inner += f'<span class="amount"{eyes}>{seen}</span>'
            said.append(heard)
        elif "past" not in marks:
            inner += self._no_price if href else f"{self._no_price}{self._unavailable}"
        named = [self._named[mark] for mark in marks if mark in self._named]
        current = ' aria-current="date"' if "today" in marks else ""
        begun = f'<td class="{" ".join(["day", *marks])}"{current}>'
        if href:
            # As it is heard: which day, for how much, and what of the stay it is. As text and no label, which
            # would have to hold the two figures that are seen one after the other (WCAG 2.5.3).
            heard = self._comma.join([_spoken(value, self._language), *said, *named])
            heard = f'<span class="visually-hidden">{heard}</span>'
            return f'{begun}<a href="{href}"{self._title(minimum)}>{inner}{heard}</a></td>'
        hidden = "".join([f'<span class="visually-hidden">{name}</span>' for name in named])
        return f'{begun}<span class="no">{inner}{hidden}</span></td>'

    def _title(self, minimum: int | None) -> str:
        if minimum is None or minimum < 2:
            return ""
        said = self._write.texts.ngettext("from %(num)s night", "from %(num)s nights", minimum)
        return f' title="{self._write.said(said, num=minimum)}"'

    @staticmethod
    def rows(weeks: Sequence[Sequence[str | None]]) -> Markup:
        """Weeks as rows; None is a day of another month."""
        cells = ("".join([one or "<td></td>" for one in week]) for week in weeks)
        return Markup("\n".join([f"<tr>{week}</tr>" for week in cells]))  # noqa: S704 - made above


@lru_cache(maxsize=8192)
def _spoken(value: date, language: str) -> str:
    return str(escape(long_date(value, language)))


def _links(here: str, asked: Asked, field: str, to: str, **changes: str | None) -> Callable[[date], str]:
    """Addresses of the same question with a date in a field, escaped for HTML; composed once for all days."""
    written = f"{field}={_ANY}"
    before, _, after = asked.query(**{field: _ANY}, **changes).partition(written)
    begun, rest = f"{escape(here)}{escape(before)}{field}=", f"{escape(after)}{to}"
    return lambda value: f"{begun}{value.isoformat()}{rest}"


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
    minimum = max(first.restriction.min_stay_arrival or 1, first.restriction.min_stay_through or 1)
    maximum = min(first.restriction.max_stay or MAX_NIGHTS, MAX_NIGHTS)
    found: dict[date, bool] = {}
    for length in range(1, maximum + 1):
        night = nights.get(arrival + timedelta(days=length - 1))
        if night is None or night.price is None:
            break
        minimum = max(minimum, night.restriction.min_stay_through or 1)
        departure = arrival + timedelta(days=length)
        leaving = nights.get(departure)
        closed = leaving is not None and leaving.price is not None and leaving.restriction.closed_to_departure
        if length >= minimum and not closed:
            found[departure] = True
    return found
