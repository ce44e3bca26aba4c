"""Why money did not move."""

from __future__ import annotations

from hotel_booking.core.errors import Conflict, DomainError, Invalid, NotFound


class PaymentDeclined(DomainError):
    """The guest's bank said no. The hold stays; another card can be tried."""

    code = "payment_declined"


class PaymentInProgress(Conflict):
    """An earlier try is still undecided; a second one could take the money twice."""

    code = "payment_in_progress"
    passes = True
    retry_after = 5


class UnknownToken(Invalid):
    """The gateway does not know this payment token. Nothing was charged."""

    code = "unknown_token"


class NoGateway(Conflict):
    """No payment gateway is configured. Nothing was charged."""

    code = "no_gateway"


class GatewayUnavailable(DomainError):
    """The gateway did not answer, or not in time. What it did is not known until it is asked again."""

    code = "gateway_unavailable"
    passes = True
    retry_after = 5


class GatewayPaused(GatewayUnavailable):
    """The gateway has failed again and again, so it is left alone for a while. It was not asked, and nothing
    was charged."""

    code = "gateway_resting"


class GatewayRefused(Conflict):
    """The gateway will not do this, now or later: the authorisation is gone, or the amount too high."""

    code = "gateway_refused"


class ForgedNotice(Invalid):
    """A notice that the gateway did not sign, or signed too long ago. Nothing was read of it."""

    code = "forged_notice"


class AmountMismatch(Conflict):
    """The gateway holds another amount or currency than was asked for. The booking is not confirmed by it."""

    code = "amount_mismatch"


class PaymentNotFound(NotFound):
    """No such payment, or not one that the caller may see."""

    code = "payment_not_found"


class TooMuch(Invalid):
    """More than there is: more than was reserved, or than was paid. Nothing moved."""

    code = "amount_too_high"


class RefundRepeated(Conflict):
    """The same refund was given a moment ago. Nothing moved."""

    code = "refund_repeated"


class UnknownGateway(Invalid):
    """No such way to pay is set up. Nothing was charged."""

    code = "unknown_payment_method"
