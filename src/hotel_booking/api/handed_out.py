"""What programs read in bulk, of guests and their money, is in the audit log, as the files of the panel are.

A GET changes nothing; that somebody was there is noted all the same, as when a key was last used: once for
each key, list, property and day of the hotel, before the first line leaves. A program asks every minute, and
who reads the log wants to know which key had what of which hotel on which days.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from litestar import Request
from litestar.datastructures import State

from hotel_booking.api.properties import owned
from hotel_booking.core.dates import business_date
from hotel_booking.core.db import Database
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.properties.catalogue import Property
from hotel_booking.domains.reporting import exports
from hotel_booking.http.transactions import origin

List = Literal["bookings", "booking-changes", "account-lines", "desk-takings"]


async def owned_list(
    request: Request[Any, Any, State],
    database: Database,
    slug: str,
    caller: Caller,
    what: List,
    now: datetime,
) -> Property:
    """The property of which this list is asked, once the audit log knows who asks. Raises as `owned`."""
    async with database.reading() as tx:
        property_ = await owned(tx, slug, caller)
        day = business_date(now, property_.timezone, property_.day_end_time)
        known = await exports.is_list_noted(tx, what, property_id=property_.id, reader=caller.id, day=day)
    if not known:
        async with database.acting(origin(request.scope)).transaction() as tx:
            await exports.note_list(tx, what, property_id=property_.id, day=day)
    return property_
