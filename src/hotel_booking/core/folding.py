"""How texts are compared where people look for them and where lists are sorted: case, marks, width and digits
do not count, in any script.

The database has the same functions under the same names (`migrations/sql/0006_folding.sql`, written by
`scripts/folding_sql` from this module); a test compares both, character by character. Nothing here depends on
a locale or on ICU, which a PostgreSQL may or may not have, nor on which Unicode a Python knows.
"""

# ruff: noqa: RUF001  # letters that look alike are what this is about

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from hotel_booking.core.later_characters import is_later

# Letters that Unicode does not take apart, as they are typed on a keyboard that lacks them.
_LETTERS = {
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i", "ŋ": "n", "ĸ": "k", "ə": "a",
    "ǝ": "e", "ɛ": "e", "ɔ": "o", "ɓ": "b", "ɗ": "d", "ɖ": "d", "ƙ": "k", "ƴ": "y", "ƒ": "f", "ɣ": "g",
    "ʋ": "v", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th",
    # Arabic: ends of words, Persian and Urdu forms, alef with wasla; the stretching of a line is no letter.
    "ة": "ه", "ى": "ي", "ی": "ي", "ے": "ي", "ې": "ي", "ک": "ك", "ہ": "ه", "ھ": "ه", "ە": "ه", "ٱ": "ا",
    "ـ": "",
    # Hebrew: letters at the end of a word.
    "ך": "כ", "ם": "מ", "ן": "נ", "ף": "פ", "ץ": "צ",
}  # fmt: skip
# Marks that make another letter, or carry its vowel: nukta, kana voicing, virama, vowels of Telugu, Thai, Lao
# and Tibetan, and those of class 0, which stand beside their letter.
_KEPT_CLASSES = frozenset({0, 7, 8, 9, 84, 91, 103, 118, 129, 130, 132})
# Of class 0, and nevertheless only how a letter looks.
_LOOKS = frozenset("\u034f") | frozenset(map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)]))
# An apostrophe is no gap: "l'aquila" and "laquila" are one word.
APOSTROPHES = "'’‘‛`´ʼʻʹʾʿ′"
_ASCII_WORDS = re.compile("[a-z0-9]+").findall
# What German and the languages of the North spell out where the letter is lacking: Mueller, Soeren, Aage.
_SPELT_OUT = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "ø": "oe",
        "å": "aa",
        "Ä": "ae",
        "Ö": "oe",
        "Ü": "ue",
        "Ø": "oe",
        "Å": "aa",
    }
)
_SPELT = re.compile(f"[{''.join(map(chr, _SPELT_OUT))}]")
_REMEMBERED = 10_000  # characters, whoever sends them
# Letters with a place of their own in a language: Spanish has ñ after all of n.
_AFTER = {"es": str.maketrans({"ñ": "n\uffff", "Ñ": "n\uffff"})}


def fold(text: str) -> str:
    """The text as it is looked for: "ÉLODIE", "élodie" and "Elodie" are one, so are ΜΑΡΊΑ and μαρια, ёлка and
    елка, أحمد and احمد, ｶﾅ and かな. Blanks and punctuation stay; characters without a look go."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKD", text).translate(_TABLE))


def fold_spelled(text: str) -> str:
    """As `fold`, with the letters spelt out that have another spelling: "Müller" is "mueller". A name is
    found by both forms, and both are looked for."""
    return (
        fold(unicodedata.normalize("NFC", text).translate(_SPELT_OUT)) if is_spelt_out(text) else fold(text)
    )


def is_spelt_out(text: str) -> bool:
    """Whether there are letters in it that have another spelling."""
    return not text.isascii() and _SPELT.search(unicodedata.normalize("NFC", text)) is not None


def fold_words(text: str) -> list[str]:
    """The words of a text, folded: letters, digits and the marks they need. "Saint-Denis" has two words,
    "L'Aquila" one."""
    if text.isascii():  # most are, and this takes half the time
        return _ASCII_WORDS(text.lower().replace("'", "").replace("`", ""))
    # Every character that Python splits at is one that separates.
    return fold(text.translate(_NO_APOSTROPHES)).translate(_GAPS).split()


def small(text: str) -> str:
    """In small letters, each by itself and nothing else changed: what tells e-mail addresses apart."""
    if text.isascii():
        return text.lower()
    whole = unicodedata.normalize("NFC", text)
    letters = (letter if is_later(letter) else letter.lower() for letter in whole)
    return unicodedata.normalize("NFC", "".join(letters))


def sort_form(text: str, language: str = "en") -> str:
    """By what a list is sorted in a language, compared by code points (COLLATE "C" in SQL): by its words,
    without case and marks; in Spanish ñ after n; in Arabic what is written in Arabic letters first. Where two
    are equal the text itself decides."""
    after = _AFTER.get(language)
    form = " ".join(fold_words(unicodedata.normalize("NFC", text).translate(after) if after else text))
    first = language == "ar" and "\u0621" <= form[:1] <= "\u06ff"
    return ("0" if first else "1") + form


class Letters(dict[int, str]):
    """What becomes of each character of a text, worked out when it is first met."""

    def __init__(self, becomes: Callable[[str], str]) -> None:
        super().__init__()
        self._becomes = becomes

    def __missing__(self, point: int) -> str:
        new = self._becomes(chr(point))
        if len(self) < _REMEMBERED:
            self[point] = new
        return new


def folded_letter(letter: str) -> str:
    """What becomes of one character that NFKD leaves as it is."""
    if is_later(letter):
        return letter
    category = unicodedata.category(letter)
    if category in ("Cf", "Me") or letter in _LOOKS:
        return ""
    if category[0] == "M" and unicodedata.combining(letter) not in _KEPT_CLASSES:
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    small = "".join(_LETTERS.get(part, part) for part in letter.casefold())
    if small and ("\u30a1" <= small <= "\u30f6" or small in "\u30fd\u30fe"):
        return chr(ord(small) - 0x60)  # katakana as hiragana
    return small


def separates(letter: str) -> bool:
    """Whether a character stands between words: blanks, punctuation, symbols, controls; no apostrophe."""
    category = unicodedata.category(letter)
    apart = category[0] in "PSZ" or category == "Cc"
    return apart and letter not in APOSTROPHES and not is_later(letter)


_TABLE = Letters(folded_letter)  # of texts in the form NFKD
_NO_APOSTROPHES = Letters(lambda letter: "" if letter in APOSTROPHES else letter)
_GAPS = Letters(lambda letter: " " if separates(letter) else letter)
