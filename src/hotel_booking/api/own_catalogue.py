"""The catalogue of a property that a key is for, and the nights of it that a program asks about."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from hotel_booking.core.dates import LAST_NIGHT, business_date
from hotel_booking.core.db import Transaction
from hotel_booking.core.errors import Invalid
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.rates.queries import Catalogue, load_catalogue

LONGEST = 400


async def own_catalogue(tx: Transaction, slug: str, caller: Caller) -> Catalogue:
    """Everything that the property sells or has sold. Raises `PropertyNotFound`, and
    `PropertyNotAllowed` where the caller's key is limited to others."""
    catalogue = await load_catalogue(tx, slug, active_only=False)
    caller.check_property(catalogue.property.id)
    return catalogue


def nights_asked(
    catalogue: Catalogue, first: date | None, last: date | None, *, now: datetime, days: int
) -> tuple[date, date]:
    """The nights asked for, both inclusive: from the property's today and for `days` days where nothing is
    said.

    Raises `Invalid` naming the field where they are not 1 to 400 nights, or lie beyond the year 2100.
    """
    hotel = catalogue.property
    begin = first or business_date(now, hotel.timezone, hotel.day_end_time)
    if begin > LAST_NIGHT:
        raise Invalid(
            "this is too far in the future", field="from", fix=f"ask for nights before {LAST_NIGHT}"
        )
    end = last or begin + timedelta(days=days)
    if end < begin:
        raise Invalid("`to` is before `from`", field="to", fix="both ends are nights, inclusive")
    if (end - begin).days >= LONGEST:
        raise Invalid(
            f"at most {LONGEST} nights are listed at once", field="to", fix="ask for them in several parts"
        )
    return begin, end
