"""What staff are told of a telephone number that they have typed, as guests are told of theirs."""

from __future__ import annotations

from hotel_booking.core.phone import is_read, phone_shown
from hotel_booking.http.ui.render import Caution


def with_phone(notice: str, kept: str | None, *, typed: str | None = None) -> str:
    """The notice of what was saved, and of a number that was kept as it was typed, or read as one in the
    hotel's country. `typed` is the number as it was read without the hotel, where that was tried first."""
    if not kept:
        return notice
    if not is_read(kept):
        return Caution(f"{notice} The telephone number wasn’t recognised and is saved as typed: {kept}")
    if typed is not None and typed != kept:
        return Caution(
            f"{notice} The telephone number was read as one in the hotel’s country: {phone_shown(kept)}"
        )
    return notice
