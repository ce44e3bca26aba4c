"""The words by which a guest lets us keep a card for later charges (the card schemes' mandate)."""

from __future__ import annotations

from hotel_booking.core.formats import english
from hotel_booking.domains.bookings.due import highest_later_charge
from hotel_booking.domains.bookings.types import Booking


def card_terms(booking: Booking) -> str:
    """The agreement in English, with the most that can be charged. What the guest was shown is stored."""
    highest = english(highest_later_charge(booking), booking.currency)
    return (
        f"I allow {booking.property_name} to keep my card with its payment provider and to charge it for"
        f" booking {booking.reference} without asking again: the rest of the price when it is due, and the"
        f" fee for cancelling late or not arriving under the conditions of this booking, at most {highest} in"
        " all. I can withdraw this permission by writing to the hotel; what is owed by then stays owed."
    )
