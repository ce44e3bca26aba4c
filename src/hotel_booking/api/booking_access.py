"""Opening a booking: by its guest's access token, or by an API key for its property."""

from __future__ import annotations

import hmac
from datetime import datetime

from hotel_booking.api.booking_answers import booking_answer
from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings import queries
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.http.preconditions import IfMatch, content_tag


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


async def open_to_change(
    tx: Transaction, reference: str, caller: Caller, if_match: IfMatch, now: datetime
) -> Booking:
    """As `open_booking`; with an If-Match locked, and refused unless it is as its sender saw it."""
    booking = await open_booking(tx, reference, caller)
    if if_match.tags is not None:
        await queries.lock_booking(tx, booking.id)
        booking = await queries.booking_by_id(tx, booking.id)
        if_match.check(content_tag(booking_answer(booking, now)))
    return booking
