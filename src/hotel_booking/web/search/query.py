"""A guest's search, as every address of the site carries it: dates, party, where, in what order, with what
filters, month of the calendar, currency. There is one type for it, `Asked`, so that no link forgets a part.

Whatever is typed, the page is shown: a value that is wrong is kept in its field with a word on why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import msgspec

from hotel_booking.core.dates import FIRST_NIGHT, LAST_NIGHT, MAX_NIGHTS, Stay
from hotel_booking.core.errors import DomainError
from hotel_booking.core.moments import long_date
from hotel_booking.core.typed_numbers import number_list, plain_digits
from hotel_booking.domains.rates.party import spread
from hotel_booking.domains.rates.types import MAX_ADULTS, MAX_CHILD_AGE, MAX_CHILDREN, MAX_ROOMS, Occupancy
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.typed_dates import read_day
from hotel_booking.web.i18n.formats import Texts
from hotel_booking.web.i18n.refusals import longest_stay
from hotel_booking.web.site import carried, query_of

FIELDS = ("arrival", "departure", "adults", "children", "rooms")

_LONGEST = 200


class Asked(msgspec.Struct, frozen=True):
    """What is asked, as far as it can be read. `typed` is every field as it came (or its default),
    `errors` a sentence per field. `arrival` alone: the guest has chosen when to come, not when to go.
    `carried` is the rest of the search, which the page itself may not need and its links hand on."""

    typed: Mapping[str, str]
    arrival: date | None
    stay: Stay | None
    party: tuple[Occupancy, ...]
    month: date | None
    currency: str | None
    errors: Mapping[str, str]
    carried: Mapping[str, str] = {}

    @property
    def refundable(self) -> bool:
        """Whether only what can be cancelled with money back is wanted."""
        return "refundable" in self.carried

    def query(self, **changes: Any) -> str:
        """The same question with changes, as a query string with its `?`; None leaves a field out."""
        values = {name: self.typed[name] for name in FIELDS} | dict(self.carried)
        values |= {"currency": self.currency or "", "month": ""}
        values |= {name: "" if value is None else str(value) for name, value in changes.items()}
        for name, usual in (("adults", "2"), ("rooms", "1")):
            if values[name] == usual and not values["arrival"]:
                values[name] = ""
        return query_of(values)

    def hidden(self, *own: str) -> list[tuple[str, str]]:
        """What a form has to hand on besides its own fields, as names and values of hidden ones."""
        values = {name: self.typed[name] for name in FIELDS} | dict(self.carried)
        return [(name, value) for name, value in values.items() if value and name not in own]


def for_rooms(
    stay: Stay,
    rooms: Sequence[Occupancy],
    params: Mapping[str, Sequence[str]],
    *,
    today: date,
    language: str,
) -> Asked:
    """The search that led to these rooms for this stay: their dates and the whole party, and from `params`
    whatever the address has carried along."""
    typed = {
        "arrival": [stay.arrival.isoformat()],
        "departure": [stay.departure.isoformat()],
        "adults": [str(sum(room.adults for room in rooms))],
        "children": [",".join(str(age) for room in rooms for age in room.children)],
        "rooms": [str(len(rooms))],
    }
    kept = {name: [value] for name, value in carried(params).items()}
    return read(kept | typed, today=today, language=language)


def read(
    params: Mapping[str, Sequence[str]], *, today: date, language: str, currency: str | None = None
) -> Asked:
    """Read the parameters; `today` is the hotel's, `currency` the one chosen elsewhere on the site."""

    def typed(name: str, usual: str = "") -> str:
        return ",".join(params.get(name, ()))[:_LONGEST].strip() or usual

    values = {name: typed(name) for name in FIELDS} | {
        "adults": typed("adults", "2"),
        "rooms": typed("rooms", "1"),
    }
    errors: dict[str, str] = {}
    arrival, stay = _dates(values, today, language, errors)
    party = _party(values, translations(language), errors)
    if "currency" in params:
        code = typed("currency").upper()
        currency = code if len(code) == 3 and code.isascii() and code.isalpha() else None
    return Asked(
        typed=values,
        arrival=arrival,
        stay=None if errors else stay,
        party=party,
        month=_month(typed("month"), today),
        currency=currency,
        errors=errors,
        carried=carried(params),
    )


def _dates(
    values: dict[str, str], today: date, language: str, errors: dict[str, str]
) -> tuple[date | None, Stay | None]:
    """What was typed as a date becomes one in `values`, as date fields and links have it."""
    texts = translations(language)
    _ = texts.gettext
    days: dict[str, date | None] = {}
    for name in ("arrival", "departure"):
        days[name] = found = day_typed(values[name], language)
        if found is not None:
            values[name] = found.isoformat()
        elif values[name]:
            errors[name] = day_like(today, language)
    arrival, departure = days["arrival"], days["departure"]
    if arrival is not None and arrival < today:
        errors["arrival"] = _("This date has already passed at the hotel. Please choose today or later.")
    if arrival is None and departure is not None and "arrival" not in errors:
        errors["arrival"] = _("When will you arrive?")
    if arrival is None or departure is None:
        return (None if errors else arrival), None
    if departure <= arrival:
        errors["departure"] = _("Your departure date must be after your arrival date.")
    elif (departure - arrival).days > MAX_NIGHTS:
        errors["departure"] = longest_stay(texts)
    if errors:
        return (None if "arrival" in errors else arrival), None
    return arrival, Stay(arrival, departure)


def _party(values: Mapping[str, str], texts: Texts, errors: dict[str, str]) -> tuple[Occupancy, ...]:
    _ = texts.gettext
    adults = _number(values["adults"], 1, MAX_ADULTS)
    rooms = _number(values["rooms"], 1, MAX_ROOMS)
    if adults is None:
        errors["adults"] = _("From 1 to {number} adults, please.").format(number=MAX_ADULTS)
    if rooms is None:
        errors["rooms"] = _("From 1 to {number} rooms, please.").format(number=MAX_ROOMS)
    ages: list[int] = []
    for part in number_list(values["children"]):
        age = _number(part, 0, MAX_CHILD_AGE)
        if age is None or len(ages) == MAX_CHILDREN:
            errors["children"] = _(
                "Please enter each child’s age, from 0 to {number}, for example 4, 9."
            ).format(number=MAX_CHILD_AGE)
            break
        ages.append(age)
    if adults is not None and rooms is not None and adults < rooms:
        errors["rooms"] = texts.ngettext(
            "Each room needs at least one adult, so you can book up to {number} room.",
            "Each room needs at least one adult, so you can book up to {number} rooms.",
            adults,
        ).format(number=adults)
    if not errors.keys() & {"adults", "rooms", "children"}:
        try:
            return spread(adults or 1, ages, rooms or 1)
        except DomainError:  # pragma: no cover - all of its rules are said above
            errors["adults"] = _("From 1 to {number} adults, please.").format(number=MAX_ADULTS)
    return (Occupancy(2),)


def day_typed(text: str, language: str) -> date | None:
    """A date that can be asked for, as it is typed in a language; None for anything else."""
    found = read_day(text, language)
    return found if found is not None and FIRST_NIGHT <= found <= LAST_NIGHT else None


def day_like(today: date, language: str) -> str:
    """How a date is typed, by one that is to come."""
    example = long_date(min(today + timedelta(days=30), LAST_NIGHT), language, "long")
    return translations(language).gettext("Please enter the date like this: {date}.").format(date=example)


def _month(text: str, today: date) -> date | None:
    """The first of a month such as 2026-03, no earlier than this one; None for anything else."""
    found = day_typed(f"{text}-01", "en")
    return found if found is not None and found >= today.replace(day=1) else None


def _number(text: str, minimum: int, maximum: int) -> int | None:
    text = plain_digits(text.strip())
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        return None
    return number if minimum <= (number := int(text)) <= maximum else None
