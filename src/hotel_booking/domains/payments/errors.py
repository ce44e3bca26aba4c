"""Why money did not move."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, DomainError, Invalid


class PaymentDeclined(DomainError):
    """The guest's bank said no. The hold stays; another card can be tried."""

    code = "payment_declined"


class PaymentInProgress(Conflict):
    """An earlier try is still undecided; a second one could take the money twice."""

    code = "payment_in_progress"


class UnknownToken(Invalid):
    """The gateway does not know this payment token. Nothing was charged."""

    code = "unknown_token"


class NoGateway(Conflict):
    """No payment gateway is configured. Nothing was charged."""

    code = "no_gateway"
