"""Text of one direction inside text of the other: isolated, so that a name turns no reference, amount or date
beside it around (Unicode's bidirectional algorithm, UAX 9)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Literal

FIRST_STRONG, LEFT_TO_RIGHT, RIGHT_TO_LEFT, END = "\u2068", "\u2066", "\u2067", "\u2069"
_RIGHT = ("R", "AL", "AN")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]+")


def needs(text: str, *, rtl: bool) -> Literal["", "own", "page"]:
    """How a text has to be isolated on a page (`rtl`: written from right to left): not at all, since all of
    it goes the page's way; by its own direction; or, where it has both, by the page's."""
    if not rtl and (text.isascii() or _right().isdisjoint(text)):
        return ""
    kinds = set(map(unicodedata.bidirectional, set(text)))
    left, right = "L" in kinds, not kinds.isdisjoint(_RIGHT)
    if not (left if rtl else right):
        return ""
    return "page" if left and right else "own"


@cache
def _right() -> frozenset[str]:
    """What goes from right to left: all of it stands in the basic plane and in two stretches beyond."""
    stretches = (range(0x0590, 0xFFFE), range(0x10800, 0x11000), range(0x1E800, 0x1F000))
    return frozenset(chr(code) for all_of in stretches for code in all_of if _goes_right(chr(code)))


def _goes_right(letter: str) -> bool:
    return unicodedata.bidirectional(letter) in _RIGHT


def isolated(text: str, *, rtl: bool = False) -> str:
    """The text as a part of plain text, without what would turn the rest around."""
    text = _TURNING.sub("", text)
    match needs(text, rtl=rtl):
        case "own":
            return f"{FIRST_STRONG}{text}{END}"
        case "page":
            return f"{RIGHT_TO_LEFT if rtl else LEFT_TO_RIGHT}{text}{END}"
    return text
