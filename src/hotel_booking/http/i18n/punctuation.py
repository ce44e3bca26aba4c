"""The marks between words as a language writes them: Arabic has a comma and a semicolon of its own, French a
space before its colon, at which no line breaks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

from markupsafe import Markup

from hotel_booking.core.languages import COLONS

_ARABIC: Final = {",": "،", ";": "؛"}


def between(language: str, mark: Literal[",", ";"] = ",") -> str:
    """A mark and the blank behind it."""
    return f"{_ARABIC[mark] if language == 'ar' else mark} "


def colon(language: str) -> str:
    """A colon, as it follows a word."""
    return COLONS.get(language, ":")


def joined(parts: Iterable[Any], language: str, mark: Literal[",", ";"] = ",") -> str:
    """The parts one after the other, without those that are empty: 2 adults, 1 child. HTML where one of them
    is. A sentence with "and" in it is a text of its own, with placeholders."""
    shown = [part for part in parts if part]
    if any(isinstance(part, Markup) for part in shown):
        return Markup(between(language, mark)).join(shown)  # noqa: S704 - ours; the parts are escaped by join
    return between(language, mark).join(map(str, shown))
