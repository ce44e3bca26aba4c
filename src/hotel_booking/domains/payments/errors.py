"""Why money did not move."""

from __future__ import annotations

from hotel_booking.core.bank_names import UNCONFIRMED
from hotel_booking.core.errors import Conflict, DomainError, Invalid, NotFound


class PaymentDeclined(DomainError):
    """The guest's bank declined. The hold stays; another card can be tried."""

    code = "payment_declined"


class PaymentNeverMade(PaymentDeclined):
    """The gateway never heard of the payment, or let it go: nobody declined it, and nothing was charged.
    Programs do the same as after a refusal; people are told the difference."""


class PaymentNotConfirmed(PaymentDeclined):
    """The guest did not pass the bank's own check (3-D Secure): the same card may be tried again. Programs
    read it in the `decline_code`."""


def refusal(decline_code: str | None) -> type[PaymentDeclined]:
    """What a payment that was refused with this code is to the guest; none means that nobody refused it."""
    if decline_code is None:
        return PaymentNeverMade
    return PaymentNotConfirmed if decline_code in UNCONFIRMED else PaymentDeclined


class PaymentInProgress(Conflict):
    """An earlier attempt is still pending; a second one could charge twice."""

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
    """The gateway has failed repeatedly, so it is not called for a while. It was not asked, and nothing
    was charged."""

    code = "gateway_resting"


class GatewayRefused(Conflict):
    """The gateway refuses this, now and later: the authorisation is gone, or the amount too high."""

    code = "gateway_refused"


class ForgedNotice(Invalid):
    """A notice that the gateway did not sign, or signed too long ago. It was ignored."""

    code = "forged_notice"


class AmountMismatch(Conflict):
    """The gateway holds a different amount or currency from the one requested. Nothing is confirmed."""

    code = "amount_mismatch"


class PaymentNotFound(NotFound):
    """No such payment, or not one the caller may see."""

    code = "payment_not_found"


class TooMuch(Invalid):
    """More than there is: more than was reserved, was paid, or is owed. Nothing moved."""

    code = "amount_too_high"


class NotReversible(Conflict):
    """A payment taken at the desk that was reversed before, or of which a part has been given back."""

    code = "not_reversible"


class RefundRepeated(Conflict):
    """The same refund was made a moment ago. Nothing moved."""

    code = "refund_repeated"


class UnknownGateway(Invalid):
    """This way to pay is not set up. Nothing was charged."""

    code = "unknown_payment_method"
