"""What is isolated on a page is decided by patterns, as Unicode's table of letters says it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotel_booking.core import bidi

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
    ],
)
def test_names_of_either_direction(text: str, ltr: str, rtl: str) -> None:
    assert (bidi.needs(text, rtl=False), bidi.needs(text, rtl=True)) == (ltr, rtl)
