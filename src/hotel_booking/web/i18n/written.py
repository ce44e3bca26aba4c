"""Texts, amounts and days as HTML in one language, for what is written in Python because a page has hundreds
of it. Nothing of a guest's is written with it: what was written is remembered."""

from __future__ import annotations

from datetime import date
from functools import cache, lru_cache

from markupsafe import escape

from hotel_booking.core import formats
from hotel_booking.core.languages import LOCALES, RIGHT_TO_LEFT
from hotel_booking.core.money import exponent
from hotel_booking.http.i18n.catalogues import translations
from hotel_booking.http.i18n.dates import date_text
from hotel_booking.http.ui import isolation

_REMEMBERED = 4096  # of each kind in a language


class Written:
    """Writes one language.

    written.text("Hotel Tejo")        escaped, and isolated where it goes the other way than the page
    written.money(12900, "EUR")       the same of an amount
    written.whole(129, "EUR")        whole units: as they are seen in tight places, and as they are heard
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

        # An amount's signs and letters, and so what it needs around it, are those of any in its currency
        # above nothing, or below.
        @cache
        def around(currency: str, negative: bool) -> tuple[str, str]:
            probe = formats.money(-1 if negative else 0, currency, locale)
            before, _, after = str(escape(isolated(probe))).partition(str(escape(probe)))
            return before, after

        @lru_cache(maxsize=_REMEMBERED)
        def money(amount: int, currency: str) -> str:
            before, after = around(currency, amount < 0)
            return f"{before}{escape(formats.money(amount, currency, locale))}{after}"

        @lru_cache(maxsize=_REMEMBERED)
        def whole(units: int, currency: str) -> tuple[str, str]:
            amount = units * 10 ** exponent(currency)
            heard = formats.money(amount, currency, locale, whole=True)
            return str(escape(formats.rounded(amount, currency, locale))), str(escape(heard))

        @lru_cache(maxsize=_REMEMBERED)
        def day(value: date) -> str:
            return text(date_text(value, language))

        @lru_cache(maxsize=_REMEMBERED)
        def price(message: str, amount: int, currency: str) -> str:
            return said(message, price=formats.money(amount, currency, locale))

        @lru_cache(maxsize=_REMEMBERED)
        def said(message: str, **values: object) -> str:
            return message % {name: escape(value) for name, value in values.items()}

        self.text, self.money, self.whole, self.day = text, money, whole, day
        self.price, self.said = price, said


@cache
def written_in(language: str) -> Written:
    """The one that writes a language."""
    return Written(language)
