"""Why paying or changing did not go, in the guest's words: by the error's code, never its English
sentence."""

from __future__ import annotations

import gettext
from typing import Any

from litestar import Request
from litestar.datastructures import State

from hotel_booking.core.errors import DomainError
from hotel_booking.domains.payments.errors import PaymentNeverMade, PaymentNotConfirmed
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.ui.forms import Form
from hotel_booking.web.site import language_of

# What stands for `PaymentNeverMade` and `PaymentNotConfirmed`, whose code is that of a refusal by the bank.
NEVER_MADE = "payment_never_made"
NOT_CONFIRMED = "payment_not_confirmed"


def code_of(error: DomainError) -> str:
    """What an error is told by: its code, or one of the two above."""
    if isinstance(error, PaymentNeverMade):
        return NEVER_MADE
    return NOT_CONFIRMED if isinstance(error, PaymentNotConfirmed) else error.code


def why(error: DomainError, words: gettext.NullTranslations, rooms: int = 1) -> str:
    """One or two sentences: what happened, what was charged (nothing), what to do. So many `rooms` are held:
    none where the balance of a booking is paid."""
    return why_of(code_of(error), words, rooms)


def why_of(code: str, words: gettext.NullTranslations, rooms: int = 1) -> str:
    """The same for what `code_of` gives."""
    _ = words.gettext
    text = (
        (None if rooms else _of_balance(code, words))
        or _of_rooms(code, words, rooms)
        or _of_paying(code, words)
        or _of_changing(code, words)
    )
    return text or _(
        "Sorry, that isn’t possible right now. Please check what you’ve entered, or contact the hotel."
    )


def _of_balance(code: str, words: gettext.NullTranslations) -> str | None:
    _ = words.gettext
    match code:
        case "payment_declined":
            return _("Your bank declined the card, and nothing has been charged. Please try another card.")
        case "payment_not_confirmed":
            return _(
                "The payment wasn’t confirmed with your bank, and nothing has been charged. Please try "
                "again, or use another card."
            )
        case "gateway_resting":
            return _(
                "Our payment service isn’t responding at the moment, and nothing has been charged. Please "
                "try again in a few minutes."
            )
    return None


def _of_rooms(code: str, words: gettext.NullTranslations, rooms: int) -> str | None:
    ngettext = words.ngettext
    match code:
        case "payment_declined":
            return ngettext(
                "Your bank declined the card, and nothing has been charged. Please try another card: we’re "
                "still holding your room.",
                "Your bank declined the card, and nothing has been charged. Please try another card: we’re "
                "still holding your rooms.",
                rooms,
            )
        case "payment_not_confirmed":
            return ngettext(
                "The payment wasn’t confirmed with your bank, and nothing has been charged. Please try "
                "again, or use another card: we’re still holding your room.",
                "The payment wasn’t confirmed with your bank, and nothing has been charged. Please try "
                "again, or use another card: we’re still holding your rooms.",
                rooms,
            )
        case "hold_expired":
            return ngettext(
                "We could only hold your room for a limited time, and that time has passed. Nothing has been "
                "charged.",
                "We could only hold your rooms for a limited time, and that time has passed. Nothing has "
                "been charged.",
                rooms,
            )
        case "sold_out":
            return ngettext(
                "Someone else has just booked the last room. You haven’t been charged.",
                "Someone else has just booked one of these rooms, and there aren’t enough left. You haven’t "
                "been charged.",
                rooms,
            )
        case "gateway_resting":
            return ngettext(
                "Our payment service isn’t responding at the moment, and nothing has been charged. We’re "
                "still holding your room: please try again in a few minutes.",
                "Our payment service isn’t responding at the moment, and nothing has been charged. We’re "
                "still holding your rooms: please try again in a few minutes.",
                rooms,
            )
    return None


def _of_paying(code: str, words: gettext.NullTranslations) -> str | None:
    _ = words.gettext
    match code:
        case "payment_in_progress":
            return _(
                "An earlier payment is still being processed. Please wait a minute, then reload this page."
            )
        case "too_many_open_holds":
            return _(
                "You’re already holding several rooms. Please pay for one of them or cancel it, then book "
                "this one. Rooms that aren’t paid for are released automatically."
            )
        case "price_changed":
            return _("The amount has changed. Please check the new amount and confirm it.")
        case "quote_expired" | "quote_not_found":
            return _(
                "This price is no longer guaranteed. Please check today’s prices: it only takes a moment."
            )
        case "no_gateway" | "unknown_payment_method" | "unknown_token":
            return _("You can’t use this payment method for this booking. Please choose another.")
        case "payment_never_made" | "amount_mismatch" | "gateway_unavailable" | "gateway_refused":
            return _("Your payment couldn’t be completed, and nothing has been charged. Please try again.")
    return None


def _of_changing(code: str, words: gettext.NullTranslations) -> str | None:
    _ = words.gettext
    match code:
        case "amend_not_allowed":
            return _("Free changes are no longer possible. Please contact the hotel.")
        case "nothing_to_amend":
            return _("This wouldn’t change anything.")
        case "too_many_messages":
            return _("You’ve sent a lot of messages today. Please wait for a reply, or call the hotel.")
        case "wrong_state":
            return _("Your booking has changed in the meantime. This page shows it as it is now.")
    return None


def with_error(request: Request[Any, Any, State], form: Form, error: DomainError, rooms: int = 1) -> Form:
    """The form with why it did not go, above its fields. It is about so many rooms."""
    form.errors[""] = why(error, translations(language_of(request)), rooms)
    return form
