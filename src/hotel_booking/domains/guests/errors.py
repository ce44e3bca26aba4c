"""Why a guest's account does not do what was asked. Signing in is authentication's."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Invalid


class InvalidAccount(Invalid):
    """Something in an account's details or preferences cannot be right."""

    code = "invalid_account"


class EmailNotTheSame(Invalid):
    """Before an account is erased its e-mail address is typed once more, and this is another one."""

    code = "email_not_the_same"


class NotToBeErasedYet(Conflict):
    """A stay is still to come, or money still open. `extra` has the references of the bookings:
    `stays` and `money`."""

    code = "not_to_be_erased_yet"
