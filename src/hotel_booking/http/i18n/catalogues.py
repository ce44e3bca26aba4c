"""The site's words: gettext catalogues, one a language and area, in locale/<language>/<area>.po.

English is written in the code and is the message's own name. The catalogues are read as they are at the
first use: there is nothing to compile, and nothing to forget to compile.
"""

from __future__ import annotations

import gettext
from functools import cache
from importlib.resources import files
from io import BytesIO

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from hotel_booking.core.languages import DEFAULT

# The package itself is not imported: that lies above.
_FOLDER = files("hotel_booking") / "web" / "locale"


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The language's words, of all areas: `.gettext(text)`, `.ngettext(one, many, n)`, `.pgettext(context,
    text)`. A text without a translation stays English; a test fails on it."""
    if language == DEFAULT:
        return gettext.NullTranslations()
    whole: Catalog | None = None
    for file in sorted((_FOLDER / language).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".po"):
            continue
        with file.open("rb") as source:
            area = read_po(source, locale=language)
        if whole is None:
            whole = area
            continue
        # One table of all areas: a text is looked up once, not in one area after the other.
        for message in area:
            if message.id and message.id not in whole:
                whole[message.id] = message
    if whole is None:
        return gettext.NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, whole)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
