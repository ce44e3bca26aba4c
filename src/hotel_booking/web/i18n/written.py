"""Texts, amounts and days as HTML in one language, for what is written in Python because a page has hundreds
of it. Nothing of a guest's is written with it: what was written is remembered."""

from __future__ import annotations

from datetime import date
from functools import cache, lru_cache

from markupsafe import escape

from hotel_booking.core import formats
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.dates import date_text
from hotel_booking.http.i18n.language import LOCALES, RIGHT_TO_LEFT
from hotel_booking.http.ui import isolation

_REMEMBERED = 4096  # of each kind in a language


class Written:
    """Writes one language.

    written.text("Hotel Tejo")        escaped, and isolated where it goes the other way than the page
    written.money(12900, "EUR")       the same of an amount
    written.day(date(2026, 3, 8))
    written.said("%(num)s stars", num=4)   a sentence as templates say it: what it is filled with is escaped
    written.price("from %(price)s", 12900, "EUR")
    """

    def __init__(self, language: str) -> None:
        locale = LOCALES[language]
        isolated = isolation.element_of(rtl=language in RIGHT_TO_LEFT)
        self.texts = translations(language)

        # A page says the same few amounts, days and names again and again, and so do the next pages.
        @lru_cache(maxsize=_REMEMBERED)
        def text(value: str) -> str:
            return str(escape(isolated(value)))

        @lru_cache(maxsize=_REMEMBERED)
        def money(amount: int, currency: str) -> str:
            return text(formats.money(amount, currency, locale))

        @lru_cache(maxsize=_REMEMBERED)
        def day(value: date) -> str:
            return text(date_text(value, language))

        @lru_cache(maxsize=_REMEMBERED)
        def price(message: str, amount: int, currency: str) -> str:
            return said(message, price=formats.money(amount, currency, locale))

        @lru_cache(maxsize=_REMEMBERED)
        def said(message: str, **values: object) -> str:
            return message % {name: escape(value) for name, value in values.items()}

        self.text, self.money, self.day = text, money, day
        self.price, self.said = price, said


@cache
def written_in(language: str) -> Written:
    """The one that writes a language."""
    return Written(language)
