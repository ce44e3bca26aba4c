"""The site's words: gettext catalogues, one a language and area, in locale/<language>/<area>.po.

English is written in the code and is the message's own name. The catalogues are read as they are at the
first use: there is nothing to compile, and nothing to forget to compile.
"""

from __future__ import annotations

import gettext
from functools import cache
from importlib.resources import files
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from hotel_booking.web.i18n.language import DEFAULT

_FOLDER = files("hotel_booking.web") / "locale"


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The language's words, of all areas: `.gettext(text)`, `.ngettext(one, many, n)`, `.pgettext(context,
    text)`. A text without a translation stays English; a test fails on it."""
    if language == DEFAULT:
        return gettext.NullTranslations()
    merged: gettext.NullTranslations | None = None
    for file in sorted((_FOLDER / language).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".po"):
            continue
        compiled = BytesIO()
        with file.open("rb") as source:
            write_mo(compiled, read_po(source, locale=language))
        compiled.seek(0)
        area = gettext.GNUTranslations(compiled)
        if merged is None:
            merged = area
        else:
            merged.add_fallback(area)
    return merged or gettext.NullTranslations()
