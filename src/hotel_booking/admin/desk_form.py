"""The form that records a payment at the desk, on the pages that have it."""

from __future__ import annotations

from hotel_booking.core.formats import for_field
from hotel_booking.domains.bookings.due import still_open
from hotel_booking.domains.bookings.types import OWING, Booking
from hotel_booking.domains.identity.caller import Caller
from hotel_booking.domains.identity.permissions import Permission
from hotel_booking.http.ui.forms import Form

WAYS = (
    ("cash", "Cash"),
    ("card_terminal", "Card terminal"),
    ("bank_transfer", "Bank transfer, already received"),
)


def desk_form(booking: Booking, caller: Caller, sent: Form | None = None) -> Form | None:
    """The form filled in with all that is open, or as it was `sent` and refused. None where the caller may
    not record a payment, or none is owed."""
    owed = still_open(booking)
    may = caller.may(Permission.PAYMENTS_RECORD, booking.property_id)
    if not (may and owed and booking.status in OWING):
        return None
    if sent is not None and "way" in sent.names():
        return sent
    return Form.of(amount=for_field(owed, booking.currency), way="cash")
