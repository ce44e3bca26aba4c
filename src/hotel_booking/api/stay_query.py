"""The parameters of a stay in a query string, the same in search, offers and calendar."""

from __future__ import annotations

from datetime import date, datetime

from hotel_booking.core.dates import Stay, earliest_business_date
from hotel_booking.domains.rates.party import spread
from hotel_booking.domains.rates.types import MAX_CHILD_AGE, MAX_CHILDREN, Occupancy
from hotel_booking.domains.search.errors import ArrivalInThePast, InvalidFilter

_LONGEST_LIST = 50


def stay_of(arrival: date, departure: date, now: datetime) -> Stay:
    """The stay; refused where the arrival is in the past everywhere on earth. A hotel's own calendar
    decides later."""
    stay = Stay(arrival, departure)
    earliest = earliest_business_date(now)
    if arrival < earliest:
        raise ArrivalInThePast(
            "the arrival is in the past", field="arrival", fix=f"arrive on {earliest} or later"
        )
    return stay


def party_of(adults: int, children: str | None, rooms: int) -> tuple[Occupancy, ...]:
    """The party by rooms; `children` are ages such as "5,9"."""
    ages = integers(children, "children", maximum=MAX_CHILDREN, highest=MAX_CHILD_AGE, example="children=5,9")
    return spread(adults, ages, rooms)


def integers(
    text: str | None, field: str, *, maximum: int = _LONGEST_LIST, highest: int = 9999, example: str
) -> tuple[int, ...]:
    """A list of at most `maximum` numbers from 0 to `highest`, such as "4,5"; nothing is an empty list."""
    if text is None or not text.strip():
        return ()
    parts = [part.strip() for part in text.split(",", maximum + 1)]
    if len(parts) > maximum:
        raise InvalidFilter(f"{field} must have at most {maximum} numbers", field=field)
    for place, part in enumerate(parts):
        if not (part.isascii() and part.isdigit() and len(part) <= 4 and int(part) <= highest):
            raise InvalidFilter(
                f"{field} must be whole numbers from 0 to {highest}, separated by commas",
                field=f"{field}[{place}]",
                fix=f"such as {example}",
            )
    return tuple(int(part) for part in parts)
