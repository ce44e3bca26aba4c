"""Text of one direction inside text of the other: isolated, so that a name turns no reference, amount or date
beside it around (Unicode's bidirectional algorithm, UAX 9)."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Literal, NamedTuple

FIRST_STRONG, LEFT_TO_RIGHT, RIGHT_TO_LEFT, END = "\u2068", "\u2066", "\u2067", "\u2069"
_RIGHT = ("R", "AL", "AN")
_HEBREW = "\u0590"  # no letter before it goes from right to left
_ASCII_LETTER = re.compile("[A-Za-z]")
# A telephone number: its groups of digits alone would go from right to left.
_GROUPS = re.compile(r"(?=(?:[^0-9]*[0-9]){6})(?:\+[0-9]+|[+(]*[0-9][0-9()./ -]*[ (][0-9()./ -]*)")
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]+")


def needs(text: str, *, rtl: bool) -> Literal["", "own", "page"]:
    """How a text has to be isolated on a page (`rtl`: written from right to left): not at all, since all of
    it goes the page's way; by its own direction; or, where it has both, by the page's."""
    if text.isascii():
        return "own" if rtl and (_ASCII_LETTER.search(text) or _GROUPS.fullmatch(text)) else ""
    found = letters()
    right = max(text) >= _HEBREW and found.right.search(text) is not None
    if not rtl and not right:
        return ""
    left = found.left.search(text) is not None
    if rtl and not left:
        return ""
    return "page" if left and right else "own"


class Letters(NamedTuple):
    """What finds a letter of a direction: a page has some hundred texts, and a loop over their letters was a
    tenth of it."""

    left: re.Pattern[str]
    right: re.Pattern[str]


@cache
def letters() -> Letters:
    """The letters of both directions; made once, which takes some 20 ms. Beyond the third plane there are
    none but private ones."""
    left, right = [], []
    for code in range(0x40000):
        kind = unicodedata.bidirectional(chr(code))
        if kind == "L":
            left.append(code)
        elif kind in _RIGHT:
            right.append(code)
    return Letters(_pattern(left), _pattern(right))


def _pattern(codes: list[int]) -> re.Pattern[str]:
    """A class of letters, written as ranges."""
    ranges: list[list[int]] = []
    for code in codes:
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return re.compile("[" + "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in ranges) + "]")


def unturned(text: str) -> str:
    """The text without the characters that would turn it, or what stands around it, around."""
    return _TURNING.sub("", text)


def isolated(text: str, *, rtl: bool = False) -> str:
    """The text as a part of plain text, without what would turn the rest around."""
    text = unturned(text)
    match needs(text, rtl=rtl):
        case "own":
            return f"{FIRST_STRONG}{text}{END}"
        case "page":
            return f"{RIGHT_TO_LEFT if rtl else LEFT_TO_RIGHT}{text}{END}"
    return text
