"""Why a guest's account does not do what was asked. Signing in is authentication's."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Invalid


class InvalidAccount(Invalid):
    """Something in an account's details or preferences is not valid."""

    code = "invalid_account"


class EmailNotTheSame(Invalid):
    """To erase an account its email address has to be typed again, and this one differs."""

    code = "email_not_the_same"


class NotToBeErasedYet(Conflict):
    """There is an upcoming stay or an open balance. `extra` has the references of the bookings:
    `stays` and `money`."""

    code = "not_to_be_erased_yet"
