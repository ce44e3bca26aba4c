"""What is isolated on a page is decided by patterns, as Unicode's table of letters says it."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotel_booking.core import bidi
from hotel_booking.http.ui import assets

_MIXED = st.text(
    st.one_of(
        st.characters(max_codepoint=0x7F),
        st.characters(min_codepoint=0x590, max_codepoint=0x6FF),
        st.characters(),
    ),
    max_size=6,
)


def _by_the_table(text: str, *, rtl: bool) -> str:
    kinds = {unicodedata.bidirectional(letter) for letter in text}
    left, right = "L" in kinds, bool(kinds & {"R", "AL", "AN"})
    if not (left if rtl else right):
        return ""
    return "page" if left and right else "own"


@given(_MIXED, st.booleans())
@settings(deadline=None)
def test_a_text_is_isolated_as_the_directions_of_its_letters_say(text: str, rtl: bool) -> None:
    if any(unicodedata.category(letter) == "Co" for letter in text):
        return  # private letters have no direction that anybody could see
    assert bidi.needs(text, rtl=rtl) == _by_the_table(text, rtl=rtl)


@pytest.mark.parametrize(
    ("text", "ltr", "rtl"),
    [
        ("Hotel Tejo", "", "own"),
        ("فندق", "own", ""),
        ("فندق Tejo", "page", "page"),
        ("12,50 €", "", ""),
        ("𞤀", "own", ""),
        ("中国", "", "own"),
        ("0171 1234567", "", "own"),  # a telephone number's parts, which would change places
        ("+351 21 123 4567", "", "own"),
        ("(030) 90-1820", "", "own"),
        ("5, 9", "", ""),
    ],
)
def test_names_of_either_direction(text: str, ltr: str, rtl: str) -> None:
    assert (bidi.needs(text, rtl=False), bidi.needs(text, rtl=True)) == (ltr, rtl)


def test_no_style_turns_a_sign_that_browsers_turn() -> None:
    """Angle quotes and the like are mirrored from right to left: to write the other one there points back."""
    folder = Path(assets.__file__).parent / "assets"
    from_the_right = re.compile(r'\[dir="?rtl"?\][^{]*\{[^}]*content:\s*"([^"]*)"')
    styles = list(folder.glob("*.css"))
    assert len(styles) > 5
    written = [text for style in styles for text in from_the_right.findall(style.read_text())]
    assert [text for text in written if any(map(unicodedata.mirrored, text))] == []
