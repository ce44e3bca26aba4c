"""What templates call for their words."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from babel.numbers import format_decimal
from markupsafe import Markup

from hotel_booking.core.locales import locale_of
from hotel_booking.http.i18n.catalogues import translations


def words(language: str) -> dict[str, Callable[..., Markup]]:
    """What `_("...")` and `{% trans %}` call. As Jinja's own, but that a text which is filled with nothing is
    made once: a page says some two hundred of them."""
    texts, locale = translations(language), locale_of(language)

    @lru_cache(maxsize=4096)
    def whole(text: str) -> Markup:
        return Markup(texts.gettext(text)) % {}  # noqa: S704 - ours, from the code and the catalogues

    def gettext(text: str, /, **values: Any) -> Markup:
        if not values:
            return whole(text)
        return Markup(texts.gettext(text)) % values  # noqa: S704 - the values are escaped by %

    def ngettext(one: str, many: str, number: int, /, **values: Any) -> Markup:
        # Below a thousand there is nothing to group, and nearly all are.
        num = number if number < 1_000 else str(format_decimal(number, locale=locale))
        return Markup(texts.ngettext(one, many, number)) % {"num": num, **values}  # noqa: S704 - as above

    return {"_": gettext, "gettext": gettext, "ngettext": ngettext}
