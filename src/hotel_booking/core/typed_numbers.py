"""Numbers as people type them: in the digits of their own page or keyboard, with the commas of their own
script."""

from __future__ import annotations

import re
import unicodedata

# Between numbers of a list: commas and semicolons of several scripts, slashes, blanks, and "and" in the
# site's languages, which Arabic writes to the number behind it.
_BETWEEN = re.compile(
    r"(?:[\s,;/+&\u060c\u061b\u3001\u3002\uff0c\uff0e\uff1b\ufe50\u00b7\u30fb\u0648]|\b(?:and|und|et|y|e)\b)+",
    re.IGNORECASE,
)
_MINUS = "\u2212\u2010\u2011\u2012\u2013\uff0d\ufe63"


def plain_digits(text: str) -> str:
    """The text with the digits of every script as 0 to 9, every minus as -, and without marks of
    direction."""
    if text.isascii():
        return text
    parts = []
    for letter in text:
        if letter.isdecimal():
            parts.append(str(unicodedata.decimal(letter)))
        elif letter in _MINUS:
            parts.append("-")
        elif unicodedata.category(letter) != "Cf":
            parts.append(letter)
    return "".join(parts)


def number_list(text: str) -> list[str]:
    """The parts of a list such as "5, 9" in the digits and commas of any script, in plain digits."""
    return [part for part in _BETWEEN.split(plain_digits(text)) if part]
