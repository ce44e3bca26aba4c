"""Why a search has no answer."""

from __future__ import annotations

from hotel_booking.core.errors import Invalid, NotFound


class PlaceNotFound(NotFound):
    """No city is called anything like this, or has this id."""

    code = "place_not_found"


class WhereMissing(Invalid):
    """The search names no place, or names it in two ways."""

    code = "where_missing"


class InvalidArea(Invalid):
    """The point, the radius or the box is out of range."""

    code = "invalid_area"


class ArrivalInThePast(Invalid):
    """The arrival is before today at the hotel."""

    code = "arrival_in_past"


class InvalidFilter(Invalid):
    """A filter, a sort order or a limit is not one that search supports."""

    code = "invalid_filter"


class UnknownCurrency(Invalid):
    """There is no such currency, so amounts cannot be compared in it."""

    code = "unknown_currency"


class InvalidCalendar(Invalid):
    """The two dates do not make a calendar."""

    code = "invalid_calendar"


class UnknownCode(Invalid):
    """The hotel has no room type or rate plan with this code."""

    code = "unknown_code"
