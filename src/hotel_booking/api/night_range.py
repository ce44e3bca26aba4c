"""`from` and `to` of a look at a property's nights."""

from __future__ import annotations

from datetime import date, timedelta

from hotel_booking.core.dates import LAST_NIGHT
from hotel_booking.core.errors import Invalid

LONGEST = 400


def night_range(first: date | None, last: date | None, *, today: date, days: int) -> tuple[date, date]:
    """The nights asked for, both inclusive: from the property's `today` and for `days` days where nothing is
    said.

    Raises `Invalid` naming the field where they are not 1 to 400 nights, or lie beyond the year 2100.
    """
    begin = first or today
    if begin > LAST_NIGHT:
        raise Invalid("this is too far away", field="from", fix=f"ask for nights before {LAST_NIGHT}")
    end = last or begin + timedelta(days=days)
    if not 0 <= (end - begin).days < LONGEST:
        raise Invalid(f"ask for 1 to {LONGEST} nights", field="to", fix="`to` is not before `from`")
    return begin, end
