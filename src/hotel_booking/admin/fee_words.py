"""What became of the fee of a booking that is over, in a sentence."""

from __future__ import annotations

from hotel_booking.domains.bookings.service.no_show import FeeOutcome
from hotel_booking.http.ui.render import money


def fee_sentence(outcome: FeeOutcome | None, currency: str) -> str:
    """Whether it was paid, is being charged, or why it stays open; empty where there can be none."""
    if outcome is None:
        return ""
    fee, left = money(outcome.fee, currency), money(outcome.open, currency)
    match outcome.state:
        case "none":
            return "There is no fee, and nothing to charge."
        case "settled":
            return f"The fee of {fee} is paid."
        case "charging":
            return f"{left} of the fee is being charged to the card on file."
        case "declined" if outcome.next_attempt is not None:
            return f"The card on file was declined: {left} is outstanding and will be tried again."
        case "declined":
            return f"The card on file was declined: {left} remains outstanding."
        case "not_chargeable":
            return f"No card on file: {left} of the fee remains outstanding."
