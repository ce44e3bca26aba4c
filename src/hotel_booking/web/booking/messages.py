"""Why paying or changing did not go, in the guest's words: by the error's code, never its English
sentence."""

from __future__ import annotations

import gettext
from typing import Any

from litestar import Request
from litestar.datastructures import State

from hotel_booking.core.errors import DomainError
from hotel_booking.http.ui.forms import Form
from hotel_booking.web.i18n.catalogues import translations
from hotel_booking.web.site import language_of


def why(error: DomainError, words: gettext.NullTranslations) -> str:
    """One or two sentences: what happened, what was charged (nothing), what to do."""
    _ = words.gettext
    text = _of_paying(error.code, words) or _of_changing(error.code, words)
    return text or _("This does not go at the moment. Check what you typed, or ask the hotel.")


def _of_paying(code: str, words: gettext.NullTranslations) -> str | None:
    _ = words.gettext
    match code:
        case "payment_declined":
            return _(
                "Your bank declined the card. Nothing was charged. Try another card: your room is still held."
            )
        case "payment_in_progress":
            return _("An earlier try is still being decided. Wait a minute, then look at this page again.")
        case "hold_expired":
            return _("The time for which we held your room is over. Nothing was charged.")
        case "sold_out":
            return _("Somebody else has just taken the last room. Nothing was charged to you.")
        case "too_many_open_holds":
            return _(
                "You are holding several rooms already. Pay for one of them or cancel it, then book this one:"
                " a room that is not paid for becomes free again by itself."
            )
        case "price_changed":
            return _("The amount has changed since you saw it. Look at the new one and confirm it.")
        case "quote_expired" | "quote_not_found":
            return _("This price is no longer guaranteed. Look at the prices of today: it takes a moment.")
        case "no_gateway" | "unknown_payment_method" | "unknown_token":
            return _("This way to pay does not work for this booking. Please choose another.")
        case "gateway_resting":
            return _(
                "Our payment service does not answer at the moment, and nothing was charged. Your rooms are"
                " still held: please try again in a few minutes."
            )
        case "amount_mismatch" | "gateway_unavailable" | "gateway_refused":
            return _("The payment could not be completed, and nothing is kept of it. Please try again.")
    return None


def _of_changing(code: str, words: gettext.NullTranslations) -> str | None:
    _ = words.gettext
    match code:
        case "amend_not_allowed":
            return _("The time for changes free of charge is over. Please write to the hotel.")
        case "nothing_to_amend":
            return _("Nothing would change by this.")
        case "too_many_messages":
            return _("That were many messages for one day. Wait for the answer, or call the hotel.")
        case "wrong_state":
            return _("The booking has changed in the meantime. This page shows how it stands now.")
    return None


def said(request: Request[Any, Any, State], form: Form, error: DomainError) -> Form:
    """The form with why it did not go, above its fields."""
    form.errors[""] = why(error, translations(language_of(request)))
    return form
