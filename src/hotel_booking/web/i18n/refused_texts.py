"""What is said of a text that was refused, alike on all pages."""

from __future__ import annotations

from hotel_booking.http.i18n.catalogues import translations


def not_shown(language: str) -> str:
    """Of one with a character that cannot be shown: it came along from elsewhere, unseen."""
    _ = translations(language).gettext
    return _("This contains a character that can’t be shown. Please type it again.")
