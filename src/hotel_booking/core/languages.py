"""The languages that guests read, and how each writes."""

from __future__ import annotations

from typing import Final, Literal

Language = Literal["en", "de", "fr", "es", "ar"]

# In their own words, in the order in which they are offered.
LANGUAGES: Final = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "ar": "العربية",
}
DEFAULT: Final = "en"
RIGHT_TO_LEFT: Final = frozenset({"ar"})
# What follows a word: French puts a space before it, at which no line breaks.
COLONS: Final = {"fr": "\N{NO-BREAK SPACE}:"}
# How dates, numbers and money are written.
LOCALES: Final = {"en": "en_GB", "de": "de_DE", "fr": "fr_FR", "es": "es_ES", "ar": "ar"}
