"""What can be wrong with exchange rates."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, Invalid


class RatesUnavailable(Conflict):
    """The source of exchange rates did not answer. The known rates stay in use."""

    code = "exchange_rates_unavailable"


class RatesRefused(Conflict):
    """The source's answer is not plausible. The known rates stay in use."""

    code = "exchange_rates_refused"


class InvalidRate(Invalid):
    """A rate entered by hand is not valid. Nothing was changed."""

    code = "invalid_exchange_rate"
