"""Rates in words: values, restrictions by what they do, and bulk edits as a sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from hotel_booking.core.counting import count
from hotel_booking.core.formats import bare, for_field
from hotel_booking.core.money import exponent, step
from hotel_booking.domains.rates import wording
from hotel_booking.domains.rates.changes import FLAGS, BulkEdit, Value, whole
from hotel_booking.domains.rates.copying import FURTHER_PERSONS, Copy
from hotel_booking.domains.rates.lengths import NoStayFits
from hotel_booking.domains.rates.restrictions import Restriction
from hotel_booking.http.ui.render import day

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# Column: a short name for a field, and what the value does.
LABELS = {
    "price": "Price",
    "extra_adult": "Extra adult",
    "children": "Children",
    "overbooking_limit": "Overbooking limit",
    "closed": "Closed",
    "closed_to_arrival": "No arrival",
    "closed_to_departure": "No departure",
    "min_stay_arrival": "Min stay on arrival",
    "min_stay_through": "Min stay through",
    "max_stay": "Max stay",
}
_LIMIT_WORDS = {
    "min_stay_arrival": "min stay {} on arrival",
    "min_stay_through": "min stay {} through",
    "max_stay": "max stay {}",
}
_TOKENS = {
    "closed": "closed",
    "closed_to_arrival": "noarr",
    "closed_to_departure": "nodep",
    "min_stay_arrival": "arr",
    "min_stay_through": "thru",
    "max_stay": "max",
}


def shown(column: str, value: Value, currency: str) -> str:
    """A value as a person reads it in a list of changes."""
    if column in FURTHER_PERSONS:
        amounts = value if isinstance(value, list) else [value]
        return ", ".join("as the room type" if one is None else bare(one, currency) for one in amounts)
    if column == "price":
        return "no price" if value is None else bare(whole(value) or 0, currency)
    if column in FLAGS:
        yes, no = {
            "closed": ("closed", "open"),
            "closed_to_arrival": ("no arrival", "arrival"),
            "closed_to_departure": ("no departure", "departure"),
        }[column]
        return yes if value else no
    if column == "overbooking_limit":
        return str(value)
    return "no limit" if value is None else count(whole(value) or 0, "night")


def typed(column: str, value: Value, currency: str) -> str:
    """A value as a form field holds it."""
    if column == "price":
        return for_field(whole(value), currency)
    if column in FLAGS:
        return "1" if value else ""
    return "" if value is None else str(whole(value))


def marks(rule: Restriction) -> list[tuple[str, str, str]]:
    """A restriction's short marks: (kind, what stands in the cell, what it does)."""
    found = []
    if rule.closed:
        found.append(("shut", "closed", "closed"))
    if rule.closed_to_arrival:
        found.append(("no", "no in", "no arrival"))
    if rule.closed_to_departure:
        found.append(("no", "no out", "no departure"))
    if rule.min_stay_arrival is not None:
        nights = count(rule.min_stay_arrival, "night")
        found.append(("min", f"in {rule.min_stay_arrival}+", f"min stay {nights} on arrival"))
    if rule.min_stay_through is not None:
        nights = count(rule.min_stay_through, "night")
        found.append(("min", f"{rule.min_stay_through}+", f"min stay {nights} through this night"))
    if rule.max_stay is not None:
        nights = count(rule.max_stay, "night")
        found.append(("max", f"≤ {rule.max_stay}", f"max stay {nights} on arrival"))
    return found


def tokens(rule: Restriction) -> str:
    """A restriction as the grid's script reads and writes it: "closed arr2 max7"."""
    words = []
    for column, token in _TOKENS.items():
        value = getattr(rule, column)
        if value is True:
            words.append(token)
        elif value:
            words.append(f"{token}{value}")
    return " ".join(words)


def unfit_lines(nights: Iterable[tuple[str, date, NoStayFits]]) -> list[str]:
    """Nights (where, when, why) on which nobody can arrive: a line for each place, with its first night and
    the number of others."""
    places: dict[str, list[tuple[date, NoStayFits]]] = {}
    for where, when, why in nights:
        places.setdefault(where, []).append((when, why))
    found = []
    for where, [(first, why), *others] in places.items():
        also = f" and {count(len(others), 'more night', 'more nights')}" if others else ""
        found.append(f"{where}, {wording.day(first)}{also}: {why}")
    return found


def span(first: date, last: date) -> str:
    """A run of nights: 3 Mar 2026, or 3 Mar to 9 Apr 2026."""
    if first == last:
        return day(first, "d MMM y")
    return f"{day(first, 'd MMM' if first.year == last.year else 'd MMM y')} to {day(last, 'd MMM y')}"


def describe(edit: BulkEdit, currency: str) -> str:
    """What a bulk edit does, for the list of edits."""
    words = []
    if edit.copy is not None:
        words.append(_copied(edit, edit.copy))
    if edit.price is not None:
        words.append(_price(edit, currency))
    for column, value in edit.restrictions.items():
        if column in FLAGS:
            words.append(shown(column, value, currency))
        elif value is None:
            words.append(f"no {LABELS[column].lower()}")
        else:
            words.append(_LIMIT_WORDS[column].format(count(whole(value) or 0, "night")))
    if edit.overbooking_limit is not None:
        words.append(f"overbooking limit {edit.overbooking_limit}")
    where = ", ".join(edit.room_types)
    plans = ", ".join(code or "all plans" for code in edit.plans)
    days = "" if len(edit.weekdays) == 7 else f", {weekdays(sorted(edit.weekdays))}"
    text = f"{', '.join(words)}: {where}{f' on {plans}' if plans else ''}{days}"
    return f"{text[:1].upper()}{text[1:]}"[:500]


def _copied(edit: BulkEdit, copy: Copy) -> str:
    what = " and ".join(
        word for word, taken in (("prices", copy.prices), ("restrictions", copy.restrictions)) if taken
    )
    where = f" of {copy.hotel}" if copy.hotel else ""
    return f"{what} copied from {span(copy.first, copy.first + (edit.last - edit.first))}{where}"


def weekdays(chosen: Sequence[int]) -> str:
    """Days of the week, runs of them joined: Mon to Fri, Sun."""
    parts: list[list[int]] = []
    for number in chosen:
        if parts and parts[-1][-1] == number - 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ", ".join(
        WEEKDAYS[run[0]] if len(run) == 1 else f"{WEEKDAYS[run[0]]} to {WEEKDAYS[run[-1]]}" for run in parts
    )


def _price(edit: BulkEdit, currency: str) -> str:
    change = edit.price
    if change is None:
        return ""
    sign = "+" if change.value > 0 else ""
    if change.kind == "set":
        return f"price {bare(change.value, currency)}"
    by = (
        f"{sign}{wording.percent(change.value)}"
        if change.kind == "percent"
        else f"{sign}{bare(change.value, currency)}"
    )
    rounded = "" if change.round_to <= step(currency) else f" rounded to {bare(change.round_to, currency)}"
    return f"price {by}{rounded}"


def roundings(currency: str) -> list[tuple[str, str]]:
    """Amounts that prices can be rounded to, in minor units, with what they look like; 1 is what the currency
    is charged in."""
    unit, least = 10 ** exponent(currency), step(currency)
    steps = [1, *sorted({n for n in (unit // 2, unit, 5 * unit, 10 * unit) if n > least and not n % least})]
    return [(str(one), "not rounded" if one == 1 else f"to {bare(one, currency)}") for one in steps]
