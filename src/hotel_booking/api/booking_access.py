"""Opening a booking: by its guest's access token, or by an API key for its property."""

from __future__ import annotations

import hmac

from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings import queries
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.caller import Caller


async def open_booking(tx: Transaction, reference: str, caller: Caller) -> Booking:
    """The booking, if the caller may see it. An unknown reference, a wrong token and a key for another
    property look the same from outside: `BookingNotFound`."""
    hidden = BookingNotFound("there is no such booking", fix="check the reference and the access token")
    known = normalise(reference)
    if known is None:
        raise hidden
    booking = await queries.booking_by_reference(tx, known)
    if caller.kind == "key":
        caller.check_property(booking.property_id, hidden_as=hidden)
    elif not hmac.compare_digest(caller.token_hash or b"", booking.access_hash):
        raise hidden
    return booking
