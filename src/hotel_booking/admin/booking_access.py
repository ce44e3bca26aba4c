"""A booking that the member of staff may see; any other is answered as if it did not exist."""

from __future__ import annotations

from hotel_booking.core.db import Transaction
from hotel_booking.domains.bookings.errors import BookingNotFound
from hotel_booking.domains.bookings.queries import booking_by_reference
from hotel_booking.domains.bookings.reference import normalise
from hotel_booking.domains.bookings.types import Booking
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission


async def open_booking(
    tx: Transaction, reference: str, caller: Caller, permission: Permission = Permission.BOOKINGS_VIEW
) -> Booking:
    """The booking. Raises `BookingNotFound` unless the caller may see bookings of its property, and
    `MissingPermission` unless they may also do this there."""
    normal = normalise(reference)
    booking = await booking_by_reference(tx, normal) if normal is not None else None
    if booking is None or not caller.may(Permission.BOOKINGS_VIEW, booking.property_id):
        raise BookingNotFound("there is no such booking", fix="check the reference")
    caller.require_permission(permission, booking.property_id)
    return booking
