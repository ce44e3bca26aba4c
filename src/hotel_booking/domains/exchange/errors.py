"""What can be wrong with exchange rates."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Invalid


class RatesUnavailable(Conflict):
    """The source of exchange rates did not answer. The rates that were known stay in use."""

    code = "exchange_rates_unavailable"


class RatesRefused(Conflict):
    """The source answered with something that is not believed. The rates that were known stay in use."""

    code = "exchange_rates_refused"


class InvalidRate(Invalid):
    """A rate entered by hand cannot be right. Nothing was changed."""

    code = "invalid_exchange_rate"
