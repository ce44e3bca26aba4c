"""Which language a guest reads: the address says it; where it does not, a cookie, then the browser."""

from __future__ import annotations

from functools import cache
from typing import Final

from litestar.types import Scope as AsgiScope

from hotel_booking.core.folding import sort_form
from hotel_booking.core.iso_codes import COUNTRIES
from hotel_booking.core.languages import DEFAULT, LANGUAGES
from hotel_booking.core.locales import locale_of
from hotel_booking.http import cookies

COOKIE: Final = "hotel_language"


@cache
def countries(language: str) -> list[tuple[str, str]]:
    """Every country as (ISO 3166 code, its name in the language), by name."""
    territories = locale_of(language).territories
    names = [(code, territories[code]) for code in COUNTRIES]
    return sorted(names, key=lambda country: (sort_form(country[1], language), country[1]))


def preferred(scope: AsgiScope) -> str:
    """The language to send somebody to who asked for none: their cookie's, then their browser's, else
    English."""
    chosen = cookies.read(scope, COOKIE)
    if chosen in LANGUAGES:
        return chosen
    header = next((value for name, value in scope["headers"] if name == b"accept-language"), b"")
    return accepted(header.decode("latin-1")[:1000])


def accepted(header: str) -> str:
    """The best of our languages by an Accept-Language header; malformed parts are passed over."""
    best, weight = DEFAULT, 0.0
    for part in header.split(","):
        name, _, parameter = part.strip().partition(";")
        language = name.strip().lower().partition("-")[0]
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter.strip() else 1.0
        except ValueError:
            continue
        if language in LANGUAGES and weight < quality <= 1:
            best, weight = language, quality
    return best
